//! Published vectors over the ciphers and the MAC that the vault builds on. Values: C2SP XAES-256-GCM (c2sp.org), RFC
//! 4231 by way of Wycheproof.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what did not run"
)]

use std::{io::Read, path::PathBuf, process::Command};

use hmac::{Hmac, KeyInit as MacKeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use shake::{
    Shake128,
    digest::{ExtendableOutput, Update, XofReader},
};
use xaes_256_gcm::{
    Xaes256Gcm,
    aead::{Aead, AeadInOut, Payload},
    aes_gcm::Aes256Gcm,
};

fn xaes(key: &[u8]) -> Xaes256Gcm {
    Xaes256Gcm::new_from_slice(key).unwrap()
}

#[test]
fn c2sp_vectors_hold() {
    let nonce = *b"ABCDEFGHIJKLMNOPQRSTUVWX";
    for (key, associated, sealed) in [
        ([1u8; 32], b"".as_slice(), "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        ([3u8; 32], b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ] {
        let plaintext = b"XAES-256-GCM".as_slice();
        let made = xaes(&key).encrypt(&nonce.into(), Payload { msg: plaintext, aad: associated }).unwrap();
        assert_eq!(hex::encode(&made), sealed);
        let opened = xaes(&key).decrypt(&nonce.into(), Payload { msg: &made, aad: associated }).unwrap();
        assert_eq!(opened, plaintext);
    }
}

#[test]
fn c2sp_accumulation_of_ten_thousand_rounds_holds() {
    let mut source = Shake128::default().finalize_xof();
    let mut digest = Shake128::default();
    let mut length = [0u8];
    for _ in 0..10_000 {
        let (mut key, mut nonce) = ([0u8; 32], [0u8; 24]);
        source.read(&mut key);
        source.read(&mut nonce);
        source.read(&mut length);
        let mut plaintext = vec![0; length[0].into()];
        source.read(&mut plaintext);
        source.read(&mut length);
        let mut associated = vec![0; length[0].into()];
        source.read(&mut associated);
        let cipher = xaes(&key);
        let sealed = cipher.encrypt(&nonce.into(), Payload { msg: &plaintext, aad: &associated }).unwrap();
        let opened = cipher.decrypt(&nonce.into(), Payload { msg: &sealed, aad: &associated }).unwrap();
        assert_eq!(opened, plaintext);
        digest.update(&sealed);
    }
    let mut sum = [0u8; 32];
    digest.finalize_xof().read(&mut sum);
    assert_eq!(hex::encode(sum), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
}

/// Reads a Wycheproof file, or says that the suite did not run.
fn wycheproof(name: &str) -> Option<Value> {
    let folder = std::env::var_os("CLOISTER_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join("crypto").join(name);
    if !path.exists() {
        println!("NOT RUN: no test data ({name})");
        return None;
    }
    let unpacked = Command::new("gzip").arg("-dc").arg(&path).output().unwrap();
    assert!(unpacked.status.success(), "{name} is not a gzip file");
    let mut text = String::new();
    unpacked.stdout.as_slice().read_to_string(&mut text).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

fn cases(file: &Value, fits: impl Fn(&Value) -> bool) -> Vec<(&Value, bool)> {
    let groups = file["testGroups"].as_array().unwrap().iter().filter(|group| fits(group));
    groups
        .flat_map(|group| group["tests"].as_array().unwrap())
        .map(|case| (case, case["result"] == "valid"))
        .collect()
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().unwrap()).unwrap()
}

#[test]
fn wycheproof_aes_256_gcm_holds() {
    let Some(file) = wycheproof("aes_gcm_test.json.gz") else { return };
    // The only form that XAES uses: 256-bit key, 96-bit nonce, 128-bit tag.
    let cases =
        cases(&file, |group| group["keySize"] == 256 && group["ivSize"] == 96 && group["tagSize"] == 128);
    assert!(cases.len() > 50, "{} cases", cases.len());
    for (case, valid) in cases {
        let (plaintext, associated) = (bytes(case, "msg"), bytes(case, "aad"));
        let sealed = [bytes(case, "ct"), bytes(case, "tag")].concat();
        let cipher = Aes256Gcm::new_from_slice(&bytes(case, "key")).unwrap();
        let nonce: [u8; 12] = bytes(case, "iv").try_into().unwrap();
        let opened = cipher.decrypt(&nonce.into(), Payload { msg: &sealed, aad: &associated });
        assert_eq!(opened.is_ok(), valid, "case {}", case["tcId"]);
        if valid {
            assert_eq!(opened.unwrap(), plaintext, "case {}", case["tcId"]);
            let made = cipher.encrypt(&nonce.into(), Payload { msg: &plaintext, aad: &associated }).unwrap();
            assert_eq!(made, sealed, "case {}", case["tcId"]);
        }
    }
}

#[test]
fn wycheproof_hmac_sha_256_holds() {
    let Some(file) = wycheproof("hmac_sha256_test.json.gz") else { return };
    let cases = cases(&file, |group| group["keySize"] == 256 && group["tagSize"] == 256);
    assert!(cases.len() > 20, "{} cases", cases.len());
    for (case, valid) in cases {
        let mut mac = Hmac::<Sha256>::new_from_slice(&bytes(case, "key")).unwrap();
        Mac::update(&mut mac, &bytes(case, "msg"));
        assert_eq!(mac.verify_slice(&bytes(case, "tag")).is_ok(), valid, "case {}", case["tcId"]);
    }
}

#[test]
fn what_does_not_authenticate_is_not_decrypted_by_the_cipher() {
    let cipher = xaes(&[7; 32]);
    let mut buffer = *b"a bad tag must not leave a plaintext";
    let before = buffer;
    let failed =
        cipher.decrypt_inout_detached(&[0; 24].into(), b"", (&mut buffer[..]).into(), &[0; 16].into());
    assert!(failed.is_err());
    assert_eq!(buffer, before, "the tag is checked first");
}

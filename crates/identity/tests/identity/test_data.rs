//! Vectors of RFC 6238, appendix B, from the test data.

use std::path::PathBuf;

use cloister_identity::TotpSecret;
use serde::Deserialize;
use time::OffsetDateTime;

#[derive(Deserialize)]
struct Vectors {
    totp: Totp,
}

#[derive(Deserialize)]
struct Totp {
    step: i64,
    secrets_ascii: Secrets,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Secrets {
    #[serde(rename = "SHA1")]
    sha1: String,
}

#[derive(Deserialize)]
struct Row {
    unix: i64,
    #[serde(rename = "SHA1")]
    sha1: String,
}

#[test]
fn codes_are_those_of_rfc_6238() {
    let folder = std::env::var_os("CLOISTER_TEST_DATA").map(PathBuf::from);
    let folder =
        folder.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")));
    let Ok(text) = std::fs::read_to_string(folder.join("crypto/rfc4226-6238-otp.json")) else {
        println!("NOT RUN: no test data");
        return;
    };
    let vectors: Vectors = serde_json::from_str(&text).unwrap();
    let secret = TotpSecret::from_bytes(vectors.totp.secrets_ascii.sha1.as_bytes());
    assert!(vectors.totp.rows.len() >= 6);
    for row in vectors.totp.rows {
        let moment = OffsetDateTime::from_unix_timestamp(row.unix).unwrap();
        // Six digits are the last six of the eight that the table has.
        let code = &row.sha1[2..];
        assert_eq!(secret.code_at(moment).as_deref(), Some(code), "{}", row.unix);
        assert_eq!(secret.matching_step(code, moment), Some(row.unix / vectors.totp.step));
    }
}

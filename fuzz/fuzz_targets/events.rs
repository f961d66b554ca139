//! The sealed part of an event: any bytes are read or refused, and what was read is written as the very bytes. A leaf
//! tells where its two parts end.
#![no_main]

use cloister_audit::{SealedPart, Term, leaf};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(part) = SealedPart::decode(bytes) {
        assert_eq!(part.encode().into_exposed(), bytes, "two encodings of one part");
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(term) = Term::parse(text)
    {
        assert_eq!(term.as_str(), text);
        assert!(text.len() <= Term::LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    let Some((at, rest)) = bytes.split_first() else { return };
    let (clear, ciphertext) = rest.split_at(usize::from(*at).min(rest.len()));
    let joined = leaf(clear, ciphertext);
    let length = u32::from_be_bytes(joined[..4].try_into().unwrap()) as usize;
    assert_eq!(&joined[4..4 + length], clear);
    assert_eq!(&joined[8 + length..], ciphertext);
});

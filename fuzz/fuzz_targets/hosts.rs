//! A host name has one spelling: what was canonicalised stays as it is, and no spelling of it becomes another.
#![no_main]

use cloister_kernel::CanonicalHost;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(host) = CanonicalHost::parse(text) else { return };
    let name = host.as_str();
    assert!(name.len() <= 253 && !name.is_empty());
    assert!(
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
    );
    let spellings = [
        name.to_owned(),
        name.to_ascii_uppercase(),
        format!("{name}."),
        format!("{name}:8443"),
        format!("{name}.:1"),
    ];
    for spelling in spellings {
        assert_eq!(CanonicalHost::parse(&spelling).as_ref(), Ok(&host), "{spelling}");
    }
    // Nothing beside the letters' case, one dot and a port was taken away.
    assert!(text.to_ascii_lowercase().starts_with(name));
});

//! Cookie headers: never a panic, a token is only what stands there once under its exact name, and a second one beside it
//! refuses the request.
#![no_main]

use cloister_edge::{Cookies, FLOW_COOKIE, SESSION_COOKIE};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(COOKIE, value);
    }
    let Ok(cookies) = Cookies::read(&headers) else { return };
    for (name, token) in [(SESSION_COOKIE, &cookies.session), (FLOW_COOKIE, &cookies.flow)] {
        let Some(token) = token else { continue };
        let pair = format!("{name}={}", token.expose());
        assert!(bytes.windows(pair.len()).any(|part| part == pair.as_bytes()), "{pair}");
        for second in
            [pair.clone(), format!("{name}=x"), name.to_owned(), format!(" {name}={}", token.expose())]
        {
            let mut shadowed = headers.clone();
            shadowed.append(COOKIE, HeaderValue::from_str(&second).unwrap());
            assert!(Cookies::read(&shadowed).is_err(), "{second} beside {pair}");
        }
    }
});

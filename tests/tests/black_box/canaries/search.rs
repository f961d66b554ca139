//! What was planted, in every spelling, and where it is looked for.

use std::collections::{BTreeSet, HashMap};

use cloister_testkit::app::{TestApp, WireAnswer};

/// How much of a spelling is looked up at once.
const HEAD: usize = 6;

/// Spellings by their first bytes, each with the place of what it spells.
type Spellings = HashMap<[u8; HEAD], Vec<(usize, Vec<u8>)>>;

/// What was planted, each value in every spelling in which it could be kept by mistake.
#[derive(Default)]
pub(super) struct Planted {
    names: Vec<String>,
    /// Found in any case.
    folded: Spellings,
    /// Found as they are.
    exact: Spellings,
}

const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The characters that these bytes have in base64 whatever stands around them, when `before` bytes stand before them.
fn base64(bytes: &[u8], before: usize, alphabet: &[u8; 64]) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
    let bits: Vec<u8> = padded.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let sixes = bits.chunks_exact(6).map(|six| six.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit)));
    sixes.map(|six| char::from(alphabet[six])).skip((before * 8).div_ceil(6)).collect()
}

/// The bytes behind a text in one of the alphabets; none when it has other characters.
fn decoded(text: &str, alphabet: &[u8], width: u32) -> Option<Vec<u8>> {
    let places: Option<Vec<usize>> =
        text.bytes().map(|byte| alphabet.iter().position(|known| *known == byte)).collect();
    let bits: Vec<u8> = places?
        .into_iter()
        .flat_map(|place| (0..width).rev().map(move |bit| u8::from(place >> bit & 1 == 1)))
        .collect();
    Some(bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Planted {
    pub(super) fn add(&mut self, what: &str, value: &str) {
        assert!(value.len() > HEAD, "{what} is too short to be looked for: {value}");
        let place = self.names.len();
        self.names.push(what.to_owned());
        let mut spell = |spelling: String, fold: bool| {
            let (spellings, spelling) =
                if fold { (&mut self.folded, spelling.to_lowercase()) } else { (&mut self.exact, spelling) };
            let head = *spelling.as_bytes().first_chunk().unwrap();
            spellings.entry(head).or_default().push((place, spelling.into_bytes()));
        };
        spell(value.to_owned(), true);
        spell(hexadecimal(value.as_bytes()), true);
        spell(value.replace('@', "%40").replace(' ', "%20"), true);
        spell(value.replace(' ', "+"), true);
        for before in 0..3 {
            for alphabet in [PLAIN, URL_SAFE] {
                spell(base64(value.as_bytes(), before, alphabet), false);
            }
        }
        // What tokens and secrets are when their text is taken apart.
        for (alphabet, width) in [(URL_SAFE.as_slice(), 6), (BASE32.as_slice(), 5)] {
            if let Some(bytes) = decoded(value, alphabet, width).filter(|bytes| bytes.len() >= 10) {
                spell(hexadecimal(&bytes), true);
                spell(base64(&bytes, 0, PLAIN), false);
            }
        }
    }

    /// What of it stands in a text.
    pub(super) fn found_in(&self, text: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for (spellings, text) in
            [(&self.folded, text.to_lowercase().as_bytes()), (&self.exact, text.as_bytes())]
        {
            for start in 0..text.len().saturating_sub(HEAD - 1) {
                let head: &[u8; HEAD] = text[start..].first_chunk().unwrap();
                for (place, spelling) in spellings.get(head).into_iter().flatten() {
                    if text[start..].starts_with(spelling) {
                        found.insert(self.names[*place].as_str());
                    }
                }
            }
        }
        found
    }

    #[track_caller]
    pub(super) fn absent_from(&self, place: &str, text: &str) {
        let found = self.found_in(text);
        if let Some(what) = found.first() {
            let line = text.lines().find(|line| self.found_in(line).contains(what)).unwrap_or_default();
            let line: String = line.chars().take(2000).collect();
            panic!("{found:?} in {place}: {line}");
        }
    }
}

/// What can be read in a text that looks like base64.
pub(super) fn readable(text: &str) -> String {
    decoded(text, URL_SAFE, 6).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// An answer with its headers, as text.
pub(super) fn whole(answer: &WireAnswer) -> String {
    let headers: Vec<String> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    format!("{}\n{}", headers.join("\n"), answer.text())
}

/// What stands in the database's files, byte for byte: rows that were deleted too.
pub(super) fn files_of(app: &TestApp) -> Option<String> {
    let url = app.database.url_for("serve");
    let file = url.strip_prefix("sqlite://")?.split('?').next()?.to_owned();
    let folder = std::path::Path::new(&file).parent()?;
    let all = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    Some(all.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect())
}

#[test]
fn values_are_found_in_every_spelling() {
    let mut planted = Planted::default();
    planted.add("name", "Quackenbush");
    planted.add("secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    for text in [
        "x quackenbush y".to_owned(),
        hexadecimal(b"..Quackenbush..").to_uppercase(),
        base64(b"Dear Quackenbush, ", 0, PLAIN),
        base64(b"Dr Quackenbush, ", 0, URL_SAFE),
        base64(b"Mr. Quackenbush, ", 0, PLAIN),
    ] {
        assert_eq!(planted.found_in(&text), BTreeSet::from(["name"]), "{text}");
    }
    assert_eq!(planted.found_in(&hexadecimal(b"12345678901234567890")), BTreeSet::from(["secret"]));
    assert!(planted.found_in("Quacken bush").is_empty());
}

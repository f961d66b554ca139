//! Names as a blind index needs them: the same tokens however the name was typed.

use std::collections::BTreeSet;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The tokens of a name: compatibility decomposed (NFKD), without marks, in lower case, split at everything that is not
/// a letter. `"Müller-O'Brien"` gives `muller`, `o`, `brien`.
pub fn name_tokens(name: &str) -> BTreeSet<String> {
    let folded: String =
        name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    folded.split(|c: char| !c.is_alphabetic()).filter(|token| !token.is_empty()).map(str::to_owned).collect()
}

/// The first three letters of a token, by which a search finds it before it is typed out.
pub fn name_prefix(token: &str) -> &str {
    token.char_indices().nth(3).map_or(token, |(end, _)| &token[..end])
}

/// An identifier as one text: `system|value`.
pub fn identifier_token(system: &str, value: &str) -> String {
    format!("{system}|{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(name: &str) -> Vec<String> {
        name_tokens(name).into_iter().collect()
    }

    #[test]
    fn spelling_does_not_matter() {
        assert_eq!(tokens("José Müller-O'Brien"), ["brien", "jose", "muller", "o"]);
        assert_eq!(tokens("JOSE\u{301} mu\u{308}ller o’brien"), ["brien", "jose", "muller", "o"]);
        assert_eq!(tokens("ＩＳＴＡＮＢＵＬ İstanbul ﬁn"), ["fin", "istanbul"]);
        assert_eq!(tokens("王小明 123 "), ["王小明"]);
        assert!(tokens("\u{0} --- 7").is_empty());
    }

    #[test]
    fn a_prefix_is_three_letters_not_bytes() {
        assert_eq!(name_prefix("muller"), "mul");
        assert_eq!(name_prefix("žák"), "žák");
        assert_eq!(name_prefix("ō"), "ō");
        assert_eq!(name_prefix("王小明華"), "王小明");
    }
}

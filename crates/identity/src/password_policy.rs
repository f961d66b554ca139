//! What a new password must be (requirement AUTHN-7; NIST SP 800-63B, section 5.1.1.2).

use cloister_kernel::FieldError;
use unicode_normalization::UnicodeNormalization;
use zxcvbn::{
    matching::{Match, patterns::MatchPattern},
    zxcvbn,
};

use crate::breach_list::BreachList;

/// No clinic may ask for less.
pub const SHORTEST_FLOOR: usize = 12;
/// What is accepted at most; hashing cost does not grow with it.
pub const LONGEST: usize = 128;
/// From here on length makes up for composition.
const LONG_ENOUGH_WITHOUT_CLASSES: usize = 16;
/// Guesses, as a power of ten, below which a password counts as known to attackers.
const GUESSABLE_LOG10: f64 = 10.0;
/// Context words shorter than this would forbid ordinary passwords.
const SHORTEST_CONTEXT_WORD: usize = 4;

/// A clinic's rules for new passwords.
#[derive(Debug, Clone)]
pub struct PasswordPolicy {
    /// The shortest password in characters; never under [`SHORTEST_FLOOR`].
    pub shortest: usize,
    /// Whether three of four character classes are asked of passwords under sixteen characters.
    pub composition: bool,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { shortest: 15, composition: true }
    }
}

impl PasswordPolicy {
    /// The shortest length that holds, whatever the clinic set.
    pub fn effective_shortest(&self) -> usize {
        self.shortest.clamp(SHORTEST_FLOOR, LONGEST)
    }

    /// Every reason why a password is refused; empty when it is good. Reads the breach list from disk: call it off
    /// the request threads.
    ///
    /// # Errors
    /// When the breach list cannot be read: then no password is accepted.
    pub fn refusals(
        &self,
        password: &str,
        context: &[&str],
        breached: Option<&BreachList>,
    ) -> std::io::Result<Vec<FieldError>> {
        let password: String = password.nfc().collect();
        let length = password.chars().count();
        let mut refusals = Vec::new();
        let mut refuse = |code, reason: String| refusals.push(FieldError::new("password", code, reason));
        if length > LONGEST {
            refuse("password.too_long", format!("Use at most {LONGEST} characters."));
            return Ok(refusals);
        }
        let shortest = self.effective_shortest();
        if length < shortest {
            refuse("password.too_short", format!("Use at least {shortest} characters."));
        }
        if self.composition && length < LONG_ENOUGH_WITHOUT_CLASSES && character_classes(&password) < 3 {
            refuse(
                "password.composition",
                "Mix three of these: small letters, capital letters, digits, other signs. Or use sixteen characters or more."
                    .into(),
            );
        }
        if holds_context_word(&password, context) {
            refuse(
                "password.context_word",
                "Leave out your name, your email address and the clinic's name.".into(),
            );
        }
        if is_guessable(&password) || breached.map_or(Ok(false), |list| list.contains(&password))? {
            refuse(
                "password.breached",
                "Choose another password: this one is known to attackers or easy to guess.".into(),
            );
        }
        Ok(refusals)
    }
}

fn character_classes(password: &str) -> usize {
    let has = |class: fn(char) -> bool| usize::from(password.chars().any(class));
    has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(char::is_numeric)
        + has(|character| !character.is_alphanumeric())
}

fn holds_context_word(password: &str, context: &[&str]) -> bool {
    let folded = password.to_lowercase();
    context
        .iter()
        .flat_map(|text| text.split(|character: char| !character.is_alphanumeric()))
        .map(str::to_lowercase)
        .filter(|word| word.chars().count() >= SHORTEST_CONTEXT_WORD)
        .any(|word| folded.contains(&word))
}

/// A common password as a whole, in disguise or repeated, or anything an attacker's first ten billion guesses hold.
fn is_guessable(password: &str) -> bool {
    let estimate = zxcvbn(password, &[]);
    let length = password.chars().count();
    let whole = |found: &Match| {
        found.i == 0
            && found.j + 1 == length
            && matches!(found.pattern, MatchPattern::Dictionary(_) | MatchPattern::Repeat(_))
    };
    estimate.guesses_log10() < GUESSABLE_LOG10 || estimate.sequence().iter().any(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(password: &str) -> Vec<&'static str> {
        PasswordPolicy::default()
            .refusals(password, &["Lakeside Clinic", "ana.lopez@example.org"], None)
            .unwrap()
            .into_iter()
            .map(|refusal| refusal.code)
            .collect()
    }

    #[test]
    fn a_long_passphrase_is_good_without_any_special_sign() {
        assert!(codes("seven quiet herons over water").is_empty());
        assert!(codes("otra vez llueve sobre el ñandú").is_empty());
    }

    #[test]
    fn each_rule_refuses_by_its_own_code() {
        assert!(codes("Tq9#vLw2").contains(&"password.too_short"));
        assert!(codes("tqvlwzhxkbrnmfy").contains(&"password.composition"));
        assert!(codes("my LAKESIDE boat 47 sails").contains(&"password.context_word"));
        assert!(codes("lopez walks the dog at 7").contains(&"password.context_word"));
        assert!(codes("passwordpassword").contains(&"password.breached"));
        assert!(codes("aaaaaaaaaaaaaaaaaaaa").contains(&"password.breached"));
        assert_eq!(codes(&"a b".repeat(43)), ["password.too_long"]);
    }

    #[test]
    fn what_is_guessed_soon_is_refused_and_so_is_one_thing_repeated_however_hard_that_is_to_guess() {
        let soon = zxcvbn("monkeydragon12", &[]);
        assert!(soon.sequence().len() > 1 && soon.guesses_log10() < GUESSABLE_LOG10);
        assert!(codes("monkeydragon12").contains(&"password.breached"));
        let late = zxcvbn("kqzvwxjbtpgkqzvwxjbtpg", &[]);
        assert!(late.sequence().len() == 1 && late.guesses_log10() > GUESSABLE_LOG10);
        assert!(codes("kqzvwxjbtpgkqzvwxjbtpg").contains(&"password.breached"));
    }

    /// Signs that are hard to guess, of one class.
    const SIGNS: &str = "qzvkxwjpyhgbmflrtndcsuiaoe";

    #[test]
    fn each_length_is_good_from_its_first_character_to_its_last() {
        let of = |length: usize| SIGNS.chars().cycle().take(length).collect::<String>();
        let refuses = |password: &str, code| codes(password).contains(&code);
        assert!(
            refuses(&of(LONGEST + 1), "password.too_long") && !refuses(&of(LONGEST), "password.too_long")
        );
        let shortest = PasswordPolicy::default().effective_shortest();
        assert!(
            refuses(&of(shortest - 1), "password.too_short") && !refuses(&of(shortest), "password.too_short")
        );
        let long = LONG_ENOUGH_WITHOUT_CLASSES;
        assert!(
            refuses(&of(long - 1), "password.composition") && !refuses(&of(long), "password.composition")
        );
    }

    #[test]
    fn three_classes_of_signs_are_enough_and_two_are_not() {
        for (password, classes) in [
            ("qzvkxwjpyhgb", 1),
            ("qzvkxwJPYHGB", 2),
            ("qzvkxwJPYH47", 3),
            ("qzvkx-JPYHGB", 3),
            ("q-vkxwJPYH47", 4),
        ] {
            assert_eq!(character_classes(password), classes, "{password}");
            assert_eq!(codes(password).contains(&"password.composition"), classes < 3, "{password}");
        }
    }

    #[test]
    fn no_clinic_can_go_under_the_floor() {
        let lax = PasswordPolicy { shortest: 4, composition: false };
        let refusals = lax.refusals("Tq9#vLw2mZk", &[], None).unwrap();
        assert!(refusals.iter().any(|refusal| refusal.code == "password.too_short"));
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        let policy = PasswordPolicy { shortest: 12, composition: false };
        let refusals = policy.refusals("ñññññññ", &[], None).unwrap();
        assert!(refusals.iter().any(|refusal| refusal.code == "password.too_short"));
    }
}

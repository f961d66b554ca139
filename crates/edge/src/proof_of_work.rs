//! A proof of work: what a browser does before it may open a sign-in from an address that opens very many.
//!
//! The puzzle is a number that makes SHA-256 of `challenge:number` begin with so many zero bits (Hashcash, Back 2002).
//! Challenges cannot be known before their minute and are the same on every replica; a solution counts once.

use sha2::{Digest, Sha256};

/// Zero bits at the front: about 65,000 hashes, a second or less in a browser.
pub const PROOF_BITS: u32 = 16;
/// The longest number taken, in digits.
const LONGEST: usize = 15;

/// That somebody did the work. Made by [`crate::FlowPage::prove`] alone.
#[derive(Debug)]
pub struct Proven(());

impl Proven {
    pub(crate) fn of(challenge: &str, number: &str) -> Option<Self> {
        let plain = !number.is_empty()
            && number.len() <= LONGEST
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && (number == "0" || !number.starts_with('0'));
        let digest = Sha256::new().chain_update(challenge).chain_update(b":").chain_update(number).finalize();
        let front = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        (plain && front.leading_zeros() >= PROOF_BITS).then_some(Self(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solution(challenge: &str) -> String {
        (0_u64..).map(|number| number.to_string()).find(|text| Proven::of(challenge, text).is_some()).unwrap()
    }

    #[test]
    fn a_solution_fits_its_challenge_and_no_other() {
        let number = solution("first");
        assert!(Proven::of("first", &number).is_some());
        assert!(Proven::of("second", &number).is_none());
    }

    #[test]
    fn a_solution_has_one_spelling() {
        let number = solution("first");
        for other in [format!("0{number}"), format!("+{number}"), format!(" {number}"), String::new()] {
            assert!(Proven::of("first", &other).is_none(), "{other:?}");
        }
        assert!(Proven::of("first", &"9".repeat(16)).is_none());
    }
}

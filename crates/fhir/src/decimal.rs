//! Exact decimals, so that 0.1 + rounding never moves a value across a limit of its range.

/// A number with 18 decimal places; digits beyond them do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decimal(i128);

const PLACES: u32 = 18;
const ONE: i128 = 10_i128.pow(PLACES);

impl Decimal {
    pub(crate) const ZERO: Self = Self(0);

    /// Reads a number as JSON writes it, or with a leading plus. Nothing for other texts and for magnitudes from 10^18.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole)
            || !digits(fraction)
            || exponent.unsigned_abs() > 400
            || whole.len() + fraction.len() > 400
        {
            return None;
        }
        let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
        let mut value: i128 = 0;
        for (index, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
            let place = point - 1 - i64::try_from(index).ok()?;
            let digit = i128::from(digit - b'0');
            if digit == 0 || place < -i64::from(PLACES) {
                continue;
            }
            if place >= i64::from(PLACES) {
                return None;
            }
            let power = u32::try_from(place + i64::from(PLACES)).ok()?;
            value += digit * 10_i128.pow(power);
        }
        Some(Self(if negative { -value } else { value }))
    }

    /// The nearest number with so many decimal places, halves away from zero.
    pub(crate) fn rounded(self, places: u32) -> Self {
        let unit = 10_i128.pow(PLACES - places.min(PLACES));
        let half = if self.0 < 0 { -(unit / 2) } else { unit / 2 };
        Self((self.0 + half) / unit * unit)
    }

    /// Written out without an exponent and without trailing zeros.
    pub(crate) fn plain(self) -> String {
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / ONE.unsigned_abs(), magnitude % ONE.unsigned_abs());
        let fraction = format!("{fraction:018}");
        let fraction = fraction.trim_end_matches('0');
        let sign = if self.0 < 0 { "-" } else { "" };
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// Decimal places that show so many significant digits, at least 0.
    pub(crate) fn places_for(self, significant: u32) -> u32 {
        let magnitude = self.0.unsigned_abs();
        let length = if magnitude == 0 { PLACES } else { magnitude.ilog10() + 1 };
        (significant + PLACES).saturating_sub(length).min(PLACES)
    }
}

/// A number as a reader wants it: as sent while that is short, else rounded to four significant digits or as many more as
/// keep it on the same side of each limit. Whole digits are never rounded away.
pub(crate) fn readable(text: &str, limits: &[Decimal]) -> String {
    let Some(exact) = Decimal::parse(text) else { return text.to_owned() };
    let plain = !text.contains(['e', 'E', '+']);
    let significant = text.bytes().filter(u8::is_ascii_digit).skip_while(|b| *b == b'0').count();
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if plain && (significant <= 6 || decimals <= 2) {
        return text.to_owned();
    }
    let same_side = |rounded: Decimal| limits.iter().all(|limit| rounded.cmp(limit) == exact.cmp(limit));
    let first = exact.places_for(4);
    let places = (first..=PLACES).find(|places| same_side(exact.rounded(*places))).unwrap_or(PLACES);
    exact.rounded(places).plain()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_read_exactly() {
        assert_eq!(decimal("5.60"), decimal("5.6"));
        assert_eq!(decimal("-1.2e3"), decimal("-1200"));
        assert_eq!(decimal("12E-1"), decimal("+1.2"));
        assert!(decimal("0.1") < decimal("0.10000000000000001"));
        for text in ["", "-", ".5", "5.", "1e", "1e99", "NaN", "1,5", "٣", "1e9999999999", "--1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(decimal("1e-400"), Decimal::ZERO);
    }

    #[test]
    fn long_floats_are_shortened_and_short_numbers_left_alone() {
        let cases = [
            ("173.07682915481982", "173.1"),
            ("0.007346842890951088", "0.007347"),
            ("12345.678912", "12346"),
            ("-0.99999999", "-1"),
            ("5.60", "5.60"),
            ("1.010", "1.010"),
            ("120000.55", "120000.55"),
            ("1.5e2", "150"),
            ("123456789", "123456789"),
            ("1e300", "1e300"),
        ];
        for (text, expected) in cases {
            assert_eq!(readable(text, &[]), expected, "{text}");
        }
    }

    #[test]
    fn rounding_never_carries_a_value_over_a_limit() {
        assert_eq!(readable("5.1000000001", &[decimal("5.1")]), "5.1000000001");
        assert_eq!(readable("5.0999999", &[decimal("5.1")]), "5.0999999");
        assert_eq!(readable("5.1234567", &[decimal("5.1")]), "5.123");
    }
}

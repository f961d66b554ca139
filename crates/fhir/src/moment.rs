//! FHIR dates: as precise as the source was, and no more.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// How much of a date is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// `YYYY`.
    Year,
    /// `YYYY-MM`.
    Month,
    /// `YYYY-MM-DD`.
    Day,
    /// With a time of day and an offset.
    Instant,
}

/// A FHIR `date`, `dateTime` or `instant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    start: OffsetDateTime,
    precision: Precision,
}

impl Moment {
    /// Reads a `date` (no time of day).
    pub fn parse_date(text: &str) -> Option<Self> {
        Self::parse(text).filter(|moment| moment.precision < Precision::Instant)
    }

    /// Reads a `date`, `dateTime` or `instant`. A time of day needs seconds and an offset, as FHIR demands.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_ascii() {
            return None;
        }
        let number = |range: std::ops::Range<usize>| -> Option<u16> {
            text.get(range).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
        };
        let dash = |at: usize| text.as_bytes().get(at) == Some(&b'-');
        let year = i32::from(number(0..4)?);
        let month = |text_month: u16| Month::try_from(u8::try_from(text_month).ok()?).ok();
        let (month, day, precision) = match text.len() {
            4 => (Month::January, 1, Precision::Year),
            7 if dash(4) => (month(number(5..7)?)?, 1, Precision::Month),
            10 if dash(4) && dash(7) => (month(number(5..7)?)?, number(8..10)?, Precision::Day),
            20.. if dash(4) && dash(7) => (month(number(5..7)?)?, number(8..10)?, Precision::Instant),
            _ => return None,
        };
        if year == 0 {
            return None;
        }
        let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
        if precision < Precision::Instant {
            return Some(Self { start: date.midnight().assume_utc(), precision });
        }
        let (time, offset) = parse_time(text.get(10..)?)?;
        let start = date.with_time(time).assume_offset(offset).checked_to_offset(UtcOffset::UTC)?;
        Some(Self { start, precision })
    }

    /// The first instant that it could mean, in UTC: what it sorts by.
    pub const fn start(self) -> OffsetDateTime {
        self.start
    }

    /// How much is known.
    pub const fn precision(self) -> Precision {
        self.precision
    }

    /// The first and last calendar day that it could mean.
    pub fn days(self) -> (Date, Date) {
        let first = self.start.date();
        let last = match self.precision {
            Precision::Year => Date::from_calendar_date(first.year(), Month::December, 31).unwrap_or(first),
            Precision::Month => {
                let length = first.month().length(first.year());
                Date::from_calendar_date(first.year(), first.month(), length).unwrap_or(first)
            }
            Precision::Day | Precision::Instant => first,
        };
        (first, last)
    }

    /// Whether both could mean the same day.
    pub fn may_equal(self, other: Self) -> bool {
        let ((a_first, a_last), (b_first, b_last)) = (self.days(), other.days());
        a_first <= b_last && b_first <= a_last
    }

    /// The age in completed years on a day of one born then: the least and the greatest it can be. Nothing before
    /// birth. A birthday of 29 February is completed on 1 March in other years.
    pub fn years_on(self, day: Date) -> Option<(u16, u16)> {
        let (first, last) = self.days();
        let greatest = completed_years(first, day)?;
        Some((completed_years(last, day).unwrap_or(0), greatest))
    }
}

fn completed_years(birth: Date, day: Date) -> Option<u16> {
    if day < birth {
        return None;
    }
    let before_birthday = (day.month() as u8, day.day()) < (birth.month() as u8, birth.day());
    u16::try_from(day.year() - birth.year() - i32::from(before_birthday)).ok()
}

fn parse_time(text: &str) -> Option<(Time, UtcOffset)> {
    let bytes = text.as_bytes();
    let number = |at: usize| -> Option<u8> {
        text.get(at..at + 2).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
    };
    if bytes.first() != Some(&b'T') || bytes.get(3) != Some(&b':') || bytes.get(6) != Some(&b':') {
        return None;
    }
    let (hour, minute, second) = (number(1)?, number(4)?, number(7)?);
    let mut at = 9;
    let mut nanosecond = 0;
    if bytes.get(at) == Some(&b'.') {
        let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let kept = text.get(at + 1..at + 1 + digits.min(9))?;
        nanosecond = format!("{kept:0<9}").parse().ok()?;
        at += 1 + digits;
    }
    // A leap second reads as the last second of its minute.
    let time =
        Time::from_hms_nano(hour, minute, second.min(if second == 60 { 59 } else { second }), nanosecond)
            .ok()?;
    let offset = match (bytes.get(at)?, text.len() - at) {
        (b'Z', 1) => UtcOffset::UTC,
        (sign @ (b'+' | b'-'), 6) if bytes.get(at + 3) == Some(&b':') => {
            let (hours, minutes) = (i8::try_from(number(at + 1)?).ok()?, i8::try_from(number(at + 4)?).ok()?);
            if hours > 14 || minutes > 59 {
                return None;
            }
            let sign = if *sign == b'-' { -1 } else { 1 };
            UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?
        }
        _ => return None,
    };
    Some((time, offset))
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn dates_of_every_precision_are_read() {
        let cases = [
            ("1980", datetime!(1980-01-01 0:00 UTC), Precision::Year),
            ("1980-05", datetime!(1980-05-01 0:00 UTC), Precision::Month),
            ("1980-05-17", datetime!(1980-05-17 0:00 UTC), Precision::Day),
            ("2012-10-04T22:48:50+00:00", datetime!(2012-10-04 22:48:50 UTC), Precision::Instant),
            ("2012-10-04T22:48:50.216-05:00", datetime!(2012-10-05 3:48:50.216 UTC), Precision::Instant),
            ("2012-10-04T22:48:60Z", datetime!(2012-10-04 22:48:59 UTC), Precision::Instant),
        ];
        for (text, start, precision) in cases {
            assert_eq!(Moment::parse(text), Some(Moment { start, precision }), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in [
            "",
            "198",
            "0000",
            "1980-13",
            "1980-02-30",
            "1980-5-1",
            "1980/05/17",
            "2012-10-04T22:48",
            "2012-10-04T22:48:50",
            "2012-10-04 22:48:50Z",
            "2012-10-04T25:48:50Z",
            "2012-10-04T22:48:50.Z",
            "2012-10-04T22:48:50+15:00",
            "2012-10-04T22:48:50Zx",
            "２０１２",
            "+980",
            "2012-10-04T22:48:61Z",
            "9999-12-31T23:59:59-14:00é",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        assert_eq!(Moment::parse_date("2012-10-04T22:48:50Z"), None);
    }

    #[test]
    fn an_age_is_as_certain_as_the_birth_date() {
        let age = |birth: &str, day| Moment::parse(birth).and_then(|moment| moment.years_on(day));
        assert_eq!(age("2008-05-17", date!(2026 - 05 - 16)), Some((17, 17)));
        assert_eq!(age("2008-05-17", date!(2026 - 05 - 17)), Some((18, 18)));
        assert_eq!(age("2008", date!(2026 - 05 - 17)), Some((17, 18)));
        assert_eq!(age("2008-02-29", date!(2026 - 02 - 28)), Some((17, 17)));
        assert_eq!(age("2026", date!(2026 - 05 - 17)), Some((0, 0)));
        assert_eq!(age("2027-01-01", date!(2026 - 05 - 17)), None);
    }

    #[test]
    fn a_partial_date_may_equal_a_full_one() {
        let may = |a: &str, b: &str| Some(Moment::parse(a)?.may_equal(Moment::parse(b)?));
        assert_eq!(may("1980", "1980-05-17"), Some(true));
        assert_eq!(may("1980-05", "1980-06-01"), Some(false));
    }
}

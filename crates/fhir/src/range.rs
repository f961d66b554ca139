//! Values against their reference ranges.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    decimal::{Decimal, readable},
    element::{has_code, list, text, wording},
};

/// What a value is in relation to its reference range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpretation {
    /// Within the limits, which belong to the range.
    InRange,
    /// Above the upper limit.
    Above,
    /// Below the lower limit.
    Below,
    /// Not as expected, in no single direction.
    Outside,
    /// The source gave no range.
    NoRange,
    /// There is a range, and nothing certain can be said.
    NotComparable,
}

/// A reference range as data; its wording is made where the reader's language is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReferenceRange {
    /// The lower limit, if it is a number.
    pub low: Option<f64>,
    /// The upper limit, if it is a number.
    pub high: Option<f64>,
    /// The lower limit as the source wrote it, shortened if it is long.
    pub low_text: Option<String>,
    /// The upper limit likewise.
    pub high_text: Option<String>,
    /// What the source wrote instead of or beside the limits, such as `Negative`.
    pub text: Option<String>,
    /// The limits' unit.
    pub unit: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    at: Decimal,
    inclusive: bool,
}

/// All numbers between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Interval {
    low: Option<Bound>,
    high: Option<Bound>,
}

impl Interval {
    pub(crate) fn exactly(at: Decimal) -> Self {
        let bound = Some(Bound { at, inclusive: true });
        Self { low: bound, high: bound }
    }

    pub(crate) fn between(low: Option<Decimal>, high: Option<Decimal>) -> Self {
        let bound = |at: Option<Decimal>| at.map(|at| Bound { at, inclusive: true });
        Self { low: bound(low), high: bound(high) }
    }

    /// The numbers that a comparator and a number allow.
    pub(crate) fn compared(comparator: &str, at: Decimal) -> Option<Self> {
        let bound = |inclusive| Some(Bound { at, inclusive });
        match comparator {
            "<" => Some(Self { low: None, high: bound(false) }),
            "<=" | "≤" | "=<" => Some(Self { low: None, high: bound(true) }),
            ">" => Some(Self { low: bound(false), high: None }),
            ">=" | "≥" | "=>" => Some(Self { low: bound(true), high: None }),
            _ => None,
        }
    }

    /// Reads `5`, `>20`, `<=1.005` or `5-10`.
    pub(crate) fn parse(words: &str) -> Option<Self> {
        let words = words.trim();
        if let Some(exact) = Decimal::parse(words) {
            return Some(Self::exactly(exact));
        }
        let number_at = words.find(|c: char| !matches!(c, '<' | '>' | '=' | '≤' | '≥'))?;
        if number_at > 0 {
            let (comparator, number) = words.split_at(number_at);
            return Self::compared(comparator, Decimal::parse(number.trim())?);
        }
        let dash = words
            .char_indices()
            .skip(1)
            .find(|(_, c)| matches!(c, '-' | '–' | '—'))
            .map(|(at, c)| (at, c.len_utf8()));
        let (at, width) = dash?;
        let low = Decimal::parse(words.get(..at)?.trim())?;
        let high = Decimal::parse(words.get(at + width..)?.trim())?;
        (low <= high).then(|| Self::between(Some(low), Some(high)))
    }

    fn limits(self) -> Vec<Decimal> {
        [self.low, self.high].into_iter().flatten().map(|bound| bound.at).collect()
    }

    fn is_unbounded(self) -> bool {
        self.low.is_none() && self.high.is_none()
    }

    /// Where all of this lies in relation to the range; nothing certain if it lies on both sides of a limit.
    fn against(self, range: Self) -> Interpretation {
        use Interpretation::{Above, Below, InRange, NotComparable};
        if let (Some(low), Some(high)) = (range.low, range.high) {
            if low.at > high.at {
                return NotComparable;
            }
            // Sources write 0 to 0 where they have no range, so one number for both limits judges only its equal.
            if low.at == high.at {
                return if self == Self::exactly(low.at) { InRange } else { NotComparable };
            }
        }
        // "<1" of something that cannot be negative begins at 0.
        let starts_at_zero = self.low.is_none() && range.low.is_some_and(|low| low.at == Decimal::ZERO);
        let own_low = if starts_at_zero && self.high.is_some_and(|high| high.at > Decimal::ZERO) {
            Some(Bound { at: Decimal::ZERO, inclusive: true })
        } else {
            self.low
        };
        let reaches = |own: Bound, limit: Bound| own.at == limit.at && own.inclusive && !limit.inclusive;
        let beyond = |own: Bound, limit: Bound| own.at == limit.at && !(own.inclusive && limit.inclusive);
        let low_fits = range.low.is_none_or(|limit| {
            own_low.is_some_and(|own| own.at > limit.at || (own.at == limit.at && !reaches(own, limit)))
        });
        let high_fits = range.high.is_none_or(|limit| {
            self.high.is_some_and(|own| own.at < limit.at || (own.at == limit.at && !reaches(own, limit)))
        });
        let above = || matches!((own_low, range.high), (Some(own), Some(limit)) if own.at > limit.at || beyond(own, limit));
        let below = || matches!((self.high, range.low), (Some(own), Some(limit)) if own.at < limit.at || beyond(own, limit));
        match () {
            () if low_fits && high_fits => InRange,
            () if above() => Above,
            () if below() => Below,
            () => NotComparable,
        }
    }
}

/// A value as far as ranges are concerned.
#[derive(Debug, Default)]
pub(crate) struct Comparable<'a> {
    /// The numbers it can be.
    pub(crate) interval: Option<Interval>,
    /// What it says, if it is a text.
    pub(crate) words: Option<&'a str>,
    /// Its unit's code, else its unit.
    pub(crate) unit_code: Option<&'a str>,
    pub(crate) unit: Option<&'a str>,
}

/// The range that applies, what the value is against it, and the limits that rounding must respect.
pub(crate) struct Judged {
    pub(crate) range: Option<ReferenceRange>,
    pub(crate) interpretation: Interpretation,
    pub(crate) limits: Vec<Decimal>,
}

/// Judges a value by the `referenceRange` of an Observation or component.
pub(crate) fn judge(holder: &Value, value: &Comparable<'_>) -> Judged {
    let applicable = applicable(list(holder, "referenceRange"));
    let Some(range) = applicable.first() else {
        return Judged { range: None, interpretation: Interpretation::NoRange, limits: Vec::new() };
    };
    let one_range = applicable
        .iter()
        .all(|other| limit_texts(other) == limit_texts(range) && text(other, "text") == text(range, "text"));
    if !one_range {
        let text = applicable.iter().map(|range| described(range)).collect::<Vec<_>>().join("; ");
        let range = ReferenceRange {
            low: None,
            high: None,
            low_text: None,
            high_text: None,
            text: Some(text),
            unit: None,
        };
        return Judged {
            range: Some(range),
            interpretation: Interpretation::NotComparable,
            limits: Vec::new(),
        };
    }
    let interval = interval_of(range);
    let interpretation = match (interval, value.interval) {
        (Some(limits), Some(own)) if units_agree(range, value) => own.against(limits),
        (None, _) if says_the_same(range, value) => Interpretation::InRange,
        _ => Interpretation::NotComparable,
    };
    Judged {
        range: Some(view(range, interval)),
        interpretation,
        limits: interval.map(Interval::limits).unwrap_or_default(),
    }
}

/// The ranges for healthy people if any are marked so or unmarked, else all; those that say nothing are left out.
fn applicable(ranges: &[Value]) -> Vec<&Value> {
    let says = |range: &&Value| {
        let (low, high) = limit_texts(range);
        low.is_some() || high.is_some() || text(range, "text").is_some_and(|words| !words.trim().is_empty())
    };
    let telling: Vec<&Value> = ranges.iter().filter(says).collect();
    let normal = |range: &&&Value| range.get("type").is_none_or(|kind| has_code(kind, "normal"));
    let healthy: Vec<&Value> = telling.iter().filter(normal).copied().collect();
    if healthy.is_empty() { telling } else { healthy }
}

fn limit<'a>(range: &'a Value, name: &str) -> Option<&'a Value> {
    range.get(name).filter(|limit| limit.get("value").is_some_and(Value::is_number))
}

fn number_text(quantity: &Value) -> Option<&str> {
    match quantity.get("value")? {
        Value::Number(number) => Some(number.as_str()),
        _ => None,
    }
}

fn limit_texts(range: &Value) -> (Option<&str>, Option<&str>) {
    (limit(range, "low").and_then(number_text), limit(range, "high").and_then(number_text))
}

/// The limits as numbers: from `low` and `high`, else from a text such as `3.5-5.1 mmol/L` or `<5.7`.
fn interval_of(range: &Value) -> Option<Interval> {
    match limit_texts(range) {
        (None, None) => {
            let words = text(range, "text")?.trim();
            let numeric = |c: char| {
                c.is_ascii_digit() || matches!(c, '.' | '-' | '–' | '—' | '<' | '>' | '=' | '≤' | '≥' | ' ')
            };
            let end = words.find(|c| !numeric(c)).unwrap_or(words.len());
            let (numbers, unit) = words.split_at(end);
            let separated = unit.is_empty() || numbers.ends_with(' ') || unit.starts_with('%');
            let interval = Interval::parse(numbers).filter(|interval| !interval.is_unbounded())?;
            (separated && !unit.chars().any(|c| matches!(c, ';' | ','))).then_some(interval)
        }
        (low, high) => {
            let number = |text: Option<&str>| text.map_or(Some(None), |text| Decimal::parse(text).map(Some));
            Some(Interval::between(number(low)?, number(high)?))
        }
    }
}

fn units_agree(range: &Value, value: &Comparable<'_>) -> bool {
    [limit(range, "low"), limit(range, "high")].into_iter().flatten().all(|limit| {
        match (text(limit, "code"), value.unit_code, text(limit, "unit"), value.unit) {
            (Some(its), Some(own), ..) => its == own,
            (_, _, Some(its), Some(own)) => its.trim().eq_ignore_ascii_case(own.trim()),
            _ => true,
        }
    })
}

fn says_the_same(range: &Value, value: &Comparable<'_>) -> bool {
    match (text(range, "text"), value.words) {
        (Some(expected), Some(own)) => expected.trim().to_lowercase() == own.trim().to_lowercase(),
        _ => false,
    }
}

fn view(range: &Value, interval: Option<Interval>) -> ReferenceRange {
    let (low_text, high_text) = limit_texts(range);
    let float = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let bound = |bound: Option<Bound>| bound.map(|bound| bound.at.plain());
    let from_text = interval.filter(|_| low_text.is_none() && high_text.is_none());
    let low_text = low_text.map(|text| readable(text, &[])).or_else(|| from_text.and_then(|i| bound(i.low)));
    let high_text =
        high_text.map(|text| readable(text, &[])).or_else(|| from_text.and_then(|i| bound(i.high)));
    let unit =
        |name| limit(range, name).and_then(|limit| text(limit, "unit").or_else(|| text(limit, "code")));
    ReferenceRange {
        low: low_text.as_deref().and_then(float),
        high: high_text.as_deref().and_then(float),
        low_text,
        high_text,
        text: text(range, "text").map(|words| words.trim().to_owned()).filter(|words| !words.is_empty()),
        unit: unit("low").or_else(|| unit("high")).map(str::to_owned),
    }
}

/// One of several ranges, in the source's own words and numbers.
fn described(range: &Value) -> String {
    let limits = match limit_texts(range) {
        (Some(low), Some(high)) => format!("{low}–{high}"),
        (Some(low), None) => format!("≥{low}"),
        (None, Some(high)) => format!("≤{high}"),
        (None, None) => String::new(),
    };
    let whom = list(range, "appliesTo").first().and_then(wording).or_else(|| text(range, "text"));
    match (whom, limits.is_empty()) {
        (Some(whom), false) => format!("{whom}: {limits}"),
        (Some(whom), true) => whom.to_owned(),
        (None, _) => limits,
    }
}

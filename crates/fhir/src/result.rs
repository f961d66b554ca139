//! An Observation as a result that a person reads.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    decimal::{Decimal, readable},
    element::{codings, list, text, wording},
    moment::Moment,
    range::{Comparable, Interpretation, Interval, Judged, ReferenceRange, judge},
    summary::{category, is_retracted, moment_in},
};

/// Of which kind a value is, for those who choose words or draw charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// One number.
    Number,
    /// A bound: more or less than a number.
    Bound,
    /// A span between two numbers.
    Span,
    /// Words or a code's wording.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A date, a time or a period.
    Time,
    /// A ratio such as a titer.
    Ratio,
    /// A series of samples, which is not shown as text.
    Series,
    /// Only components, such as the two of a blood pressure.
    Components,
    /// No value; [`Reading::absent_reason`] may say why.
    Absent,
}

/// One measured thing: of an Observation or of one of its components.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What was measured, in the source's words.
    pub name: String,
    /// Its code, LOINC before others.
    pub code: Option<String>,
    /// The system of that code.
    pub code_system: Option<String>,
    /// Of which kind the value is.
    pub kind: ValueKind,
    /// The value to show, without its unit; long floats are shortened.
    pub value_text: String,
    /// The value as a number, for trends; only of [`ValueKind::Number`].
    pub value_number: Option<f64>,
    /// The number exactly as the source wrote it, with every digit.
    pub value_exact: Option<String>,
    /// The unit to show.
    pub unit: Option<String>,
    /// The reference range.
    pub range: Option<ReferenceRange>,
    /// What the value is against it.
    pub interpretation: Interpretation,
    /// The source's own flag: `H`, `L`, `HH`, `LL`, `A`, `N` and so on.
    pub flag: Option<String>,
    /// Whether the source called it critical.
    pub critical: bool,
    /// FHIR's data-absent-reason code.
    pub absent_reason: Option<String>,
}

/// A result: a laboratory value, a vital sign, an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultView {
    /// The value itself; of a panel, all of it together.
    pub reading: Reading,
    /// `laboratory`, `vital-signs` and so on.
    pub category: Option<String>,
    /// FHIR's observation status.
    pub status: String,
    /// When it was measured or taken, as precise as the source said it.
    pub effective_at: Option<String>,
    /// What the laboratory remarked.
    pub note: Option<String>,
    /// The parts of a panel in their order.
    pub components: Vec<Reading>,
    /// Entered in error: it must not be shown as a result.
    pub retracted: bool,
}

const LOINC: &str = "http://loinc.org";
const SYSTOLIC: &str = "8480-6";
const DIASTOLIC: &str = "8462-4";

impl ResultView {
    /// Reads an Observation.
    pub fn of(observation: &Value) -> Self {
        let components: Vec<Reading> = list(observation, "component").iter().map(reading).collect();
        let mut own = reading(observation);
        if own.kind == ValueKind::Absent && !components.is_empty() {
            gather(&mut own, &components);
        }
        let retracted = is_retracted(observation);
        if retracted || text(observation, "status") == Some("cancelled") {
            own.interpretation = Interpretation::NotComparable;
        }
        let notes: Vec<&str> =
            list(observation, "note").iter().filter_map(|note| text(note, "text")).collect();
        Self {
            reading: own,
            category: category(observation),
            status: text(observation, "status").unwrap_or("unknown").to_owned(),
            effective_at: effective_at(observation),
            note: Some(notes.join("\n")).filter(|notes| !notes.trim().is_empty()),
            components,
            retracted,
        }
    }
}

/// The first readable one of effective[x] and issued, as written.
fn effective_at(observation: &Value) -> Option<String> {
    let elements = ["effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming", "issued"];
    elements.iter().find_map(|name| first_moment(observation.get(*name)?))
}

fn first_moment(value: &Value) -> Option<String> {
    moment_in(value)?;
    match value {
        Value::String(words) => Some(words.clone()),
        Value::Array(items) => items.iter().find_map(first_moment),
        Value::Object(_) => ["start", "end", "event"].iter().find_map(|name| first_moment(value.get(*name)?)),
        _ => None,
    }
}

struct Shown<'a> {
    kind: ValueKind,
    /// What stands before the number, or all of it if it is shown verbatim.
    text: String,
    exact: Option<&'a str>,
    verbatim: bool,
    comparable: Comparable<'a>,
}

impl<'a> Shown<'a> {
    fn plain(kind: ValueKind, text: String) -> Self {
        Self { kind, text, exact: None, verbatim: true, comparable: Comparable::default() }
    }

    fn number(
        comparator: Option<&str>,
        number: &'a str,
        unit_code: Option<&'a str>,
        unit: Option<&'a str>,
    ) -> Self {
        let exact = Decimal::parse(number);
        let interval = match comparator {
            None => exact.map(Interval::exactly),
            Some(comparator) => exact.and_then(|exact| Interval::compared(comparator, exact)),
        };
        Self {
            kind: if comparator.is_some() { ValueKind::Bound } else { ValueKind::Number },
            text: comparator.unwrap_or("").to_owned(),
            exact: Some(number),
            verbatim: false,
            comparable: Comparable { interval, words: None, unit_code, unit },
        }
    }
}

fn reading(holder: &Value) -> Reading {
    let shown = shown(holder);
    let Judged { range, interpretation, limits } = judge(holder, &shown.comparable);
    let flag = flag(holder);
    let interpretation = flag.as_ref().map_or(interpretation, |flag| agreed(flag.1, interpretation));
    let value_text = match shown.exact {
        Some(number) if !shown.verbatim => format!("{}{}", shown.text, readable(number, &limits)),
        _ => shown.text,
    };
    let number =
        shown.exact.filter(|_| shown.kind == ValueKind::Number).and_then(|text| text.parse::<f64>().ok());
    let concept = holder.get("code").unwrap_or(&Value::Null);
    let coding = codings(concept)
        .iter()
        .find(|c| text(c, "system") == Some(LOINC))
        .or_else(|| codings(concept).first());
    Reading {
        name: wording(concept).unwrap_or("").trim().to_owned(),
        code: coding.and_then(|coding| text(coding, "code")).map(str::to_owned),
        code_system: coding.and_then(|coding| text(coding, "system")).map(str::to_owned),
        kind: shown.kind,
        value_text,
        value_number: number.filter(|number| number.is_finite()),
        value_exact: shown.exact.map(str::to_owned),
        unit: shown
            .comparable
            .unit
            .or(shown.comparable.unit_code)
            .filter(|unit| !matches!(unit.trim(), "" | "1" | "{nominal}"))
            .map(str::to_owned),
        range,
        interpretation,
        critical: flag.as_ref().is_some_and(|flag| flag.2),
        flag: flag.map(|flag| flag.0),
        absent_reason: holder.get("dataAbsentReason").and_then(|reason| {
            codings(reason)
                .iter()
                .find_map(|coding| text(coding, "code"))
                .or_else(|| text(reason, "text"))
                .map(str::to_owned)
        }),
    }
}

fn shown(holder: &Value) -> Shown<'_> {
    let get = |name: &str| holder.get(name);
    if let Some(quantity) = get("valueQuantity") {
        return quantity_shown(quantity);
    }
    if let Some(concept) = get("valueCodeableConcept") {
        return words_shown(wording(concept).unwrap_or(""));
    }
    if let Some(words) = text(holder, "valueString") {
        return words_shown(words);
    }
    if let Some(Value::Bool(truth)) = get("valueBoolean") {
        return Shown::plain(ValueKind::Boolean, truth.to_string());
    }
    if let Some(Value::Number(number)) = get("valueInteger") {
        return Shown::number(None, number.as_str(), None, None);
    }
    if let Some(span) = get("valueRange") {
        return span_shown(span);
    }
    if let Some(ratio) = get("valueRatio") {
        let side = |name: &str| ratio.get(name).map(quantity_words).unwrap_or_default();
        return Shown::plain(ValueKind::Ratio, format!("{}:{}", side("numerator"), side("denominator")));
    }
    if let Some(time) = text(holder, "valueTime").or_else(|| text(holder, "valueDateTime")) {
        return Shown::plain(ValueKind::Time, time.to_owned());
    }
    if let Some(period) = get("valuePeriod") {
        let side = |name: &str| text(period, name).filter(|day| Moment::parse(day).is_some()).unwrap_or("");
        return Shown::plain(
            ValueKind::Time,
            format!("{} – {}", side("start"), side("end")).trim().to_owned(),
        );
    }
    if get("valueSampledData").is_some() {
        return Shown::plain(ValueKind::Series, String::new());
    }
    Shown::plain(ValueKind::Absent, String::new())
}

fn number_of(quantity: &Value) -> Option<&str> {
    match quantity.get("value")? {
        Value::Number(number) => Some(number.as_str()),
        _ => None,
    }
}

fn quantity_shown(quantity: &Value) -> Shown<'_> {
    let (code, unit) = (text(quantity, "code"), text(quantity, "unit"));
    match number_of(quantity) {
        Some(number) => Shown::number(text(quantity, "comparator"), number, code, unit),
        None => Shown::plain(ValueKind::Absent, String::new()),
    }
}

fn quantity_words(quantity: &Value) -> String {
    let number = number_of(quantity).map(|number| readable(number, &[])).unwrap_or_default();
    let unit = text(quantity, "unit").filter(|unit| !matches!(*unit, "" | "1"));
    let comparator = text(quantity, "comparator").unwrap_or("");
    match unit {
        Some(unit) => format!("{comparator}{number} {unit}"),
        None => format!("{comparator}{number}"),
    }
}

/// Sources send numbers and bounds as texts too: `7.2`, `>20`, `<=1.005`, `5-10`.
fn words_shown(words: &str) -> Shown<'_> {
    let words = words.trim();
    if !words.contains(['e', 'E', '+']) && Decimal::parse(words).is_some() {
        return Shown { text: words.to_owned(), verbatim: true, ..Shown::number(None, words, None, None) };
    }
    let interval = Interval::parse(words);
    let kind = match interval {
        None => ValueKind::Text,
        Some(_) if words.starts_with(['<', '>', '=', '≤', '≥']) => ValueKind::Bound,
        Some(_) => ValueKind::Span,
    };
    let kind = if words.is_empty() { ValueKind::Absent } else { kind };
    let comparable = Comparable { interval, words: Some(words), unit_code: None, unit: None };
    Shown { kind, text: words.to_owned(), exact: None, verbatim: true, comparable }
}

fn span_shown(span: &Value) -> Shown<'_> {
    let side = |name: &str| span.get(name).and_then(number_of);
    let (low, high) = (side("low"), side("high"));
    let short = |number: Option<&str>| number.map(|number| readable(number, &[]));
    let text_of_both = match (short(low), short(high)) {
        (Some(low), Some(high)) => format!("{low}–{high}"),
        (Some(low), None) => format!("≥{low}"),
        (None, Some(high)) => format!("≤{high}"),
        (None, None) => return Shown::plain(ValueKind::Absent, String::new()),
    };
    let unit = |name: &str| span.get("low").or_else(|| span.get("high")).and_then(|limit| text(limit, name));
    let bounds = (low.map(Decimal::parse), high.map(Decimal::parse));
    let interval = match bounds {
        (Some(None), _) | (_, Some(None)) => None,
        (low, high) => Some(Interval::between(low.flatten(), high.flatten())),
    };
    let comparable = Comparable { interval, words: None, unit_code: unit("code"), unit: unit("unit") };
    Shown { kind: ValueKind::Span, text: text_of_both, exact: None, verbatim: true, comparable }
}

/// The source's flag: its code, what it means, whether it is critical. Codes of v3-ObservationInterpretation that do not
/// speak of a range (susceptibility, trends) are shown and mean nothing here.
fn flag(holder: &Value) -> Option<(String, Option<Interpretation>, bool)> {
    use Interpretation::{Above, Below, InRange, Outside};
    let concepts = list(holder, "interpretation");
    let codes = concepts.iter().flat_map(|concept| {
        codings(concept).iter().filter_map(|coding| text(coding, "code")).chain(text(concept, "text"))
    });
    let meant = |code: &str| match code.to_ascii_uppercase().as_str() {
        "H" | "HU" | ">" | "HX" | "HIGH" => Some((Above, false)),
        "HH" => Some((Above, true)),
        "L" | "LU" | "<" | "LX" | "LOW" => Some((Below, false)),
        "LL" => Some((Below, true)),
        "A" | "ABNORMAL" => Some((Outside, false)),
        "AA" => Some((Outside, true)),
        "N" | "NORMAL" => Some((InRange, false)),
        _ => None,
    };
    let all: Vec<&str> = codes.filter(|code| !code.trim().is_empty()).collect();
    let telling = all.iter().find_map(|code| meant(code).map(|meaning| (*code, meaning)));
    match telling {
        Some((code, (meaning, critical))) => Some((code.to_owned(), Some(meaning), critical)),
        None => all.first().map(|code| ((*code).to_owned(), None, false)),
    }
}

/// The laboratory knows ranges that it did not send, so its "abnormal" always stands. Its "normal" stands unless the
/// value is plainly beyond a limit that is shown beside it.
const fn agreed(flagged: Option<Interpretation>, computed: Interpretation) -> Interpretation {
    use Interpretation::{Above, Below, InRange, Outside};
    match (flagged, computed) {
        (Some(Outside | InRange), Above | Below) | (None, _) => computed,
        (Some(flagged), _) => flagged,
    }
}

/// Makes one value of a panel's components.
fn gather(own: &mut Reading, components: &[Reading]) {
    own.kind = ValueKind::Components;
    let find = |code: &str| {
        components.iter().find(|part| part.code.as_deref() == Some(code) && !part.value_text.is_empty())
    };
    match (find(SYSTOLIC), find(DIASTOLIC)) {
        (Some(systolic), Some(diastolic)) if systolic.unit == diastolic.unit => {
            own.value_text = format!("{}/{}", systolic.value_text, diastolic.value_text);
            own.unit.clone_from(&systolic.unit);
        }
        _ => {
            let part = |part: &Reading| {
                let unit = part.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
                format!("{}: {}{unit}", part.name, part.value_text)
            };
            let parts: Vec<String> =
                components.iter().filter(|c| !c.value_text.is_empty()).map(part).collect();
            own.value_text = parts.join("; ");
        }
    }
    own.critical = own.critical || components.iter().any(|part| part.critical);
    if matches!(own.interpretation, Interpretation::NoRange) && own.flag.is_none() {
        own.interpretation = together(components);
    }
}

fn together(components: &[Reading]) -> Interpretation {
    use Interpretation::{Above, Below, InRange, NoRange, NotComparable, Outside};
    let any = |wanted: Interpretation| components.iter().any(|part| part.interpretation == wanted);
    let all = |wanted: Interpretation| components.iter().all(|part| part.interpretation == wanted);
    match () {
        () if any(Outside) || (any(Above) && any(Below)) => Outside,
        () if any(Above) => Above,
        () if any(Below) => Below,
        () if all(InRange) => InRange,
        () if all(NoRange) => NoRange,
        () => NotComparable,
    }
}

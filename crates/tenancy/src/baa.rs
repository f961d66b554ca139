//! The business associate agreement that must stand before a clinic's data may be held (45 CFR 164.504(e)).

use cloister_kernel::FieldError;
use time::{Date, format_description::well_known::Iso8601};

use crate::text::{self, MAX_NAME, MAX_REFERENCE};

/// A request to record an agreement, as it came.
#[derive(Debug, Clone, Default)]
pub struct BaaRequest {
    /// The day it was signed, `YYYY-MM-DD`.
    pub signed_on: String,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires_on: String,
    /// The clinic's legal name.
    pub counterparty: String,
    /// Where the signed document is kept.
    pub document_reference: String,
}

/// An agreement whose fields keep every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baa {
    /// The day it was signed.
    pub signed_on: Date,
    /// The last day it holds.
    pub expires_on: Date,
    /// The clinic's legal name.
    pub counterparty: String,
    /// Where the signed document is kept.
    pub document_reference: String,
}

impl BaaRequest {
    /// Checks every field against the given day.
    ///
    /// # Errors
    /// All that is wrong, each naming its field.
    pub fn check(self, today: Date) -> Result<Baa, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut keep = |error: FieldError| errors.push(error);
        let signed_on = date("signed_on", &self.signed_on).map_err(&mut keep).ok();
        let expires_on = date("expires_on", &self.expires_on).map_err(&mut keep).ok();
        let counterparty = text::line("counterparty", &self.counterparty, MAX_NAME).map_err(&mut keep).ok();
        let reference = text::line("document_reference", &self.document_reference, MAX_REFERENCE);
        let document_reference = reference.map_err(&mut keep).ok();
        if signed_on.is_some_and(|signed| signed > today) {
            keep(FieldError::new(
                "signed_on",
                "baa.signed_later",
                "an agreement is recorded once it is signed",
            ));
        }
        if let (Some(signed), Some(expires)) = (signed_on, expires_on)
            && expires < signed
        {
            keep(FieldError::new("expires_on", "baa.order", "an agreement cannot end before it was signed"));
        } else if expires_on.is_some_and(|expires| expires < today) {
            keep(FieldError::new("expires_on", "baa.expired", "the agreement has already ended"));
        }
        match (signed_on, expires_on, counterparty, document_reference) {
            (Some(signed_on), Some(expires_on), Some(counterparty), Some(document_reference))
                if errors.is_empty() =>
            {
                Ok(Baa { signed_on, expires_on, counterparty, document_reference })
            }
            _ => Err(errors),
        }
    }
}

impl Baa {
    /// Whether it holds on the given day.
    pub fn current(&self, today: Date) -> bool {
        self.signed_on <= today && today <= self.expires_on
    }
}

/// Reads `YYYY-MM-DD` and nothing else.
fn date(field: &str, text: &str) -> Result<Date, FieldError> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    Date::parse(text, &Iso8601::DATE)
        .ok()
        .filter(|_| plain && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-'))
        .ok_or_else(|| FieldError::new(field, "date.format", "write the day as YYYY-MM-DD"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    const TODAY: Date = date!(2026 - 06 - 15);

    fn request() -> BaaRequest {
        BaaRequest {
            signed_on: "2026-06-01".into(),
            expires_on: "2027-05-31".into(),
            counterparty: "Lakeside Family Medicine PLLC".into(),
            document_reference: "contracts/2026/lakeside.pdf".into(),
        }
    }

    #[test]
    fn an_agreement_holds_from_its_signature_to_its_last_day() {
        let baa = request().check(TODAY).unwrap();
        for (day, holds) in [
            (date!(2026 - 05 - 31), false),
            (date!(2026 - 06 - 01), true),
            (date!(2027 - 05 - 31), true),
            (date!(2027 - 06 - 01), false),
        ] {
            assert_eq!(baa.current(day), holds, "{day}");
        }
    }

    #[test]
    fn impossible_agreements_are_refused_naming_the_field() {
        for (change, field, code) in [
            (BaaRequest { signed_on: "2026-06-16".into(), ..request() }, "signed_on", "baa.signed_later"),
            (BaaRequest { expires_on: "2026-06-14".into(), ..request() }, "expires_on", "baa.expired"),
            (BaaRequest { expires_on: "2026-05-01".into(), ..request() }, "expires_on", "baa.order"),
            (BaaRequest { signed_on: "2026-02-30".into(), ..request() }, "signed_on", "date.format"),
            (BaaRequest { signed_on: "20260601".into(), ..request() }, "signed_on", "date.format"),
            (BaaRequest { signed_on: "2026-W23-1".into(), ..request() }, "signed_on", "date.format"),
            (BaaRequest { signed_on: "06/01/2026".into(), ..request() }, "signed_on", "date.format"),
            (BaaRequest { counterparty: " ".into(), ..request() }, "counterparty", "text.required"),
            (
                BaaRequest { document_reference: "a\nb".into(), ..request() },
                "document_reference",
                "text.character",
            ),
        ] {
            let errors = change.check(TODAY).unwrap_err();
            assert_eq!((errors[0].field.as_str(), errors[0].code), (field, code));
        }
    }
}

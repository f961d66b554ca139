//! OperationOutcome: what was wrong with a request, in words a person can act on, never with the values.

use cloister_kernel::{Failure, FailureKind, FieldError};
use serde_json::{Value, json};

/// How much an issue matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The request was refused because of it.
    Error,
    /// Accepted, but someone should look.
    Warning,
    /// For information.
    Information,
}

impl Severity {
    /// The code of FHIR's `issue-severity` value set.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }
}

/// The codes used of FHIR R4's `issue-type` value set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueCode {
    /// The document is not built as JSON or FHIR demands.
    Structure,
    /// An element that must be there is missing.
    Required,
    /// An element's value is not valid.
    Value,
    /// An invariant between elements does not hold.
    Invariant,
    /// The interaction or resource type is not supported.
    NotSupported,
    /// The same thing stands twice.
    Duplicate,
    /// A reference leads nowhere.
    NotFound,
    /// A reference or condition matches more than one thing.
    MultipleMatches,
    /// The state of the record forbids it.
    Conflict,
    /// A rule of the clinic or platform forbids it.
    BusinessRule,
    /// More was sent than is accepted.
    TooLong,
    /// A processing failure on our side.
    Exception,
    /// A plain message.
    Informational,
}

impl IssueCode {
    /// The code as FHIR writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::Invariant => "invariant",
            Self::NotSupported => "not-supported",
            Self::Duplicate => "duplicate",
            Self::NotFound => "not-found",
            Self::MultipleMatches => "multiple-matches",
            Self::Conflict => "conflict",
            Self::BusinessRule => "business-rule",
            Self::TooLong => "too-long",
            Self::Exception => "exception",
            Self::Informational => "informational",
        }
    }

    const fn failure_code(self) -> &'static str {
        match self {
            Self::Structure => "fhir.structure",
            Self::Required => "fhir.required",
            Self::Value => "fhir.value",
            Self::Invariant => "fhir.invariant",
            Self::NotSupported => "fhir.not_supported",
            Self::Duplicate => "fhir.duplicate",
            Self::NotFound => "fhir.not_found",
            Self::MultipleMatches => "fhir.multiple_matches",
            Self::Conflict => "fhir.conflict",
            Self::BusinessRule => "fhir.business_rule",
            Self::TooLong => "fhir.too_long",
            Self::Exception => "fhir.exception",
            Self::Informational => "fhir.informational",
        }
    }
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// How much it matters.
    pub severity: Severity,
    /// Of which kind it is.
    pub code: IssueCode,
    /// Plain words, without values.
    pub diagnostics: String,
    /// Where, as a FHIRPath such as `Bundle.entry[3].resource.subject`.
    pub expression: String,
}

/// A list of issues, kept to a length that a person could read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationOutcome {
    issues: Vec<Issue>,
    left_out: usize,
}

/// The most issues listed in one outcome.
const MOST_ISSUES: usize = 100;

impl OperationOutcome {
    /// An outcome without issues.
    pub fn new() -> Self {
        Self::default()
    }

    /// An outcome of one error.
    pub fn error(code: IssueCode, expression: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        let mut outcome = Self::new();
        outcome.push_error(code, expression, diagnostics);
        outcome
    }

    /// Adds an issue.
    pub fn push(&mut self, issue: Issue) {
        if self.issues.len() < MOST_ISSUES {
            self.issues.push(issue);
        } else {
            self.left_out += 1;
        }
    }

    /// Adds an error.
    pub fn push_error(
        &mut self,
        code: IssueCode,
        expression: impl Into<String>,
        diagnostics: impl Into<String>,
    ) {
        let (diagnostics, expression) = (diagnostics.into(), expression.into());
        self.push(Issue { severity: Severity::Error, code, diagnostics, expression });
    }

    /// The issues, in the order they were found.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.issues.is_empty()
    }

    /// The FHIR resource.
    pub fn to_value(&self) -> Value {
        let mut issues: Vec<Value> = self
            .issues
            .iter()
            .map(|issue| {
                let mut value = json!({
                    "severity": issue.severity.as_str(),
                    "code": issue.code.as_str(),
                    "diagnostics": issue.diagnostics,
                });
                if !issue.expression.is_empty() {
                    value["expression"] = json!([issue.expression]);
                }
                value
            })
            .collect();
        if self.left_out > 0 {
            let diagnostics = format!("{} further issues are not listed.", self.left_out);
            issues.push(json!({"severity": "information", "code": "incomplete", "diagnostics": diagnostics}));
        }
        if issues.is_empty() {
            issues.push(
                json!({"severity": "information", "code": "informational", "diagnostics": "All is well."}),
            );
        }
        json!({"resourceType": "OperationOutcome", "issue": issues})
    }

    /// Nothing if there is no issue, else a refusal that carries them.
    ///
    /// # Errors
    /// [`Refused`] when there is an issue.
    pub fn into_result(self) -> Result<(), Refused> {
        if self.is_empty() { Ok(()) } else { Err(Refused(self)) }
    }
}

/// A request refused for the reasons in its outcome. All or nothing: no part of it was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bundle was refused; nothing of it was stored")]
pub struct Refused(pub OperationOutcome);

impl Failure for Refused {
    fn code(&self) -> &'static str {
        "bundle.refused"
    }

    fn kind(&self) -> FailureKind {
        let field = |issue: &Issue| {
            FieldError::new(issue.expression.clone(), issue.code.failure_code(), issue.diagnostics.clone())
        };
        FailureKind::Invalid(self.0.issues.iter().map(field).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_a_fhir_resource_and_a_list_of_field_errors() {
        let outcome = OperationOutcome::error(
            IssueCode::Required,
            "Bundle.entry[0].request",
            "The request is missing.",
        );
        let value = outcome.to_value();
        assert_eq!(value["issue"][0]["expression"], json!(["Bundle.entry[0].request"]));
        assert_eq!(value["issue"][0]["code"], "required");
        let FailureKind::Invalid(fields) = Refused(outcome).kind() else { panic!("not a field failure") };
        assert_eq!(fields[0].code, "fhir.required");
    }

    #[test]
    fn a_flood_of_issues_is_counted_instead_of_listed() {
        let mut outcome = OperationOutcome::new();
        for entry in 0..150 {
            outcome.push_error(IssueCode::Value, format!("Bundle.entry[{entry}]"), "Wrong.");
        }
        let value = outcome.to_value();
        assert_eq!(value["issue"].as_array().map(Vec::len), Some(101));
        assert_eq!(value["issue"][100]["diagnostics"], "50 further issues are not listed.");
    }
}

//! What a failed use case tells its caller, and what it keeps for the log.

/// A request field that was wrong, and why, in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field as the client spelt it, a JSON pointer or a parameter name.
    pub field: String,
    /// A stable code that a client can translate.
    pub code: &'static str,
    /// The reason in plain English, without the value.
    pub reason: String,
}

impl FieldError {
    /// Names a field, a code and a reason.
    pub fn new(field: impl Into<String>, code: &'static str, reason: impl Into<String>) -> Self {
        Self { field: field.into(), code, reason: reason.into() }
    }
}

/// How a failure is answered. The edge turns each kind into one HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// 422: understood, but these fields are wrong.
    Invalid(Vec<FieldError>),
    /// 401: nobody is signed in, or the proof did not hold.
    Unauthenticated,
    /// 403: signed in, known resource, not allowed.
    Forbidden,
    /// 403 with a step-up challenge: allowed after a fresh factor.
    StepUpRequired,
    /// 404: absent, or the caller may not know of it.
    NotFound,
    /// 409: the state of things forbids it.
    Conflict,
    /// 429: too many attempts; seconds until the next is worth making.
    TooMany {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// 503: a dependency is away; nothing was released.
    Unavailable,
    /// 500: our fault; the cause is in the log.
    Internal,
}

/// An error with a stable code inside and a kind for the outside. `Display` is the plain-words title shown to the
/// client and must hold no value; `source` is what operators read in the log.
pub trait Failure: std::error::Error + Send + Sync + 'static {
    /// A stable, dotted code such as `sign_in.refused`.
    fn code(&self) -> &'static str;
    /// How it is answered.
    fn kind(&self) -> FailureKind;
}

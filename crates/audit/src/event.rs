//! One row of an audit log: a clear part, a part to be sealed, and the draft that a use case writes.

use std::{net::IpAddr, str::FromStr};

use cloister_kernel::{
    EventId, JobId, MachineClientId, OperatorId, PatientId, Phi, Pii, RequestId, SessionId, TenantId, UserId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{action::ActionCode, sealed::SealedPart, term::Term};

/// Which log an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Log {
    /// A clinic's own.
    Tenant(TenantId),
    /// The platform's: operators, unknown hosts, record systems that failed to prove themselves.
    Platform,
}

impl Log {
    /// The stable spelling of its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::Platform => "platform",
        }
    }

    /// The clinic, if it is a clinic's.
    pub const fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Tenant(tenant) => Some(*tenant),
            Self::Platform => None,
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person with an account.
    User(UserId),
    /// A record system.
    Machine(MachineClientId),
    /// A background job.
    Job(JobId),
    /// A person who runs the platform.
    Operator(OperatorId),
    /// Whoever ran a command on the machine itself.
    CommandLine,
    /// Nobody who proved to be anyone.
    Anonymous,
}

impl Actor {
    /// The stable spelling of its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Machine(_) => "machine",
            Self::Job(_) => "job",
            Self::Operator(_) => "operator",
            Self::CommandLine => "command_line",
            Self::Anonymous => "anonymous",
        }
    }

    /// Its id, if it has one.
    pub const fn id(&self) -> Option<Uuid> {
        match self {
            Self::User(id) => Some(id.uuid()),
            Self::Machine(id) => Some(id.uuid()),
            Self::Job(id) => Some(id.uuid()),
            Self::Operator(id) => Some(id.uuid()),
            Self::CommandLine | Self::Anonymous => None,
        }
    }

    /// The actor that a row names; `None` when kind and id do not fit each other.
    pub fn from_row(kind: &str, id: Option<Uuid>) -> Option<Self> {
        Some(match (kind, id) {
            ("user", Some(id)) => Self::User(UserId::from_uuid(id)),
            ("machine", Some(id)) => Self::Machine(MachineClientId::from_uuid(id)),
            ("job", Some(id)) => Self::Job(JobId::from_uuid(id)),
            ("operator", Some(id)) => Self::Operator(OperatorId::from_uuid(id)),
            ("command_line", None) => Self::CommandLine,
            ("anonymous", None) => Self::Anonymous,
            _ => return None,
        })
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was not allowed.
    Refused,
    /// It was allowed and did not work, or a proof did not hold.
    Failed,
}

impl Outcome {
    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for Outcome {
    type Err = crate::TermError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "success" => Ok(Self::Success),
            "refused" => Ok(Self::Refused),
            "failed" => Ok(Self::Failed),
            _ => Err(crate::TermError),
        }
    }
}

/// A moment in whole microseconds of UTC, which is what both databases keep: an event read back is the event written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn microseconds(self) -> i64 {
        self.0
    }

    /// From microseconds since 1970-01-01T00:00:00Z.
    pub const fn from_microseconds(microseconds: i64) -> Self {
        Self(microseconds)
    }

    /// As a date and time; the Unix epoch if it is outside the years that `time` knows.
    pub fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<OffsetDateTime> for Moment {
    /// Drops what is finer than a microsecond.
    fn from(moment: OffsetDateTime) -> Self {
        let microseconds = moment.unix_timestamp_nanos().div_euclid(1_000);
        Self(i64::try_from(microseconds).unwrap_or(i64::MAX))
    }
}

/// What stands in clear in the log. Every field is bound to the sealed part and is in the leaf.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClearPart {
    /// The event.
    pub id: EventId,
    /// The log it belongs to.
    pub log: Log,
    /// When it happened.
    pub at: Moment,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: ActionCode,
    /// To what type of thing.
    pub resource_type: Option<Term>,
    /// To which thing.
    pub resource_id: Option<Uuid>,
    /// Whose it is.
    pub patient_id: Option<PatientId>,
    /// How it ended.
    pub outcome: Outcome,
    /// How the actor stood to it.
    pub relation: Option<Term>,
    /// Why it was decided so.
    pub reason: Option<Term>,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// In which request.
    pub request_id: RequestId,
}

/// A whole event, before its second part is sealed.
#[derive(Debug, Clone)]
pub struct Event {
    /// What stands in clear.
    pub clear: ClearPart,
    /// What will be sealed under the log's key, with [`crate::canonical`] as associated data.
    pub sealed: SealedPart,
}

/// What the unit of work knows of every event it writes: whose log, when, who, in which request.
#[derive(Debug, Clone)]
pub struct EventContext {
    /// The log.
    pub log: Log,
    /// When.
    pub at: OffsetDateTime,
    /// Who.
    pub actor: Actor,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// In which request.
    pub request_id: RequestId,
    /// From which address; `None` for jobs and commands.
    pub source: Option<Pii<IpAddr>>,
    /// With what client; `None` where it did not say.
    pub user_agent: Option<Pii<String>>,
}

/// What a use case says of an event: what was done to what, and how it ended.
#[derive(Debug, Clone)]
#[must_use = "a draft that is not handed to the unit of work leaves no event"]
pub struct EventDraft {
    /// What was done.
    pub action: ActionCode,
    /// How it ended.
    pub outcome: Outcome,
    /// To what type of thing.
    pub resource_type: Option<Term>,
    /// To which thing.
    pub resource_id: Option<Uuid>,
    /// Whose it is.
    pub patient_id: Option<PatientId>,
    /// How the actor stood to it.
    pub relation: Option<Term>,
    /// Why it was decided so.
    pub reason: Option<Term>,
    /// Why, in someone's own words.
    pub reason_text: Option<Phi<String>>,
}

impl EventDraft {
    /// An act with its outcome, about nothing yet.
    pub const fn new(action: ActionCode, outcome: Outcome) -> Self {
        Self {
            action,
            outcome,
            resource_type: None,
            resource_id: None,
            patient_id: None,
            relation: None,
            reason: None,
            reason_text: None,
        }
    }

    /// An act that was done.
    pub const fn success(action: ActionCode) -> Self {
        Self::new(action, Outcome::Success)
    }

    /// An act that was not allowed.
    pub fn refused(action: ActionCode, reason: impl Into<Term>) -> Self {
        Self::new(action, Outcome::Refused).because(reason)
    }

    /// An act that did not work.
    pub fn failed(action: ActionCode, reason: impl Into<Term>) -> Self {
        Self::new(action, Outcome::Failed).because(reason)
    }

    /// Names the type of thing, and the thing if it is one.
    pub fn on(mut self, resource_type: impl Into<Term>, resource_id: Option<Uuid>) -> Self {
        self.resource_type = Some(resource_type.into());
        self.resource_id = resource_id;
        self
    }

    /// Names the patient whose it is.
    pub fn of_patient(mut self, patient: impl Into<Option<PatientId>>) -> Self {
        self.patient_id = patient.into();
        self
    }

    /// Names how the actor stands to it.
    pub fn as_relation(mut self, relation: impl Into<Term>) -> Self {
        self.relation = Some(relation.into());
        self
    }

    /// Gives the reason code.
    pub fn because(mut self, reason: impl Into<Term>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Gives the reason in someone's own words; it will be sealed.
    pub fn explained(mut self, text: Phi<String>) -> Self {
        self.reason_text = Some(text);
        self
    }

    /// The event, once id and context are known.
    pub fn into_event(self, id: EventId, context: EventContext) -> Event {
        Event {
            clear: ClearPart {
                id,
                log: context.log,
                at: context.at.into(),
                actor: context.actor,
                action: self.action,
                resource_type: self.resource_type,
                resource_id: self.resource_id,
                patient_id: self.patient_id,
                outcome: self.outcome,
                relation: self.relation,
                reason: self.reason,
                session_id: context.session_id,
                request_id: context.request_id,
            },
            sealed: SealedPart {
                source: context.source,
                user_agent: context.user_agent,
                reason_text: self.reason_text,
            },
        }
    }
}

//! Who is calling: a verified person, record system or job of one clinic, or a visitor who is nobody yet.

use std::net::IpAddr;

use cloister_kernel::{Audience, JobId, MachineClientId, Pii, RequestId, SessionId, TenantId, UserId};
use time::OffsetDateTime;

use crate::{
    assurance::{Assurance, Factor, Factors},
    vocabulary::{ActionType, ResourceType, Role, RoleSet},
};

/// The one on whose behalf a request runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A person with an account.
    User(UserId),
    /// A record system.
    Machine(MachineClientId),
    /// A background job.
    Job(JobId),
}

/// What an event must say about the request it belongs to.
#[derive(Debug, Clone)]
pub struct RequestFacts {
    /// Correlates logs, events and the answer.
    pub request: RequestId,
    /// The client's address as far as trusted hops say it; `None` for jobs.
    pub source: Option<Pii<IpAddr>>,
    /// What the client calls itself; `None` where it does not say, and for jobs.
    pub user_agent: Option<Pii<String>>,
    /// When the request arrived.
    pub at: OffsetDateTime,
}

/// Counts revocations of a principal's credentials. A credential of an earlier epoch than the database's is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevocationEpoch(pub i64);

/// A session whose cookie, host and expiry were verified.
#[derive(Debug)]
pub struct VerifiedSession {
    /// The clinic; the same by host and by session.
    pub tenant: TenantId,
    /// The site that the session belongs to.
    pub audience: Audience,
    /// The person.
    pub user: UserId,
    /// The session as shown to its owner.
    pub session: SessionId,
    /// The factors behind it.
    pub assurance: Assurance,
    /// The epoch at which it was opened.
    pub epoch: RevocationEpoch,
    /// The request that presented it.
    pub request: RequestFacts,
}

/// A record system's access token whose signature or hash, host and expiry were verified.
#[derive(Debug)]
pub struct VerifiedMachineToken {
    /// The clinic; the same by host and by token.
    pub tenant: TenantId,
    /// The site whose host was asked.
    pub audience: Audience,
    /// The record system.
    pub client: MachineClientId,
    /// The epoch at which the token was issued.
    pub epoch: RevocationEpoch,
    /// The request that presented it.
    pub request: RequestFacts,
}

/// What a job is for. It may do nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobPurpose {
    /// Send what waits in the outbox.
    DeliverMessage,
    /// Invite the clinic's first administrator, as an operator asked.
    InviteOwner,
}

impl JobPurpose {
    /// The stable spelling used in job rows and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeliverMessage => "deliver_message",
            Self::InviteOwner => "invite_owner",
        }
    }

    pub(crate) const fn covers(self, action: ActionType, resource: ResourceType) -> bool {
        match self {
            Self::DeliverMessage => matches!(resource, ResourceType::Message),
            Self::InviteOwner => matches!(
                (action, resource),
                (ActionType::Create, ResourceType::StaffInvitation | ResourceType::Message)
            ),
        }
    }
}

/// A leased job's right to act inside one clinic for one purpose.
#[derive(Debug)]
pub struct JobGrant {
    /// The clinic.
    pub tenant: TenantId,
    /// The only purpose it may act for.
    pub purpose: JobPurpose,
    /// The job.
    pub job: JobId,
    /// Correlates the job's logs and events.
    pub request: RequestId,
    /// When the job was leased.
    pub at: OffsetDateTime,
}

/// A verified principal of one clinic. Comes out of the three `from_` functions only, which clippy lets named files
/// call.
#[derive(Debug)]
pub struct Caller {
    tenant: TenantId,
    audience: Option<Audience>,
    principal: Principal,
    assurance: Assurance,
    session: Option<SessionId>,
    epoch: Option<RevocationEpoch>,
    purpose: Option<JobPurpose>,
    request: RequestFacts,
}

impl Caller {
    /// The person behind a verified session.
    pub fn from_verified_session(verified: VerifiedSession) -> Self {
        Self {
            tenant: verified.tenant,
            audience: Some(verified.audience),
            principal: Principal::User(verified.user),
            assurance: verified.assurance,
            session: Some(verified.session),
            epoch: Some(verified.epoch),
            purpose: None,
            request: verified.request,
        }
    }

    /// The record system behind a verified access token.
    pub fn from_machine_token(verified: VerifiedMachineToken) -> Self {
        Self {
            tenant: verified.tenant,
            audience: Some(verified.audience),
            principal: Principal::Machine(verified.client),
            assurance: Assurance {
                factors: Factors::default().with(Factor::ClientAssertion),
                step_up_until: None,
            },
            session: None,
            epoch: Some(verified.epoch),
            purpose: None,
            request: verified.request,
        }
    }

    /// The worker, inside one clinic, for one purpose.
    pub fn from_job_grant(grant: JobGrant) -> Self {
        Self {
            tenant: grant.tenant,
            audience: None,
            principal: Principal::Job(grant.job),
            assurance: Assurance::default(),
            session: None,
            epoch: None,
            purpose: Some(grant.purpose),
            request: RequestFacts { request: grant.request, source: None, user_agent: None, at: grant.at },
        }
    }

    /// The clinic.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The site that was asked; `None` for jobs.
    pub const fn audience(&self) -> Option<Audience> {
        self.audience
    }

    /// Who is calling.
    pub const fn principal(&self) -> Principal {
        self.principal
    }

    /// The person's id, when a person is calling.
    pub const fn user(&self) -> Option<UserId> {
        match self.principal {
            Principal::User(user) => Some(user),
            Principal::Machine(_) | Principal::Job(_) => None,
        }
    }

    /// How sure the platform is of it.
    pub const fn assurance(&self) -> &Assurance {
        &self.assurance
    }

    /// The session, when a person is calling.
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The epoch of the credential, to be compared with the database's; `None` for jobs, which hold a lease instead.
    pub const fn epoch(&self) -> Option<RevocationEpoch> {
        self.epoch
    }

    /// What a job is for; `None` for everyone else.
    pub const fn purpose(&self) -> Option<JobPurpose> {
        self.purpose
    }

    /// The request.
    pub const fn request(&self) -> &RequestFacts {
        &self.request
    }

    /// The roles that may count for this kind of principal on this site, whatever a row says it holds.
    pub const fn admissible_roles(&self) -> RoleSet {
        match (self.principal, self.audience) {
            (Principal::User(_), Some(Audience::Portal)) => {
                RoleSet::NONE.with(Role::Patient).with(Role::Proxy)
            }
            (Principal::User(_), Some(Audience::Console)) => {
                RoleSet::NONE.with(Role::Clinician).with(Role::Billing).with(Role::Support).with(Role::Admin)
            }
            (Principal::User(_), None) => RoleSet::NONE,
            (Principal::Machine(_), _) => RoleSet::NONE.with(Role::RecordsIntegration),
            (Principal::Job(_), _) => RoleSet::NONE.with(Role::Worker),
        }
    }
}

/// Nobody yet: who stands at the sign-in, activation and token endpoints of one clinic. Can reach accounts and
/// credentials, never clinical data.
#[derive(Debug)]
pub struct Visitor {
    tenant: TenantId,
    audience: Audience,
    request: RequestFacts,
}

impl Visitor {
    /// Someone who asked a clinic's host. Tenant and audience come from the host table.
    pub const fn new(tenant: TenantId, audience: Audience, request: RequestFacts) -> Self {
        Self { tenant, audience, request }
    }

    /// The clinic.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The site that was asked.
    pub const fn audience(&self) -> Audience {
        self.audience
    }

    /// The request.
    pub const fn request(&self) -> &RequestFacts {
        &self.request
    }
}

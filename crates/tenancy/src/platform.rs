//! The operators' side of the platform: every call goes through here, whether it came over HTTP or from the command
//! line, and leaves an event.

use std::{future::Future, sync::Arc};

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{CanonicalHost, Environment, Failure, FailureKind};
use cloister_store::{PlatformStore, PlatformUnit};
use cloister_vault::KeyIssuer;
use uuid::Uuid;

use crate::{
    TenancyError,
    call::{Author, CallFacts, OperatorCall},
    platform_keys,
    scope::{Scope, Scopes},
    token::OperatorToken,
};

/// What the platform's operators work with. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    pub(crate) store: PlatformStore,
    pub(crate) issuer: Arc<dyn KeyIssuer>,
    pub(crate) environment: Environment,
    pub(crate) domain: CanonicalHost,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Platform({})", self.domain)
    }
}

/// What an event is about.
pub(crate) type Subject = Option<(&'static str, Uuid)>;

impl Platform {
    /// Puts the platform together. `domain` is what clinics' hosts end with.
    pub fn new(
        store: PlatformStore,
        issuer: Arc<dyn KeyIssuer>,
        environment: Environment,
        domain: CanonicalHost,
    ) -> Self {
        Self { store, issuer, environment, domain }
    }

    /// Makes the platform's own keys where they are missing. Safe to repeat.
    ///
    /// # Errors
    /// When the key service or the database is away.
    pub async fn ensure_keys(&self, facts: &CallFacts) -> Result<bool, TenancyError> {
        let made = platform_keys::ensure(&self.store, &*self.issuer).await?;
        if made {
            let mut unit = self.begin(Author::CommandLine(facts)).await?;
            unit.note(EventDraft::success(ActionCode::PlatformKeysCreated));
            unit.commit().await?;
        }
        Ok(made)
    }

    /// Refuses a database whose isolation is not in force: before anything is served or changed.
    ///
    /// # Errors
    /// The difference found, by name.
    pub async fn refuse_unless_isolated(&self) -> Result<(), TenancyError> {
        Ok(self.store.refuse_unless_isolated().await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), TenancyError> {
        Ok(self.store.ping().await?)
    }

    /// Finds out who calls, in one round trip to the database. Every failing token gets one and the same answer, and
    /// an event.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn authenticate(
        &self,
        token: Option<&str>,
        facts: CallFacts,
    ) -> Result<OperatorCall, TenancyError> {
        match self.verify(token, &facts).await? {
            Ok(call) => Ok(call),
            Err(reason) => {
                let mut unit = self.begin(Author::Nobody(&facts)).await?;
                unit.note(EventDraft::refused(ActionCode::OperatorAuthenticated, reason));
                unit.commit().await?;
                Err(TenancyError::Unauthenticated)
            }
        }
    }

    async fn verify(
        &self,
        token: Option<&str>,
        facts: &CallFacts,
    ) -> Result<Result<OperatorCall, &'static str>, TenancyError> {
        let Some(token) = token else { return Ok(Err("token.missing")) };
        let Some(token) = OperatorToken::parse(token) else { return Ok(Err("token.malformed")) };
        let Some(shown) = self.store.find_token(&token.hash().0).await? else {
            return Ok(Err("token.unknown"));
        };
        if !shown.operator_active {
            return Ok(Err("token.operator_disabled"));
        }
        if shown.token.revoked_at.is_some() {
            return Ok(Err("token.revoked"));
        }
        if shown.token.expires_at <= self.environment.now() {
            return Ok(Err("token.expired"));
        }
        let Ok(scopes) = Scopes::parse(shown.token.scopes.split(' ')) else { return Ok(Err("token.scopes")) };
        let (operator, token) = (shown.token.operator, shown.token.id);
        Ok(Ok(OperatorCall { operator, token, scopes, facts: facts.clone() }))
    }

    /// Writes down that a call was refused before it reached an operation. `reason` is the problem's code.
    ///
    /// # Errors
    /// When the event cannot be written.
    pub async fn note_refused_call(
        &self,
        call: Option<&OperatorCall>,
        facts: &CallFacts,
        reason: &str,
    ) -> Result<(), TenancyError> {
        let author = call.map_or(Author::Nobody(facts), Author::Operator);
        let reason = cloister_audit::Term::parse(reason).unwrap_or_else(|_| "request.invalid".into());
        let mut unit = self.begin(author).await?;
        let mut draft = EventDraft::new(ActionCode::OperatorCall, cloister_audit::Outcome::Refused);
        draft.reason = Some(reason);
        unit.note(draft);
        Ok(unit.commit().await?)
    }

    pub(crate) async fn begin(&self, author: Author<'_>) -> Result<PlatformUnit, TenancyError> {
        match self.store.begin(author.context(self.environment.now())).await {
            Ok(unit) => Ok(unit),
            Err(cloister_store::StoreError::TenantNotReady) => Err(TenancyError::NoPlatformKeys),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs an operation for an operator: refuses without the scope, and writes an event for whatever fails. What
    /// succeeds writes its own event in its own transaction.
    pub(crate) async fn attempt<T>(
        &self,
        call: &OperatorCall,
        scope: Scope,
        action: ActionCode,
        subject: Subject,
        work: impl Future<Output = Result<T, TenancyError>>,
    ) -> Result<T, TenancyError> {
        let work = async {
            if !call.allows(scope) {
                return Err(TenancyError::ScopeMissing);
            }
            work.await
        };
        self.recorded(Author::Operator(call), action, subject, work).await
    }

    /// Runs an operation and writes an event if it fails.
    pub(crate) async fn recorded<T>(
        &self,
        author: Author<'_>,
        action: ActionCode,
        subject: Subject,
        work: impl Future<Output = Result<T, TenancyError>>,
    ) -> Result<T, TenancyError> {
        let error = match work.await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let draft = match error.kind() {
            FailureKind::Unavailable | FailureKind::Internal => EventDraft::failed(action, error.code()),
            _ => EventDraft::refused(action, error.code()),
        };
        let draft = match subject {
            Some((kind, id)) => draft.on(kind, Some(id)),
            None => draft,
        };
        let mut unit = self.begin(author).await?;
        unit.note(draft);
        unit.commit().await?;
        Err(error)
    }
}

//! Units of work: one transaction of one clinic, with the decisions made in it and the events it leaves.

use std::sync::Arc;

use cloister_access::{Action, Caller, DecisionTable, Denied, Permit, Resource, Visitor, decide};
use cloister_audit::{Actor, EventDraft};
use cloister_kernel::{Environment, Failure, JobId, PatientId, TenantId, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    NewJob, StoreError, Target,
    ahead::ReadAhead,
    core::Core,
    decision_event,
    facts::observe,
    pending::{Release, sealed::Sealed},
    standing::{Stage, Standing},
};

/// Why there is no permit: the decision was no, or it could not be made.
///
/// Hand it to [`UnitOfWork::refuse`].
#[derive(Debug)]
#[must_use = "a refusal must be committed: hand it to the unit's refuse"]
pub struct Refusal(StoreError);

impl Refusal {
    /// The decision, unless it could not be made.
    pub fn denied(&self) -> Option<&Denied> {
        match &self.0 {
            StoreError::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}

/// One transaction on behalf of a caller. Clinical methods take a [`Permit`] and answer [`crate::Pending`] values;
/// only [`UnitOfWork::commit`] opens those. Dropped without commit it leaves nothing.
#[must_use = "a unit of work that is not committed leaves nothing"]
pub struct UnitOfWork<'c> {
    caller: &'c Caller,
    pub(crate) core: Core,
    pub(crate) standing: Standing,
    table: Arc<DecisionTable>,
    ahead: Option<ReadAhead>,
}

impl std::fmt::Debug for UnitOfWork<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnitOfWork")
    }
}

impl<'c> UnitOfWork<'c> {
    pub(crate) fn new(
        caller: &'c Caller,
        core: Core,
        standing: Standing,
        table: Arc<DecisionTable>,
        ahead: Option<ReadAhead>,
    ) -> Self {
        Self { caller, core, standing, table, ahead }
    }

    /// What was read when the unit began, unless the unit has written since.
    pub(crate) fn take_ahead(&mut self) -> Option<ReadAhead> {
        self.ahead.take().filter(|_| self.core.is_unchanged())
    }

    /// Whose unit it is.
    pub fn caller(&self) -> &'c Caller {
        self.caller
    }

    /// The clinic.
    pub fn tenant(&self) -> TenantId {
        self.core.tenant()
    }

    /// The present moment.
    pub fn now(&self) -> OffsetDateTime {
        self.core.now()
    }

    /// The clock and the randomness.
    pub fn environment(&self) -> &Environment {
        self.core.environment()
    }

    /// Asks for leave to do `A` to `R`. The facts are read here, and the decision becomes an event either way: with
    /// the unit's commit when it was yes, with [`UnitOfWork::refuse`] when it was no.
    ///
    /// # Errors
    /// A [`Refusal`], to be handed to [`UnitOfWork::refuse`].
    pub async fn permit<A: Action, R: Resource>(&mut self, target: Target) -> Result<Permit<A, R>, Refusal> {
        if !self.standing.admits(self.caller.principal(), A::TYPE, R::TYPE) {
            let error = StoreError::TenantNotOpen;
            self.core.note(EventDraft::refused(decision_event::code(A::TYPE, R::TYPE), error.code()));
            return Err(Refusal(error));
        }
        let ahead = self.ahead.as_ref().filter(|_| self.core.is_unchanged());
        let facts = observe(&self.core, self.caller, &self.standing, R::TYPE, target, ahead)
            .await
            .map_err(Refusal)?;
        match decide::<A, R>(&self.table, self.caller, facts) {
            Ok(permit) => {
                self.core.note(decision_event::allowed(&permit));
                Ok(permit)
            }
            Err(denied) => {
                self.core.note(decision_event::refused(&denied));
                Err(Refusal(StoreError::Denied(denied)))
            }
        }
    }

    /// [`UnitOfWork::permit`] and, when the answer is no, [`UnitOfWork::refuse`].
    ///
    /// # Errors
    /// `Denied` after its event was committed; otherwise why the decision could not be made or written.
    pub async fn require<A: Action, R: Resource>(
        mut self,
        target: Target,
    ) -> Result<(Self, Permit<A, R>), StoreError> {
        match self.permit(target).await {
            Ok(permit) => Ok((self, permit)),
            Err(refusal) => Err(self.refuse(refusal).await),
        }
    }

    /// Undoes the unit and commits the refusal's event alone. The error to answer with: the denial, or why it could
    /// not be written down.
    pub async fn refuse(self, refusal: Refusal) -> StoreError {
        if !matches!(refusal.0, StoreError::Denied(_) | StoreError::TenantNotOpen) {
            return refusal.0;
        }
        match self.core.abandon().await {
            Ok(()) => refusal.0,
            Err(error) => error,
        }
    }

    /// Undoes the unit and commits one event alone: something was allowed and did not work.
    ///
    /// # Errors
    /// When the event cannot be written.
    pub async fn fail(mut self, draft: EventDraft) -> Result<(), StoreError> {
        self.core.note(EventDraft { outcome: cloister_audit::Outcome::Failed, ..draft });
        self.core.abandon().await
    }

    /// Undoes the unit and commits one event alone: a rule beyond the policy said no.
    ///
    /// # Errors
    /// When the event cannot be written.
    pub async fn forbid(mut self, draft: EventDraft) -> Result<(), StoreError> {
        self.core.note(EventDraft { outcome: cloister_audit::Outcome::Refused, ..draft });
        self.core.abandon().await
    }

    /// Adds an event, to be written with the commit.
    pub fn note(&mut self, draft: EventDraft) {
        self.core.note(draft);
    }

    /// Writes a job down in this transaction, for this clinic whatever it says.
    ///
    /// # Errors
    /// `Conflict` when its dedupe key exists; `Unavailable`.
    pub async fn enqueue(&mut self, job: NewJob) -> Result<JobId, StoreError> {
        self.core.enqueue(job).await
    }

    /// Writes the events, commits, and only then opens and releases the values.
    ///
    /// # Errors
    /// `ForeignPending`, or when an event cannot be sealed or written or the commit fails: nothing was released or
    /// changed. `Keys`, when a value did not open after the commit: changes and events stand, nothing was released.
    pub async fn commit<P: Release + Sealed<Opened = <P as Release>::Out>>(
        self,
        out: P,
    ) -> Result<<P as Release>::Out, StoreError> {
        self.core.commit(out).await
    }

    /// Checks that a permit is this unit's: of its clinic and its caller. Every method that takes a permit begins so.
    pub(crate) fn check<A: Action, R: Resource>(&self, permit: &Permit<A, R>) -> Result<(), StoreError> {
        if permit.tenant() == self.core.tenant() && permit.principal() == self.caller.principal() {
            Ok(())
        } else {
            Err(StoreError::ForeignPermit)
        }
    }

    /// The patient that a permit of this unit names.
    pub(crate) fn patient_of<A: Action, R: Resource>(
        &self,
        permit: &Permit<A, R>,
    ) -> Result<PatientId, StoreError> {
        self.check(permit)?;
        permit.patient().ok_or(StoreError::ForeignPermit)
    }

    /// The row that a permit of this unit names.
    pub(crate) fn row_of<A: Action, R: Resource>(&self, permit: &Permit<A, R>) -> Result<Uuid, StoreError> {
        self.check(permit)?;
        permit.row().ok_or(StoreError::ForeignPermit)
    }
}

/// One transaction for somebody who is nobody yet: accounts, credentials, invitations, attempt counters, machine
/// clients and events. It has no permits and no clinical method.
#[must_use = "a unit of work that is not committed leaves nothing"]
pub struct VisitUnit<'v> {
    visitor: &'v Visitor,
    pub(crate) core: Core,
    pub(crate) stage: Stage,
}

impl std::fmt::Debug for VisitUnit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VisitUnit")
    }
}

impl<'v> VisitUnit<'v> {
    pub(crate) fn new(visitor: &'v Visitor, core: Core, stage: Stage) -> Self {
        Self { visitor, core, stage }
    }

    /// Who stands at the door.
    pub fn visitor(&self) -> &'v Visitor {
        self.visitor
    }

    /// The clinic.
    pub fn tenant(&self) -> TenantId {
        self.core.tenant()
    }

    /// The present moment.
    pub fn now(&self) -> OffsetDateTime {
        self.core.now()
    }

    /// The clock and the randomness.
    pub fn environment(&self) -> &Environment {
        self.core.environment()
    }

    /// From now on the unit's events, those already noted included, are by this user: the one whose account was
    /// named or proved.
    pub fn is_about(&mut self, user: UserId) {
        self.core.set_actor(Actor::User(user));
    }

    /// As [`VisitUnit::is_about`], for a record system.
    pub fn is_about_machine(&mut self, client: cloister_kernel::MachineClientId) {
        self.core.set_actor(Actor::Machine(client));
    }

    /// Adds an event, to be written with the commit.
    pub fn note(&mut self, draft: EventDraft) {
        self.core.note(draft);
    }

    /// Writes a job down in this transaction, for this clinic whatever it says.
    ///
    /// # Errors
    /// `Conflict` when its dedupe key exists; `Unavailable`.
    pub async fn enqueue(&mut self, job: NewJob) -> Result<JobId, StoreError> {
        self.core.enqueue(job).await
    }

    /// Writes the events, commits, and only then opens and releases the values.
    ///
    /// # Errors
    /// As [`UnitOfWork::commit`].
    pub async fn commit<P: Release + Sealed<Opened = <P as Release>::Out>>(
        self,
        out: P,
    ) -> Result<<P as Release>::Out, StoreError> {
        self.core.commit(out).await
    }
}

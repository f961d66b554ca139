//! The store: where units of work begin.

mod challenge;
mod session_endings;

use std::sync::Arc;

use cloister_access::{Caller, DecisionTable, PolicyCache, PolicyDocument, PolicyHash, Principal, Visitor};
use cloister_audit::{ActionCode, Actor, EventContext, EventDraft, Log};
use cloister_kernel::{Environment, Failure, FailureKind, TenantId};
use cloister_vault::{KeyCache, KeyOwner};

use crate::{
    Ahead, PlatformStore, StoreConfig, StoreError, UnitOfWork, VisitUnit,
    core::Core,
    database::Database,
    events, facts,
    foresight::Foresight,
    group_commit::GroupCommit,
    isolation,
    keys::Keys,
    named_statement::{Call, NamedStatement},
    own_results, results,
    sealer::{Sealer, TenantKeys},
    standing::{self, Stage},
    statement::{Row, trace_statement},
    transaction::Answers,
    workbench::Workbench,
};

pub use session_endings::SessionEnding;

/// The statements that share a trip: with the beginning or the end of a unit of work, or with those of other requests.
pub(crate) fn named_statements() -> [&'static NamedStatement; 8] {
    [
        &standing::CLINIC,
        &standing::WITH_USER,
        &standing::WITH_MACHINE,
        &facts::PATIENT,
        &results::RESULT_AHEAD,
        &events::EVENT,
        &own_results::OWN_RESULT,
        &own_results::OWN_RESULTS,
    ]
}

/// Compiled policies that are kept.
const POLICIES: usize = 256;

/// The database, as `serve` and `work` use it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    keys: Keys,
    environment: Environment,
    policies: PolicyCache,
    baseline: Arc<DecisionTable>,
    bench: Workbench,
    foresight: Foresight,
    group_commit: GroupCommit,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Connects, and compiles the baseline policy. Connections are opened when first needed.
    ///
    /// # Errors
    /// `Configuration`; `Policy` when the baseline does not compile.
    pub async fn connect(
        config: &StoreConfig,
        keys: KeyCache,
        environment: Environment,
    ) -> Result<Self, StoreError> {
        let database = Database::connect(config, &named_statements()).await?;
        let policies = PolicyCache::new(POLICIES);
        let baseline = policies.load(PolicyDocument::baseline()).await.map_err(|_| StoreError::Policy)?;
        let keys = Keys::new(database.clone(), keys, environment.clone());
        Ok(Self {
            group_commit: GroupCommit::over(&database),
            database,
            keys,
            environment,
            policies,
            baseline,
            bench: Workbench::new(),
            foresight: Foresight::new(),
        })
    }

    /// Compares the live PostgreSQL catalogue with what this program was built for, and refuses any difference: tables,
    /// forced row security and its policies, grants, owners, and what this process's own role may bypass. On SQLite
    /// there is no second wall and nothing to compare.
    ///
    /// # Errors
    /// `Isolation`, naming the difference; `Unavailable`.
    pub async fn refuse_unless_isolated(&self) -> Result<(), StoreError> {
        isolation::verify(&self.database).await
    }

    /// The platform tables.
    pub fn platform(&self) -> PlatformStore {
        PlatformStore::over(self.keys.clone(), self.database.clone(), self.environment.clone())
    }

    /// Forgets a clinic's opened keys: the next unit of work asks the key service.
    pub async fn purge_keys(&self, tenant: TenantId) {
        self.keys.purge(KeyOwner::Tenant(tenant)).await;
        self.keys.purge(KeyOwner::TenantLog(tenant)).await;
    }

    pub(crate) fn bench(&self) -> &Workbench {
        &self.bench
    }

    /// Closes all connections and waits for it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.database.close().await
    }

    /// Begins a unit of work on behalf of a caller. Keys are opened first; then, in the transaction, clinic and caller
    /// are read: a suspended or switched-off clinic, a disabled account and an ended session are refused here, and
    /// the refusal leaves an event.
    ///
    /// # Errors
    /// `TenantNotReady`, `TenantNotOpen`, `TenantSuspended`, `KillSwitch`, `AccountDisabled`, `SessionRevoked`, `Policy`,
    /// `Keys`, `Unavailable`.
    pub async fn begin<'c>(&self, caller: &'c Caller) -> Result<UnitOfWork<'c>, StoreError> {
        self.begin_for(caller, None).await
    }

    /// As [`Store::begin`], reading ahead what the unit is begun for: on PostgreSQL in the same trip.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn begin_with<'c>(
        &self,
        caller: &'c Caller,
        ahead: Ahead,
    ) -> Result<UnitOfWork<'c>, StoreError> {
        self.begin_for(caller, Some(ahead)).await
    }

    async fn begin_for<'c>(
        &self,
        caller: &'c Caller,
        ahead: Option<Ahead>,
    ) -> Result<UnitOfWork<'c>, StoreError> {
        let mut calls = vec![standing::asked_of_caller(caller)];
        calls.extend(ahead.map(|ahead| ahead.call(caller.tenant(), caller.user())));
        let (core, answers) = self.open(caller.tenant(), context_of(caller), calls).await?;
        let mut answers = answers.into_iter();
        let rows = answers.next().unwrap_or_default();
        let ahead = ahead.zip(answers.next()).map(|(ahead, rows)| ahead.answered(rows));
        match standing::of_caller(&rows, caller) {
            Ok(standing) => {
                let table = self.policy(&core, standing.policy).await?;
                self.foresight.learn(caller, &standing).await;
                Ok(UnitOfWork::new(caller, core, standing, table, ahead))
            }
            Err(error) => Err(turn_away(core, error).await),
        }
    }

    /// Begins a unit of work for a visitor at the door of a clinic that is open.
    ///
    /// # Errors
    /// `TenantNotReady`, `TenantNotOpen`, `TenantSuspended`, `KillSwitch`, `Keys`, `Unavailable`.
    pub async fn begin_visit<'v>(&self, visitor: &'v Visitor) -> Result<VisitUnit<'v>, StoreError> {
        let (core, rows) = self.open_door(visitor).await?;
        match standing::of_visitor(&rows) {
            Ok(()) => Ok(VisitUnit::new(visitor, core, Stage::Active)),
            Err(error) => Err(turn_away(core, error).await),
        }
    }

    /// As [`Store::begin_visit`], for the activation of an account: at a draft clinic too, once its agreement holds, but
    /// there only the owner's invitation is to be found.
    ///
    /// # Errors
    /// As [`Store::begin_visit`].
    pub async fn begin_activation<'v>(&self, visitor: &'v Visitor) -> Result<VisitUnit<'v>, StoreError> {
        let (core, rows) = self.open_door(visitor).await?;
        match standing::of_activation(&core, &rows).await {
            Ok(stage) => Ok(VisitUnit::new(visitor, core, stage)),
            Err(error) => Err(turn_away(core, error).await),
        }
    }

    async fn open_door(&self, visitor: &Visitor) -> Result<(Core, Vec<Row>), StoreError> {
        let request = visitor.request();
        let context = EventContext {
            log: Log::Tenant(visitor.tenant()),
            at: request.at,
            actor: Actor::Anonymous,
            session_id: None,
            request_id: request.request,
            source: request.source.clone(),
            user_agent: request.user_agent.clone(),
        };
        let calls = vec![standing::asked_of_clinic(visitor.tenant())];
        let (core, mut answers) = self.open(visitor.tenant(), context, calls).await?;
        Ok((core, answers.pop().unwrap_or_default()))
    }

    async fn open(
        &self,
        tenant: TenantId,
        context: EventContext,
        calls: Vec<Call>,
    ) -> Result<(Core, Answers), StoreError> {
        let sealer = self.sealer(tenant).await?;
        calls.iter().for_each(|_| trace_statement());
        let (transaction, answers) = self.database.begin_calling(Some(tenant), calls).await?;
        let core = Core::new(self.database.clone(), transaction, sealer, self.bench.clone(), context);
        Ok((core, answers))
    }

    /// A clinic's keys, opened.
    pub(crate) async fn sealer(&self, tenant: TenantId) -> Result<Sealer, StoreError> {
        let data = self.keys.ring(KeyOwner::Tenant(tenant)).await?;
        let log = self.keys.ring(KeyOwner::TenantLog(tenant)).await?;
        Ok(Sealer::new(tenant, TenantKeys { data, log }, self.environment.clone()))
    }

    pub(crate) fn foresight(&self) -> &Foresight {
        &self.foresight
    }

    pub(crate) fn group_commit(&self) -> &GroupCommit {
        &self.group_commit
    }

    /// The table of a policy that was compiled before.
    pub(crate) fn compiled(&self, hash: PolicyHash) -> Option<Arc<DecisionTable>> {
        if hash == self.baseline.hash() {
            return Some(Arc::clone(&self.baseline));
        }
        self.policies.get(&hash)
    }

    /// The compiled table of a policy version; the baseline's is always there.
    async fn policy(&self, core: &Core, hash: PolicyHash) -> Result<Arc<DecisionTable>, StoreError> {
        if let Some(table) = self.compiled(hash) {
            return Ok(table);
        }
        let sql = "SELECT document FROM policy_versions WHERE tenant_id = $1 AND policy_hash = $2";
        let row = core.row(sql, vec![hash.to_string().into()]).await?.ok_or(StoreError::Policy)?;
        let document: PolicyDocument =
            serde_json::from_str(&row.get::<String>("document")?).map_err(|_| StoreError::Policy)?;
        let table = self.policies.load(document).await.map_err(|_| StoreError::Policy)?;
        if table.hash() == hash { Ok(table) } else { Err(StoreError::Policy) }
    }
}

/// What is the same of every event of a caller's request.
pub(crate) fn context_of(caller: &Caller) -> EventContext {
    let request = caller.request();
    EventContext {
        log: Log::Tenant(caller.tenant()),
        at: request.at,
        actor: match caller.principal() {
            Principal::User(user) => Actor::User(user),
            Principal::Machine(client) => Actor::Machine(client),
            Principal::Job(job) => Actor::Job(job),
        },
        session_id: caller.session(),
        request_id: request.request,
        source: request.source.clone(),
        user_agent: request.user_agent.clone(),
    }
}

/// Writes down that somebody was turned away at the beginning, where the clinic's state or the caller's was the
/// reason; the error to answer with.
async fn turn_away(mut core: Core, error: StoreError) -> StoreError {
    let told = matches!(error.kind(), FailureKind::Forbidden | FailureKind::Unauthenticated)
        || matches!(error, StoreError::KillSwitch);
    if !told {
        return error;
    }
    core.note(EventDraft::refused(ActionCode::AuthorizationDecided, error.code()));
    match core.abandon().await {
        Ok(()) => error,
        Err(unwritten) => unwritten,
    }
}

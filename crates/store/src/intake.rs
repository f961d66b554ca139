//! Taking a bundle in: everything that it asks for or nothing.
//!
//! What calculates (planning, linking, hashing, sealing) and what must see the record (looking identities up, writing)
//! are kept apart, so that a long bundle holds a transaction only while it is written:
//!
//! 1. [`UnitOfWork::plan_bundle`] reads who sends, gives its unit up, and plans;
//! 2. [`UnitOfWork::prepare_bundle`] reads what is kept of everything the plan touches, gives its unit up, and works out
//!    and seals every row;
//! 3. [`UnitOfWork::take_in`] reads the same again. If nothing has changed since, it writes the prepared rows; else, or
//!    for a short bundle that nobody prepared, it works them out within its transaction.
//!
//! The first two leave nothing behind and release nothing; permits, events and changes are the third's alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use cloister_access::{
    Permit, Principal,
    action::{Create, Decide},
    resource::{Bundle, QuarantineEntry},
};
use cloister_fhir::{BundlePlan, EntryResult, Identity, Issue, ReadBundle, Refused, ResourceType};
use cloister_kernel::Phi;
use uuid::Uuid;

use crate::{
    Store, StoreError, UnitOfWork,
    identities::{self, Kept},
    ingest::Worked,
    sealer::Sealer,
    workbench::{Room, Workbench},
};

/// What became of one entry of a bundle.
#[derive(Debug, Clone)]
pub struct IntakeEntry {
    /// The result.
    pub result: EntryResult,
    /// FHIR's resource type.
    pub resource_type: ResourceType,
    /// What the resource is called here.
    pub id: Uuid,
    /// Its version, from 1, if it is kept.
    pub version: Option<u32>,
    /// What deserves a look.
    pub issues: Vec<Issue>,
}

/// Why a bundle was not taken in. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The store could not, or the present state does not allow it.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The bundle itself.
    #[error("{0}")]
    Refused(#[from] Refused),
}

/// From so many entries or bytes on a bundle is long: up to here, working it out takes a few milliseconds.
const LONG_ENTRIES: usize = 50;
const LONG_BYTES: usize = 256 << 10;

/// A bundle whose entries are sound one by one, with its text. Cheap to clone.
#[derive(Clone)]
pub struct IncomingBundle(Arc<Incoming>);

struct Incoming {
    bundle: ReadBundle,
    original: Phi<Vec<u8>>,
    /// The room that a long one takes while it is worked on.
    _room: Option<Room>,
}

impl std::fmt::Debug for IncomingBundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IncomingBundle")
    }
}

impl IncomingBundle {
    /// Reads the text of a transaction bundle.
    ///
    /// # Errors
    /// [`Refused`] naming entries and paths.
    pub fn read(text: Vec<u8>) -> Result<Self, Refused> {
        Self::read_within(text, None)
    }

    fn read_within(text: Vec<u8>, room: Option<Room>) -> Result<Self, Refused> {
        let bundle = ReadBundle::read(&text)?;
        Ok(Self(Arc::new(Incoming { bundle, original: Phi::new(text), _room: room })))
    }

    /// Whether it is long enough to be prepared before it is taken in.
    pub fn is_long(&self) -> bool {
        self.0.bundle.len() >= LONG_ENTRIES || self.original().len() >= LONG_BYTES
    }

    pub(crate) fn original(&self) -> &[u8] {
        self.0.original.expose()
    }
}

/// The record system whose identities count.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) client: Uuid,
    pub(crate) systems: Vec<String>,
}

/// What a bundle asks for, as far as it is known without looking anything up. Cheap to clone.
#[derive(Clone)]
pub struct PlannedBundle(Arc<Planned>);

pub(crate) struct Planned {
    pub(crate) sealer: Sealer,
    pub(crate) source: Source,
    pub(crate) plan: BundlePlan,
    /// The digest of every identity that is looked up or kept.
    pub(crate) hashes: HashMap<Identity, Vec<u8>>,
    pub(crate) incoming: IncomingBundle,
    pub(crate) origin: Origin,
}

/// Where a bundle comes from: from its record system just now, or from quarantine by a person's decision.
#[derive(Clone, Default)]
pub(crate) struct Origin {
    /// The entry of the quarantine.
    pub(crate) held: Option<Uuid>,
    /// Patients about whom a person decided that the bundle is right.
    pub(crate) accepted: BTreeSet<Uuid>,
}

/// A bundle that is worked out for what was kept when it was prepared.
pub struct PreparedBundle {
    pub(crate) planned: Arc<Planned>,
    pub(crate) looked: Looked,
    pub(crate) worked: Worked,
}

impl std::fmt::Debug for PlannedBundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlannedBundle")
    }
}

impl std::fmt::Debug for PreparedBundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PreparedBundle")
    }
}

/// All that is kept of what a plan touches, as far as it decides what is written.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Looked {
    pub(crate) known: HashMap<Identity, Kept>,
    /// The sealed demographics of every patient whom the bundle may touch.
    pub(crate) demographics: BTreeMap<Uuid, Vec<u8>>,
    /// Those of them about whom something of this record system waits for a decision.
    pub(crate) disputed: BTreeSet<Uuid>,
}

/// A bundle that waits in quarantine, still sealed.
pub(crate) struct HeldBundle {
    pub(crate) client: Uuid,
    pub(crate) sealed: cloister_vault::SealedValue,
    pub(crate) accepted: BTreeSet<Uuid>,
}

impl Planned {
    /// Plans a bundle and digests its identities.
    pub(crate) async fn of(
        bench: &Workbench,
        sealer: &Sealer,
        source: Source,
        incoming: IncomingBundle,
        origin: Origin,
    ) -> Result<Arc<Self>, IntakeError> {
        let sealer = sealer.clone();
        let is_long = incoming.is_long();
        let planning = move || {
            let plan = BundlePlan::of(&incoming.0.bundle, &source.systems)?;
            let hashes = identities::hashes(&sealer, &plan)?;
            Ok(Arc::new(Self { sealer, source, plan, hashes, incoming, origin }))
        };
        bench.run(is_long, planning).await?
    }
}

impl Store {
    /// Reads the text of a bundle, beside the threads that answer requests. A long one waits until there is room for it.
    ///
    /// # Errors
    /// `Refused` naming entries and paths; `Stopped`.
    pub async fn read_bundle(&self, text: Vec<u8>) -> Result<IncomingBundle, IntakeError> {
        let is_long = text.len() >= LONG_BYTES / 8;
        let room = if is_long { Some(self.bench().room(text.len()).await?) } else { None };
        Ok(self.bench().run(is_long, move || IncomingBundle::read_within(text, room)).await??)
    }
}

impl UnitOfWork<'_> {
    /// Gives the unit up and plans a bundle for the record system that the permit names.
    ///
    /// # Errors
    /// `Refused` naming entries and paths; the store's.
    pub async fn plan_bundle(
        self,
        permit: Permit<Create, Bundle>,
        incoming: &IncomingBundle,
    ) -> Result<PlannedBundle, IntakeError> {
        let client = self.machine(&permit)?;
        let source = self.core.source(client, false).await?;
        let (bench, sealer) = (self.core.bench().clone(), self.core.sealer().clone());
        self.core.give_up().await?;
        let planned = Planned::of(&bench, &sealer, source, incoming.clone(), Origin::default()).await?;
        Ok(PlannedBundle(planned))
    }

    /// Gives the unit up and plans the held bundle that the permit names.
    ///
    /// # Errors
    /// `Conflict` when it was decided already; `Refused`; the store's.
    pub async fn plan_held(
        self,
        permit: Permit<Decide, QuarantineEntry>,
    ) -> Result<PlannedBundle, IntakeError> {
        let entry = self.row_of(&permit)?;
        let held = self.core.held(entry).await?;
        let source = self.core.source(held.client, false).await?;
        let (bench, sealer) = (self.core.bench().clone(), self.core.sealer().clone());
        self.core.give_up().await?;
        let opening = sealer.clone();
        let HeldBundle { sealed, accepted, client: _ } = held;
        let opened = move || {
            let text = opening.open("quarantine", "incoming_sealed", entry, &sealed)?;
            IncomingBundle::read(text.to_vec()).map_err(|_| StoreError::Corrupt("quarantine.incoming_sealed"))
        };
        let incoming = bench.run(true, opened).await??;
        let origin = Origin { held: Some(entry), accepted };
        Ok(PlannedBundle(Planned::of(&bench, &sealer, source, incoming, origin).await?))
    }

    /// Gives the unit up and works a planned bundle out.
    ///
    /// # Errors
    /// `Refused` naming entries and paths; the store's.
    pub async fn prepare_bundle(
        self,
        permit: Permit<Create, Bundle>,
        planned: PlannedBundle,
    ) -> Result<PreparedBundle, IntakeError> {
        if self.machine(&permit)? != planned.0.source.client {
            return Err(StoreError::ForeignPermit.into());
        }
        self.prepared(planned).await
    }

    /// As [`UnitOfWork::prepare_bundle`], of a bundle that [`UnitOfWork::plan_held`] planned.
    ///
    /// # Errors
    /// As [`UnitOfWork::prepare_bundle`].
    pub async fn prepare_held(
        self,
        permit: Permit<Decide, QuarantineEntry>,
        planned: PlannedBundle,
    ) -> Result<PreparedBundle, IntakeError> {
        if Some(self.row_of(&permit)?) != planned.0.origin.held {
            return Err(StoreError::ForeignPermit.into());
        }
        self.prepared(planned).await
    }

    async fn prepared(self, planned: PlannedBundle) -> Result<PreparedBundle, IntakeError> {
        let looked = self.core.look(&planned.0).await?;
        let (bench, context) = (self.core.bench().clone(), self.core.event_context().clone());
        self.core.give_up().await?;
        let worked = Worked::out(&bench, &planned.0, &looked, context).await?;
        Ok(PreparedBundle { planned: planned.0, looked, worked })
    }

    /// Takes a bundle in, or holds it in quarantine: then every entry is [`EntryResult::Quarantined`]. Bundles of one
    /// record system wait for each other.
    ///
    /// # Errors
    /// [`IntakeError`]; the unit must then be given up. `Conflict`: another transaction took an identity first, try anew.
    pub async fn take_in(
        &mut self,
        permit: Permit<Create, Bundle>,
        incoming: &IncomingBundle,
        prepared: Option<PreparedBundle>,
    ) -> Result<Vec<IntakeEntry>, IntakeError> {
        let client = self.machine(&permit)?;
        let source = self.core.source(client, true).await?;
        let before = prepared.filter(|prepared| prepared.planned.origin.held.is_none());
        self.core.take_in(source, incoming.clone(), Origin::default(), before).await
    }

    /// Takes in the held bundle that the permit names: the record's patient is who the bundle says. If it contradicts
    /// the record of a further patient, it is held again, for a decision about that one.
    ///
    /// # Errors
    /// `Conflict` when it was decided already; `Refused` when what it refers to has gone since.
    pub async fn accept_incoming(
        &mut self,
        permit: Permit<Decide, QuarantineEntry>,
        prepared: PreparedBundle,
    ) -> Result<Vec<IntakeEntry>, IntakeError> {
        let id = self.row_of(&permit)?;
        if prepared.planned.origin.held != Some(id) {
            return Err(StoreError::ForeignPermit.into());
        }
        let source = self.core.source(prepared.planned.source.client, true).await?;
        self.settle(id, "accepted").await?;
        let (incoming, origin) = (prepared.planned.incoming.clone(), prepared.planned.origin.clone());
        self.core.take_in(source, incoming, origin, Some(prepared)).await
    }

    /// The record system that a permit of this unit is for.
    fn machine(&self, permit: &Permit<Create, Bundle>) -> Result<Uuid, StoreError> {
        self.check(permit)?;
        match permit.principal() {
            Principal::Machine(client) => Ok(client.uuid()),
            _ => Err(StoreError::ForeignPermit),
        }
    }
}

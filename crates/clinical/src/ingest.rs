//! Taking bundles in, and reading back what was taken in.

use cloister_access::{
    Caller,
    action::{Create, Read},
    resource::{Bundle, ClinicalResource},
};
use cloister_audit::ActionCode;
use cloister_fhir::{Refused, ResourceType, SOCIAL_SECURITY_SYSTEM, TransactionResponse};
use cloister_kernel::{Failure, Phi, ResourceId};
use cloister_store::{
    IncomingBundle, IntakeEntry, IntakeError, Plain, PreparedBundle, StoreError, Target, UnitOfWork,
};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    Clinical, ClinicalError,
    clinical::{Sought, found},
};

/// A resource as it is kept.
#[derive(Debug, Clone)]
pub struct FhirResource {
    /// FHIR's resource type.
    pub resource_type: ResourceType,
    /// Its id here.
    pub id: ResourceId,
    /// Its version, from 1.
    pub version: i64,
    /// When this version was received.
    pub received_at: OffsetDateTime,
    /// The resource.
    pub body: Value,
}

impl Clinical {
    /// Takes a transaction bundle in, on behalf of a record system. A bundle that contradicts who a patient is, is held
    /// whole: every entry is then answered with 202.
    ///
    /// # Errors
    /// `Refused` naming entries and paths; `Store`. Nothing was written but the event.
    pub async fn ingest_bundle(
        &self,
        caller: &Caller,
        bytes: Vec<u8>,
    ) -> Result<TransactionResponse, ClinicalError> {
        let incoming = match self.store.read_bundle(bytes).await {
            Ok(incoming) => Ok(incoming),
            Err(IntakeError::Refused(refused)) => Err(refused),
            Err(IntakeError::Store(error)) => return Err(error.into()),
        };
        let (unit, outcome) = match self.take_in(caller, &incoming).await? {
            // Another transaction took an identity first: now it is known.
            (unit, Err(IntakeError::Store(StoreError::Conflict))) => {
                drop(unit);
                self.take_in(caller, &incoming).await?
            }
            outcome => outcome,
        };
        let sought = Sought::new(ActionCode::BundleIngested, "bundle");
        Ok(response_of(&settled(unit, outcome, sought).await?))
    }

    async fn take_in<'c>(
        &self,
        caller: &'c Caller,
        incoming: &Result<IncomingBundle, Refused>,
    ) -> Result<(UnitOfWork<'c>, Result<Vec<IntakeEntry>, IntakeError>), ClinicalError> {
        let incoming = match incoming {
            Ok(incoming) => self.prepared(caller, incoming).await?,
            Err(refused) => Err(refused.clone()),
        };
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await?;
        let outcome = match incoming {
            Ok((incoming, prepared)) => unit.take_in(permit, incoming, prepared).await,
            Err(refused) => Err(refused.into()),
        };
        Ok((unit, outcome))
    }

    /// A long bundle is worked out before the unit that takes it in begins: on SQLite nobody else writes while that is
    /// open. What makes it unacceptable is told within that unit, which leaves the event.
    async fn prepared<'i>(
        &self,
        caller: &Caller,
        incoming: &'i IncomingBundle,
    ) -> Result<Result<(&'i IncomingBundle, Option<PreparedBundle>), Refused>, ClinicalError> {
        if !incoming.is_long() {
            return Ok(Ok((incoming, None)));
        }
        let unit = self.store.begin(caller).await?;
        let (unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await?;
        let prepared = match unit.plan_bundle(permit, incoming).await {
            Ok(planned) => {
                let unit = self.store.begin(caller).await?;
                let (unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await?;
                unit.prepare_bundle(permit, planned).await
            }
            Err(error) => Err(error),
        };
        match prepared {
            Ok(prepared) => Ok(Ok((incoming, Some(prepared)))),
            Err(IntakeError::Refused(refused)) => Ok(Err(refused)),
            Err(IntakeError::Store(error)) => Err(error.into()),
        }
    }

    /// Reads a resource by its type and id, on behalf of a record system. Social security numbers are left out.
    ///
    /// # Errors
    /// `Store` with `NotFound` or a concealed denial, which answer alike.
    pub async fn read_resource(
        &self,
        caller: &Caller,
        resource_type: &str,
        id: &str,
    ) -> Result<Phi<FhirResource>, ClinicalError> {
        let unit = self.store.begin(caller).await?;
        let sought = |row| Sought { row, ..Sought::new(ActionCode::ResourceRead, "clinical_resource") };
        let (Some(resource_type), Ok(id)) = (ResourceType::parse(resource_type), id.parse::<ResourceId>())
        else {
            let (_, ()) = found(unit, Err(StoreError::NotFound), sought(None)).await?;
            return Err(StoreError::NotFound.into());
        };
        let (mut unit, permit) = unit.require::<Read, ClinicalResource>(Target::Resource(id)).await?;
        let patient = permit.patient();
        let outcome = unit.resource(permit, resource_type).await;
        let (unit, stored) = found(unit, outcome, Sought { patient, ..sought(Some(id.uuid())) }).await?;
        let stored = unit.commit(stored).await?;
        let mut body = serde_json::from_slice(stored.body.expose())
            .map_err(|_| StoreError::Corrupt("resources.body_sealed"))?;
        leave_out_social_security(&mut body);
        let cloister_store::StoredResource { id, resource_type, version, received_at, .. } = stored;
        Ok(Phi::new(FhirResource { resource_type, id, version, received_at, body }))
    }
}

/// Takes identifiers of the social security system out of every list of identifiers.
fn leave_out_social_security(value: &mut Value) {
    let is_number =
        |value: &Value| value.get("system").and_then(Value::as_str) == Some(SOCIAL_SECURITY_SYSTEM);
    match value {
        Value::Object(members) => {
            members.retain(|_, member| {
                if is_number(member) {
                    return false;
                }
                let Value::Array(items) = member else { return true };
                let before = items.len();
                items.retain(|item| !is_number(item));
                // FHIR has no empty lists.
                before == items.len() || !items.is_empty()
            });
            members.values_mut().for_each(leave_out_social_security);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_social_security),
        _ => {}
    }
}

/// Commits what was taken in, or writes down that it could not be.
pub(crate) async fn settled(
    unit: UnitOfWork<'_>,
    outcome: Result<Vec<IntakeEntry>, IntakeError>,
    sought: Sought,
) -> Result<Vec<IntakeEntry>, ClinicalError> {
    match outcome {
        Ok(entries) => Ok(unit.commit(Plain(entries)).await?),
        Err(IntakeError::Refused(refused)) => {
            unit.fail(sought.failed(refused.code())).await?;
            Err(refused.into())
        }
        Err(IntakeError::Store(error)) => {
            let (_, entries) = found(unit, Err(error), sought).await?;
            Ok(entries)
        }
    }
}

fn response_of(entries: &[IntakeEntry]) -> TransactionResponse {
    let mut response = TransactionResponse::new();
    for entry in entries {
        response.entry(entry.result, entry.resource_type, entry.id, entry.version, &entry.issues);
    }
    response
}

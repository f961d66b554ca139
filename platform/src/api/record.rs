//! The record of the patient who asks.

use cloister_clinical as clinical;
use cloister_kernel::ResourceId;
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use uuid::Uuid;

use super::{
    answers::Answer,
    context::User,
    results::{Result as FullResult, ResultPage, page},
};

/// How much a record holds.
#[derive(Debug, Object)]
pub(crate) struct RecordCounts {
    /// Results.
    results: i64,
}

/// Who a record is about.
#[derive(Debug, Object)]
pub(crate) struct Record {
    /// The patient.
    patient_id: Uuid,
    /// The name to show; empty where the source gave none.
    name: String,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, as precise as it is known.
    birth_date: Option<String>,
    /// FHIR's administrative gender.
    sex: Option<String>,
    /// Whether the patient has died.
    deceased: bool,
    /// How much the record holds.
    counts: RecordCounts,
}

impl From<clinical::Record> for Record {
    fn from(record: clinical::Record) -> Self {
        Self {
            patient_id: record.patient_id.uuid(),
            name: record.name,
            birth_date: record.birth_date,
            sex: record.sex,
            deceased: record.deceased,
            counts: RecordCounts { results: record.results },
        }
    }
}

pub(crate) struct RecordApi;

#[OpenApi]
impl RecordApi {
    /// The record of the patient who asks
    #[oai(path = "/api/v1/record", method = "get", operation_id = "get_own_record")]
    async fn get(&self, user: User) -> Answer<Record> {
        let record = user.platform.clinical().own_record(&user.caller).await?;
        Ok(Json(record.into_exposed().into()))
    }

    /// The results of the patient who asks, newest first
    #[oai(path = "/api/v1/record/results", method = "get", operation_id = "list_own_results")]
    async fn results(
        &self,
        user: User,
        /// How many, 1 to 200; 50 when not said.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u16>>,
        /// The next_cursor of the part before; good for the same person and list only.
        #[oai(validator(max_length = 2048))]
        cursor: Query<Option<String>>,
    ) -> Answer<ResultPage> {
        let results = user.platform.clinical().own_results(&user.caller, &page(limit, cursor)).await?;
        Ok(Json(results.into_exposed().into()))
    }

    /// One result of the patient who asks, with its history
    #[oai(path = "/api/v1/record/results/:result_id", method = "get", operation_id = "get_own_result")]
    async fn result(&self, user: User, result_id: Path<Uuid>) -> Answer<FullResult> {
        let id = ResourceId::from_uuid(result_id.0);
        let result = user.platform.clinical().own_result(&user.caller, id).await?;
        Ok(Json(result.into_exposed().into()))
    }
}

//! Charts: records of the patients on the caller's panel.

use cloister_kernel::{PatientId, ResourceId};
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
    payload::Json,
};
use uuid::Uuid;

use super::{
    answers::Answer,
    context::User,
    record::Record,
    results::{Result as FullResult, ResultPage, page},
};

pub(crate) struct PatientApi;

#[OpenApi]
impl PatientApi {
    /// A patient's record
    #[oai(path = "/api/v1/patients/:patient_id", method = "get", operation_id = "get_patient_record")]
    async fn get(&self, user: User, patient_id: Path<Uuid>) -> Answer<Record> {
        let patient = PatientId::from_uuid(patient_id.0);
        let record = user.platform.clinical().patient_record(&user.caller, patient).await?;
        Ok(Json(record.into_exposed().into()))
    }

    /// A patient's results, newest first
    #[oai(
        path = "/api/v1/patients/:patient_id/results",
        method = "get",
        operation_id = "list_patient_results"
    )]
    async fn results(
        &self,
        user: User,
        patient_id: Path<Uuid>,
        /// How many, 1 to 200; 50 when not said.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u16>>,
        /// The next_cursor of the part before; good for the same person and list only.
        #[oai(validator(max_length = 2048))]
        cursor: Query<Option<String>>,
    ) -> Answer<ResultPage> {
        let (patient, page) = (PatientId::from_uuid(patient_id.0), page(limit, cursor));
        let results = user.platform.clinical().patient_results(&user.caller, patient, &page).await?;
        Ok(Json(results.into_exposed().into()))
    }

    /// One result of a patient, with its history
    #[oai(
        path = "/api/v1/patients/:patient_id/results/:result_id",
        method = "get",
        operation_id = "get_patient_result"
    )]
    async fn result(&self, user: User, patient_id: Path<Uuid>, result_id: Path<Uuid>) -> Answer<FullResult> {
        let (patient, id) = (PatientId::from_uuid(patient_id.0), ResourceId::from_uuid(result_id.0));
        let result = user.platform.clinical().patient_result(&user.caller, patient, id).await?;
        Ok(Json(result.into_exposed().into()))
    }
}

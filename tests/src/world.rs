//! Two clinics with people in every position towards one chart.

use cloister_testkit::app::{Clinic, PatientFile, Person, RecordClient, TestApp};
use serde_json::Value;
use uuid::Uuid;

/// The clinic `here` holds the chart that everybody tries: Ann's.
pub struct World {
    /// The app.
    pub app: TestApp,
    /// The clinic whose chart is tried; its owner is the clinic's admin.
    pub here: Clinic,
    /// Another clinic.
    pub there: Clinic,
    /// The record system of `here`.
    pub record: RecordClient,
    /// The record system of `there`.
    pub record_there: RecordClient,
    /// A clinician whose panel Ann is on.
    pub clinician: Person,
    /// A clinician of the same clinic whose panel she is not on.
    pub off_panel: Person,
    /// A clinician of the other clinic.
    pub clinician_there: Person,
    /// The patient.
    pub ann: Person,
    /// Another patient of the same clinic.
    pub ben: Person,
    /// A patient of the other clinic.
    pub cora: Person,
    /// Ann's file.
    pub ann_file: PatientFile,
    /// A patient on the clinician's panel without an account.
    pub dora: Uuid,
    /// One of Ann's results.
    pub result: Uuid,
    /// The resource ids of the bundle that brought Ann, by type.
    pub ann_resources: Vec<(String, String)>,
}

impl World {
    /// Makes the world by the calls that its people would make.
    pub async fn make() -> Self {
        Self::make_in(TestApp::start().await).await
    }

    /// The same in an app that was started already.
    pub async fn make_in(app: TestApp) -> Self {
        let mut here = app.clinic("hillside").await;
        let mut there = app.clinic("seaside").await;
        let record = here.record_client(&app).await;
        let record_there = there.record_client(&app).await;
        record.push(&PatientFile::practitioners(&["P1", "P2"])).await;
        record_there.push(&PatientFile::practitioners(&["P1"])).await;
        let [ann_file, ben_file, dora_file] =
            [1, 2, 3].map(|number| PatientFile::ordinary(number, if number == 2 { "P2" } else { "P1" }));
        let answer = record.push(&ann_file.bundle()).await;
        let ann_resources = located(&answer);
        record.push(&ben_file.bundle()).await;
        record.push(&dora_file.bundle()).await;
        let cora_file = PatientFile::ordinary(4, "P1");
        record_there.push(&cora_file.bundle()).await;

        let mut clinician = here.staff(&app, "clara@hillside.example", "clinician", Some("P1")).await;
        let mut off_panel = here.staff(&app, "otto@hillside.example", "clinician", Some("P2")).await;
        let mut clinician_there = there.staff(&app, "carl@seaside.example", "clinician", Some("P1")).await;
        let mut ann = here.patient(&app, &mut clinician, &ann_file).await;
        let ben = here.patient(&app, &mut off_panel, &ben_file).await;
        let cora = there.patient(&app, &mut clinician_there, &cora_file).await;
        let dora = cloister_testkit::app::find_on_panel(&mut clinician, &dora_file.family).await;
        let results = ann.browser.get("/api/v1/record/results").await.unwrap().ok("results").unwrap();
        let result = id_in(&results["items"][0]);
        Self {
            app,
            here,
            there,
            record,
            record_there,
            clinician,
            off_panel,
            clinician_there,
            ann,
            ben,
            cora,
            ann_file,
            dora,
            result,
            ann_resources,
        }
    }

    /// Ann's id as a patient.
    pub fn ann_patient(&self) -> Uuid {
        self.ann.patient.unwrap()
    }
}

/// The `id` member of an object.
pub(crate) fn id_in(body: &Value) -> Uuid {
    body["id"].as_str().and_then(|id| Uuid::parse_str(id).ok()).unwrap_or_else(|| panic!("no id in {body}"))
}

/// Type and id of every entry of a transaction's answer.
pub(crate) fn located(answer: &Value) -> Vec<(String, String)> {
    let entries = answer["entry"].as_array().unwrap().iter();
    let location = |entry: &Value| {
        let location = entry["response"]["location"].as_str().unwrap_or_default().to_owned();
        let mut parts = location.split('/').skip_while(|part| part.starts_with("http") || part.is_empty());
        Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
    };
    entries.filter_map(location).collect()
}

//! A patient's years at a demonstration clinic.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, Time};

use super::{
    DemoClinic, DemoPatient, DemoPractitioner,
    build::{BundleBuilder, Dice, LOINC, SNOMED, concept, instant, period, practitioner_reference, quantity},
    people::Course,
    record_system,
};

/// A laboratory test: its LOINC code, name, unit, decimal places, limits, and the value of a healthy person.
struct Test {
    code: &'static str,
    name: &'static str,
    unit: (&'static str, &'static str),
    places: usize,
    low: Option<f64>,
    high: Option<f64>,
    usual: f64,
    spread: f64,
}

const fn test(
    code: &'static str,
    name: &'static str,
    unit: (&'static str, &'static str),
    range: (usize, Option<f64>, Option<f64>),
    usual: (f64, f64),
) -> Test {
    let (places, low, high) = range;
    Test { code, name, unit, places, low, high, usual: usual.0, spread: usual.1 }
}

const MG_DL: (&str, &str) = ("mg/dL", "mg/dL");
const TESTS: &[Test] = &[
    test("2345-7", "Glucose", MG_DL, (0, Some(70.0), Some(99.0)), (88.0, 7.0)),
    test("4548-4", "Hemoglobin A1c", ("%", "%"), (1, Some(4.0), Some(5.6)), (5.2, 0.2)),
    test("2160-0", "Creatinine", MG_DL, (2, Some(0.6), Some(1.3)), (0.9, 0.1)),
    test(
        "33914-3",
        "Estimated glomerular filtration rate",
        ("mL/min/{1.73_m2}", "mL/min/{1.73_m2}"),
        (0, Some(60.0), None),
        (95.0, 6.0),
    ),
    test("2823-3", "Potassium", ("mmol/L", "mmol/L"), (1, Some(3.5), Some(5.1)), (4.2, 0.3)),
    test("2951-2", "Sodium", ("mmol/L", "mmol/L"), (0, Some(136.0), Some(145.0)), (140.0, 2.0)),
    test("2093-3", "Total cholesterol", MG_DL, (0, None, Some(199.0)), (178.0, 12.0)),
    test("13457-7", "LDL cholesterol", MG_DL, (0, None, Some(129.0)), (104.0, 12.0)),
    test("2085-9", "HDL cholesterol", MG_DL, (0, Some(40.0), None), (54.0, 6.0)),
    test("2571-8", "Triglycerides", MG_DL, (0, None, Some(149.0)), (108.0, 20.0)),
    test("718-7", "Hemoglobin", ("g/dL", "g/dL"), (1, Some(12.0), Some(17.0)), (14.1, 0.5)),
    test("2276-4", "Ferritin", ("ng/mL", "ng/mL"), (0, Some(15.0), Some(150.0)), (72.0, 15.0)),
    test("3016-3", "Thyrotropin (TSH)", ("mIU/L", "m[IU]/L"), (2, Some(0.4), Some(4.5)), (2.1, 0.6)),
    test("1742-6", "Alanine aminotransferase (ALT)", ("U/L", "U/L"), (0, Some(7.0), Some(56.0)), (24.0, 7.0)),
];

/// From which value to which a test drifts over the years in one course.
fn drift(course: Course, code: &str) -> Option<(f64, f64)> {
    match (course, code) {
        (Course::Diabetes, "4548-4") => Some((6.2, 8.4)),
        (Course::Diabetes, "2345-7") => Some((112.0, 171.0)),
        (Course::Kidney | Course::Deceased, "2160-0") => Some((1.2, 2.3)),
        (Course::Kidney | Course::Deceased, "33914-3") => Some((64.0, 29.0)),
        (Course::Kidney, "2823-3") => Some((4.6, 5.3)),
        (Course::Thyroid, "3016-3") => Some((9.8, 2.4)),
        (Course::Lipids, "13457-7") => Some((172.0, 118.0)),
        (Course::Lipids, "2093-3") => Some((251.0, 192.0)),
        (Course::Lipids, "2085-9") => Some((36.0, 41.0)),
        (Course::Anemia, "718-7") => Some((9.4, 12.6)),
        (Course::Anemia, "2276-4") => Some((6.0, 24.0)),
        (Course::Pressure, "2571-8") => Some((132.0, 168.0)),
        _ => None,
    }
}

/// The condition and medication of a course: SNOMED CT code and name, RxNorm code and name.
type Treatment = ((&'static str, &'static str), (&'static str, &'static str));

const fn treatment(course: Course) -> Option<Treatment> {
    Some(match course {
        Course::Diabetes => (
            ("44054006", "Type 2 diabetes mellitus"),
            ("860975", "Metformin hydrochloride 500 MG Oral Tablet"),
        ),
        Course::Kidney | Course::Deceased => {
            (("709044004", "Chronic kidney disease"), ("314076", "Lisinopril 10 MG Oral Tablet"))
        }
        Course::Thyroid => {
            (("40930008", "Hypothyroidism"), ("966224", "Levothyroxine sodium 0.05 MG Oral Tablet"))
        }
        Course::Lipids => (("55822004", "Hyperlipidemia"), ("259255", "Atorvastatin 20 MG Oral Tablet")),
        Course::Anemia => {
            (("87522002", "Iron deficiency anemia"), ("310325", "Ferrous sulfate 325 MG Oral Tablet"))
        }
        Course::Pressure => {
            (("38341003", "Hypertensive disorder"), ("197361", "Amlodipine 5 MG Oral Tablet"))
        }
        Course::Healthy | Course::Child => return None,
    })
}

struct Chart<'a> {
    bundle: BundleBuilder,
    person: &'a DemoPatient,
    subject: Value,
    practitioner: Value,
    dice: Dice,
}

pub(super) fn patient_bundle(
    seed: u64,
    clinic: &DemoClinic,
    person: &DemoPatient,
    staff: &[DemoPractitioner],
    now: OffsetDateTime,
) -> Value {
    let mut bundle = BundleBuilder::new(&clinic.slug, &person.record_number);
    let subject = bundle.add("patient", patient(clinic, person));
    let carer = staff.get(person.practitioner).or_else(|| staff.first());
    let practitioner = carer.map_or(Value::Null, |carer| practitioner_reference(&clinic.slug, carer));
    let dice = Dice::new(seed, &clinic.slug, &person.record_number, "course");
    let mut chart = Chart { bundle, person, subject, practitioner, dice };
    chart.care_team();
    let end = person.died_on.map_or(now, |day| day.midnight().assume_utc()) - Duration::days(5);
    let visits: i64 = if person.course == Course::Child { 4 } else { 7 };
    for visit in 0..visits {
        let days =
            (visits - 1 - visit) * 180 + if visit + 1 == visits { 0 } else { chart.dice.between(-20, 20) };
        let hour = u8::try_from(chart.dice.between(13, 20)).unwrap_or(13);
        let at =
            (end - Duration::days(days)).replace_time(Time::from_hms(hour, 15, 0).unwrap_or(Time::MIDNIGHT));
        let progress =
            f64::from(i32::try_from(visit).unwrap_or(0)) / f64::from(i32::try_from(visits - 1).unwrap_or(1));
        chart.visit(visit, at.min(end), progress);
    }
    chart.history(end - Duration::days(visits * 180));
    chart.bundle.finish()
}

fn patient(clinic: &DemoClinic, person: &DemoPatient) -> Value {
    let mut patient = json!({
        "resourceType": "Patient", "active": true, "gender": person.sex, "birthDate": person.birth_date.to_string(),
        "identifier": [{
            "use": "usual", "system": record_system(&clinic.slug), "value": person.record_number,
            "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical record number")
        }],
        "name": [{"use": "official", "family": person.family, "given": person.given.split(' ').collect::<Vec<_>>()}],
        "address": [{"use": "home", "line": ["1 Example Street"], "city": "Springfield", "state": "MA", "country": "US"}]
    });
    if let Some(day) = person.died_on {
        patient["deceasedDateTime"] = json!(day.to_string());
    }
    patient
}

impl Chart<'_> {
    fn care_team(&mut self) {
        let team = json!({
            "resourceType": "CareTeam", "status": "active", "name": "Primary care", "subject": self.subject,
            "participant": [{
                "role": [concept(SNOMED, "446050000", "Primary care provider")], "member": self.practitioner
            }]
        });
        self.bundle.add("care-team", team);
    }

    fn visit(&mut self, number: i64, at: OffsetDateTime, progress: f64) {
        let encounter = self.bundle.add(&format!("visit-{number}"), json!({
            "resourceType": "Encounter", "status": "finished", "subject": self.subject, "period": period(at, 30),
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB", "display": "ambulatory"},
            "type": [concept(SNOMED, "185349003", "Encounter for check up")],
            "participant": [{"individual": self.practitioner}]
        }));
        self.vital_signs(number, at, &encounter, progress);
        let mut results = Vec::new();
        for test in TESTS {
            let child = self.person.course == Course::Child;
            if child && !matches!(test.code, "718-7" | "2276-4" | "2345-7") {
                continue;
            }
            results.push(self.laboratory(number, at, &encounter, test, progress));
        }
        if number == 0 || number == 3 {
            results.extend(self.urine(number, at, &encounter));
        }
        self.bundle.add(&format!("report-{number}"), json!({
            "resourceType": "DiagnosticReport", "status": "final", "subject": self.subject, "encounter": encounter,
            "category": [concept("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory")],
            "code": concept(LOINC, "11502-2", "Laboratory report"),
            "effectiveDateTime": instant(at), "issued": instant(at + Duration::hours(20)), "result": results
        }));
    }

    fn observation(&self, at: OffsetDateTime, encounter: &Value, category: &str, code: Value) -> Value {
        json!({
            "resourceType": "Observation", "status": "final", "subject": self.subject, "encounter": encounter, "code": code,
            "category": [{"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category
            }]}],
            "effectiveDateTime": instant(at), "issued": instant(at + Duration::hours(20)), "performer": [self.practitioner]
        })
    }

    fn laboratory(
        &mut self,
        number: i64,
        at: OffsetDateTime,
        encounter: &Value,
        test: &Test,
        progress: f64,
    ) -> Value {
        let swing = self.dice.swing();
        let value = match drift(self.person.course, test.code) {
            Some((from, to)) => (to - from).mul_add(progress, from) + swing * test.spread * 0.4,
            None => swing.mul_add(test.spread, test.usual),
        };
        let mut observation =
            self.observation(at, encounter, "laboratory", concept(LOINC, test.code, test.name));
        let (unit, code) = test.unit;
        observation["valueQuantity"] = quantity(value.max(0.01), test.places, unit, code);
        let mut range = json!({"type": concept("http://terminology.hl7.org/CodeSystem/referencerange-meaning", "normal", "Normal Range")});
        if let Some(low) = test.low {
            range["low"] = quantity(low, test.places, unit, code);
        }
        if let Some(high) = test.high {
            range["high"] = quantity(high, test.places, unit, code);
        }
        observation["referenceRange"] = json!([range]);
        self.bundle.add(&format!("lab-{number}-{}", test.code), observation)
    }

    /// The results that are not numbers: a color, a bound, and one of which the laboratory gives no range.
    fn urine(&mut self, number: i64, at: OffsetDateTime, encounter: &Value) -> Vec<Value> {
        let mut color =
            self.observation(at, encounter, "laboratory", concept(LOINC, "5778-6", "Color of urine"));
        color["valueString"] = json!("Yellow");
        color["referenceRange"] = json!([{"text": "Yellow"}]);
        let mut protein = self.observation(
            at,
            encounter,
            "laboratory",
            concept(LOINC, "20454-5", "Protein in urine by test strip"),
        );
        let found = matches!(self.person.course, Course::Kidney | Course::Diabetes);
        protein["valueCodeableConcept"] = json!({"text": if found { "Trace" } else { "Negative" }});
        protein["referenceRange"] = json!([{"text": "Negative"}]);
        let mut leukocytes = self.observation(
            at,
            encounter,
            "laboratory",
            concept(LOINC, "5821-4", "Leukocytes in urine sediment"),
        );
        leukocytes["valueQuantity"] = quantity(5.0, 0, "/[HPF]", "/[HPF]");
        leukocytes["valueQuantity"]["comparator"] = json!("<");
        let all = [("5778-6", color), ("20454-5", protein), ("5821-4", leukocytes)];
        all.into_iter()
            .map(|(code, observation)| self.bundle.add(&format!("lab-{number}-{code}"), observation))
            .collect()
    }

    fn vital_signs(&mut self, number: i64, at: OffsetDateTime, encounter: &Value, progress: f64) {
        let (systolic, diastolic) = match self.person.course {
            Course::Pressure => {
                (4.0f64.mul_add(self.dice.swing(), 158.0 - 14.0 * progress), 8.0f64.mul_add(-progress, 96.0))
            }
            Course::Child => (4.0f64.mul_add(self.dice.swing(), 102.0), 64.0),
            _ => (6.0f64.mul_add(self.dice.swing(), 119.0), 76.0),
        };
        let part = |code: &str, name: &str, value: f64| json!({"code": concept(LOINC, code, name), "valueQuantity": quantity(value, 0, "mmHg", "mm[Hg]")});
        let mut pressure =
            self.observation(at, encounter, "vital-signs", concept(LOINC, "85354-9", "Blood pressure"));
        pressure["component"] = json!([
            part("8480-6", "Systolic blood pressure", systolic),
            part("8462-4", "Diastolic blood pressure", diastolic)
        ]);
        self.bundle.add(&format!("vital-{number}-85354-9"), pressure);
        let (weight, height) = match self.person.course {
            Course::Child => (3.0_f64.mul_add(progress, 28.0), 9.0_f64.mul_add(progress, 128.0)),
            _ => (74.0 + 3.0 * self.dice.swing(), 171.0),
        };
        let pulse = 72.0 + 8.0 * self.dice.swing();
        for (code, name, value, unit, ucum) in [
            ("29463-7", "Body weight", weight, "kg", "kg"),
            ("8302-2", "Body height", height, "cm", "cm"),
            ("8867-4", "Heart rate", pulse, "beats/minute", "/min"),
        ] {
            let mut vital = self.observation(at, encounter, "vital-signs", concept(LOINC, code, name));
            vital["valueQuantity"] = quantity(value, usize::from(code == "29463-7"), unit, ucum);
            self.bundle.add(&format!("vital-{number}-{code}"), vital);
        }
    }

    fn history(&mut self, since: OffsetDateTime) {
        if let Some(((condition, condition_name), (medication, medication_name))) =
            treatment(self.person.course)
        {
            let reason = self.bundle.add("condition", json!({
                "resourceType": "Condition", "subject": self.subject, "code": concept(SNOMED, condition, condition_name),
                "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"),
                "verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "Confirmed"),
                "onsetDateTime": since.date().to_string(), "recordedDate": instant(since)
            }));
            self.bundle.add("medication", json!({
                "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": self.subject,
                "medicationCodeableConcept": concept("http://www.nlm.nih.gov/research/umls/rxnorm", medication, medication_name),
                "authoredOn": instant(since), "requester": self.practitioner, "reasonReference": [reason],
                "dosageInstruction": [{"text": "Take one tablet by mouth once a day"}]
            }));
        }
        if self.dice.between(0, 2) == 0 {
            self.bundle.add("allergy", json!({
                "resourceType": "AllergyIntolerance", "patient": self.subject, "type": "allergy", "category": ["medication"],
                "criticality": "high", "code": concept(SNOMED, "91936005", "Allergy to penicillin"),
                "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "Active"),
                "verificationStatus":
                    concept("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed", "Confirmed"),
                "recordedDate": instant(since)
            }));
        }
        for (key, code, name) in
            [("140", "140", "Influenza, seasonal, injectable, preservative free"), ("115", "115", "Tdap")]
        {
            self.bundle.add(&format!("immunization-{key}"), json!({
                "resourceType": "Immunization", "status": "completed", "patient": self.subject, "primarySource": true,
                "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", code, name),
                "occurrenceDateTime": (since + Duration::days(30)).date().to_string(),
                "performer": [{"actor": self.practitioner}]
            }));
        }
    }
}

//! Who works at a demonstration clinic and who is treated there.

use time::{Date, Duration, OffsetDateTime};

use super::{DemoClinic, build::Dice};

/// A practitioner of a demonstration clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPractitioner {
    /// The value under [`super::practitioner_system`].
    pub identifier: String,
    /// The given name.
    pub given: String,
    /// The family name.
    pub family: String,
    /// FHIR's administrative gender.
    pub sex: &'static str,
}

/// How a patient's health goes, which decides what is measured and how it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    Diabetes,
    Kidney,
    Thyroid,
    Lipids,
    Anemia,
    Pressure,
    Healthy,
    Child,
    Deceased,
}

/// A patient of a demonstration clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPatient {
    /// The medical record number, the value under [`super::record_system`].
    pub record_number: String,
    /// The given names.
    pub given: String,
    /// The family name.
    pub family: String,
    /// FHIR's administrative gender.
    pub sex: &'static str,
    /// The birth date.
    pub birth_date: Date,
    /// The date of death.
    pub died_on: Option<Date>,
    /// The position in the clinic's list of practitioners of the one who looks after the patient.
    pub practitioner: usize,
    pub(super) course: Course,
}

/// Given names, family name, sex, course and about how old.
type Part = (&'static str, &'static str, &'static str, Course, i32);

const PATIENTS: [[Part; 12]; 2] = [
    [
        ("Ana María", "García Ibáñez", "female", Course::Diabetes, 58),
        ("Thomas", "O'Brien", "male", Course::Kidney, 71),
        ("Siobhán", "Ní Dhomhnaill", "female", Course::Thyroid, 44),
        ("Nguyễn Văn", "Đức", "male", Course::Lipids, 52),
        ("Łucja", "Wójcik", "female", Course::Anemia, 36),
        ("小明", "王", "male", Course::Pressure, 63),
        ("Emma", "Johansson", "female", Course::Child, 9),
        ("Björn", "Åkesson", "male", Course::Deceased, 84),
        ("Zoë", "Müller-Weiß", "female", Course::Healthy, 29),
        ("Олена", "Шевченко", "female", Course::Lipids, 47),
        ("Marcus", "Washington", "male", Course::Diabetes, 66),
        ("Fatima", "Al-Sayed", "female", Course::Healthy, 33),
    ],
    [
        ("José Luis", "Hernández Peña", "male", Course::Diabetes, 61),
        ("Grace", "Kim", "female", Course::Thyroid, 39),
        ("Ayşe", "Yıldız", "female", Course::Anemia, 31),
        ("René", "Lefèvre", "male", Course::Kidney, 75),
        ("Χρήστος", "Παπαδόπουλος", "male", Course::Pressure, 57),
        ("Mateo", "Núñez", "male", Course::Child, 14),
        ("Margaret", "Ellis", "female", Course::Deceased, 90),
        ("Chloé", "D'Angelo", "female", Course::Healthy, 26),
        ("Kwame", "Owusu-Ansah", "male", Course::Lipids, 49),
        ("さくら", "田中", "female", Course::Thyroid, 42),
        ("Robert", "Smith Jr.", "male", Course::Pressure, 68),
        ("Noa", "בן דוד", "female", Course::Healthy, 35),
    ],
];

/// Which of the two casts a clinic has: `riverside` the second, any other by its slug's length, `lakeside` the first.
fn cast(clinic: &DemoClinic) -> usize {
    match clinic.slug.as_str() {
        "lakeside" => 0,
        "riverside" => 1,
        other => other.len() % 2,
    }
}

pub(super) fn practitioners(clinic: &DemoClinic) -> Vec<DemoPractitioner> {
    let all: [[(&str, &str, &str); 2]; 2] = [
        [("Ingrid", "Sørensen", "female"), ("David", "Okafor", "male")],
        [("Lucía", "Fernández", "female"), ("Peter", "Novák", "male")],
    ];
    let numbered = all[cast(clinic)].iter().enumerate();
    numbered
        .map(|(index, (given, family, sex))| DemoPractitioner {
            identifier: format!("P{:03}", index + 1),
            given: (*given).to_owned(),
            family: (*family).to_owned(),
            sex,
        })
        .collect()
}

pub(super) fn patients(seed: u64, clinic: &DemoClinic, now: OffsetDateTime) -> Vec<DemoPatient> {
    let today = now.date();
    let numbered = PATIENTS[cast(clinic)].iter().enumerate();
    numbered
        .map(|(index, (given, family, sex, course, age))| {
            let record_number = format!("{:06}", 100_200 + index * 37);
            let mut dice = Dice::new(seed, &clinic.slug, &record_number, "person");
            let birthday = today
                .replace_year(today.year() - age)
                .unwrap_or(today - Duration::days(366 * i64::from(*age)));
            let birth_date = birthday - Duration::days(dice.between(10, 350));
            let died_on =
                (*course == Course::Deceased).then(|| today - Duration::days(dice.between(60, 300)));
            DemoPatient {
                record_number,
                given: (*given).to_owned(),
                family: (*family).to_owned(),
                sex,
                birth_date,
                died_on,
                practitioner: index % 2,
                course: *course,
            }
        })
        .collect()
}

/** A made-up clinic for looking at the screens. Nothing of it is shipped. */
import { randomUUID } from "node:crypto";

export const CLINIC = { name: "Lakeside Family Medicine", slug: "lakeside", colors: { brand: "#114b46", on_brand: "#ffffff" }, logo_url: null, time_zone: "America/Chicago", default_locale: "en" };

const DAY = 86_400_000;
const ago = (days) => new Date(Date.now() - days * DAY).toISOString();

const TESTS = [
  ["Glucose", "2345-7", "mg/dL", 70, 100, [92, 97, 104, 101, 96, 112, 108, 118]],
  ["Cholesterol in LDL", "13457-7", "mg/dL", null, 129, [160, 148, 131, 122, 118]],
  ["Creatinine", "2160-0", "mg/dL", 0.5, 0.9, [0.7, 0.72, 0.69]],
  ["Potassium", "2823-3", "mmol/L", 3.5, 5.1, [4.8, 3.3]],
  ["Hemoglobin A1c", "4548-4", "%", null, 5.6, [5.4, 5.5, 5.7, 5.8, 5.9, 6.1, 6, 5.9, 5.8, 5.7, 5.6, 5.5]],
  ["Hemoglobin", "718-7", "g/dL", 12, 16, [11.2]],
  ["Thyrotropin", "3016-3", "mIU/L", null, null, [2.1, 2.4]],
  ["Specific gravity of urine", "5811-5", "", 1.005, 1.03, [1.01]],
];

function interpret(value, low, high) {
  if (low === null && high === null) return "no_range";
  if (high !== null && value > high) return "above";
  return low !== null && value < low ? "below" : "in_range";
}

function rangeText(low, high) {
  if (low === null && high === null) return null;
  return low === null ? `<= ${high}` : high === null ? `>= ${low}` : `${low} - ${high}`;
}

function numeric() {
  return TESTS.flatMap(([name, code, unit, low, high, values]) =>
    values.map((value, index) => ({
      id: randomUUID(), name, code, category: "laboratory", value_text: String(value), unit: unit || null, interpretation: interpret(value, low, high),
      range_text: rangeText(low, high), effective_at: ago(3 + (values.length - 1 - index) * 91), status: index === 1 ? "corrected" : "final",
      range: rangeText(low, high) && { low, high, text: rangeText(low, high) }, value_number: value, note: name === "Potassium" && index === 1 ? "Sample was slightly hemolyzed.\nRepeat if clinically indicated." : null,
    })),
  );
}

const ODD = [
  { name: "Bacteria in urine", code: "630-4", value_text: "TNTC", unit: null, interpretation: "not_comparable", range_text: "None seen" },
  { name: "Bilirubin in urine by test strip, semi-quantitative, reported by the reference laboratory", code: "5770-3", value_text: "Negative", unit: null, interpretation: "in_range", range_text: "Negative" },
  { name: "Occult blood in urine", code: "5794-3", value_text: "Positive", unit: null, interpretation: "outside", range_text: "Negative" },
  { name: "Troponin I", code: "10839-9", value_text: ">20", unit: "ng/mL", interpretation: "above", range_text: "0 - 0.04" },
  { name: "Casts", code: "9842-6", value_text: "0", unit: "#/LPF", interpretation: "in_range", range_text: "0", value_number: 0, range: { low: 0, high: 0, text: "0" } },
  { name: "Body weight", code: "29463-7", category: "vital-signs", value_text: "71.4", unit: "kg", interpretation: "no_range", range_text: null, value_number: 71.4, effective_at: "2024-05" },
  { name: "Blood group", code: "882-1", value_text: "O Rh positive", unit: null, interpretation: "no_range", range_text: null, effective_at: null },
].map((odd) => ({ id: randomUUID(), category: "laboratory", status: "final", effective_at: ago(40), range: null, value_number: null, note: null, ...odd }));

export const results = [...numeric(), ...ODD].sort((a, b) => (b.effective_at ?? "").localeCompare(a.effective_at ?? ""));

export const summary = ({ range: _range, value_number: _number, note: _note, ...rest }) => rest;

export function resultWithHistory(id) {
  const found = results.find((result) => result.id === id);
  if (!found) return null;
  const history = results.filter((result) => result.code === found.code).map(({ id, effective_at, value_text, value_number, unit, status, interpretation }) => ({ id, effective_at, value_text, value_number, unit, status, interpretation }));
  if (found.code === "2160-0") history.push({ id: randomUUID(), effective_at: ago(500), value_text: "see note", value_number: null, unit: null, status: "final", interpretation: "not_comparable" });
  return { components: [], ...found, history };
}

const NAMES = ["Ana María Núñez", "Björn Håkansson", "Chidi Okafor", "Dolores O’Riordan-Smythe", "Edmund Kowalczyk", "Fátima Al-Zahra", "Grace Lee", "Hiroshi 田中", "Ingrid Larsen", "Jamal Washington", "Katarzyna Żółć", "Liam Doyle"];
export const panel = NAMES.map((name, index) => ({
  patient_id: randomUUID(), name, birth_date: `${1940 + index * 6}-0${(index % 9) + 1}-1${index % 10}`, sex: index % 2 ? "male" : "female", deceased: index === 4,
  sources: index % 3 === 0 ? ["care_team"] : index % 3 === 1 ? ["encounter", "assigned"] : ["assigned"],
}));
export const recordOf = (member) => ({ patient_id: member.patient_id, name: member.name, birth_date: member.birth_date, sex: member.sex, deceased: member.deceased, counts: { results: results.length } });

export const quarantine = [
  { id: randomUUID(), patient_id: panel[2].patient_id, name: panel[2].name, received_at: ago(1), source: "Lakeside EHR", differences: [{ field: "birth_date", current: "1952-03-12", incoming: "1925-03-12" }, { field: "name", current: "Chidi Okafor", incoming: "Chidi Okoro" }] },
];
export const invitationsOf = new Map();
export const staff = [
  { id: randomUUID(), display_name: "Dr. Rosa Delgado", roles: ["clinician"], status: "active" },
  { id: randomUUID(), display_name: "Sam Whitfield", roles: ["admin"], status: "active" },
  { id: randomUUID(), display_name: "Dr. Peter Lindqvist", roles: ["clinician"], status: "suspended" },
];
export const staffInvitations = [{ id: randomUUID(), status: "pending", email_hint: "m•••@lakeside.example", display_name: "Mei Chen", roles: ["clinician"], created_at: ago(2), expires_at: ago(-5) }];
export const machineClients = [{ id: randomUUID(), name: "Lakeside EHR", identifier_systems: ["urn:oid:2.16.840.1.113883.19.5", "https://lakeside.example/mrn"], created_at: ago(200) }];

export const accounts = [
  { id: randomUUID(), audience: "portal", kind: "patient", email: "ana@example.com", password: "quiet harbor lantern", totp_secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", display_name: NAMES[0], roles: ["patient"] },
  { id: randomUUID(), audience: "console", kind: "staff", email: "rosa@example.com", password: "quiet harbor lantern", totp_secret: "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU", display_name: "Dr. Rosa Delgado", roles: ["clinician"] },
  { id: randomUUID(), audience: "console", kind: "staff", email: "sam@example.com", password: "quiet harbor lantern", totp_secret: "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK", display_name: "Sam Whitfield", roles: ["admin"] },
];

//! What was called how often and answered how, and whether that is enough.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

/// Faults that are kept whole; later ones are only counted.
const KEPT: usize = 60;

/// Of one operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
}

/// Of a run, or of a part of one.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) operations: BTreeMap<String, Counts>,
    /// Calls that no HTTP client can send, or that were cut off.
    pub(crate) unsent: u64,
    pub(crate) faults: u64,
    pub(crate) kept: Vec<Value>,
}

impl Report {
    pub(crate) fn answered(&mut self, label: &str, status: u16) {
        let counts = self.operations.entry(label.to_owned()).or_default();
        counts.calls += 1;
        *counts.statuses.entry(status).or_default() += 1;
    }

    pub(crate) fn fault(&mut self, what: Value) {
        self.faults += 1;
        if self.kept.len() < KEPT {
            self.kept.push(what);
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (label, counts) in other.operations {
            let own = self.operations.entry(label).or_default();
            own.calls += counts.calls;
            for (status, number) in counts.statuses {
                *own.statuses.entry(status).or_default() += number;
            }
        }
        self.unsent += other.unsent;
        self.faults += other.faults;
        self.kept.extend(other.kept);
    }

    /// Why the run does not count as good; nothing when it does.
    pub(crate) fn failures(&self, labels: &[String], wanted: u64) -> Vec<String> {
        let mut found = Vec::new();
        if self.faults > 0 {
            found.push(format!("{} answers with faults", self.faults));
        }
        let none = Counts::default();
        for label in labels {
            let counts = self.operations.get(label).unwrap_or(&none);
            if counts.calls < wanted {
                found.push(format!("{label}: {} calls of {wanted}", counts.calls));
            }
            if !counts.statuses.keys().any(|status| (200..300).contains(status)) {
                found.push(format!("{label}: nobody ever succeeded"));
            }
        }
        found
    }

    pub(crate) fn calls(&self) -> u64 {
        self.operations.values().map(|counts| counts.calls).sum()
    }

    /// One line for each operation: calls, their classes, their statuses.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from("   calls      2xx      4xx      5xx  operation\n");
        for (label, counts) in &self.operations {
            let class = |of: u16| -> u64 {
                counts
                    .statuses
                    .iter()
                    .filter(|(status, _)| **status / 100 == of)
                    .map(|(_, number)| number)
                    .sum()
            };
            let each: Vec<String> =
                counts.statuses.iter().map(|(status, number)| format!("{status}: {number}")).collect();
            text.push_str(&format!(
                "{:>8} {:>8} {:>8} {:>8}  {label:<66} {}\n",
                counts.calls,
                class(2),
                class(4),
                class(5),
                each.join(", ")
            ));
        }
        text
    }

    pub(crate) fn write(&self, folder: &Path, facts: &Value, failures: &[String]) {
        let operations: BTreeMap<&String, Value> = self
            .operations
            .iter()
            .map(|(label, counts)| (label, json!({ "calls": counts.calls, "statuses": counts.statuses })))
            .collect();
        let whole = json!({
            "run": facts, "calls": self.calls(), "unsent": self.unsent, "failures": failures,
            "operations": operations, "faults": self.kept,
        });
        std::fs::write(folder.join("hostile.json"), format!("{whole:#}")).expect("the report can be written");
        std::fs::write(folder.join("hostile.txt"), self.table()).expect("the report can be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_calls_no_success_and_any_fault_fail_a_run() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let mut report = Report::default();
        for label in &labels {
            report.answered(label, 204);
            report.answered(label, 404);
        }
        assert_eq!(report.failures(&labels, 2), Vec::<String>::new());
        assert_eq!(report.failures(&labels, 3), ["a: 2 calls of 3", "b: 2 calls of 3"]);
        let more = ["a".to_owned(), "c".to_owned()];
        assert_eq!(report.failures(&more, 1), ["c: 0 calls of 1", "c: nobody ever succeeded"]);
        let mut refused = Report::default();
        refused.answered("a", 403);
        assert_eq!(refused.failures(&labels[..1], 1), ["a: nobody ever succeeded"]);
        refused.fault(json!("x"));
        report.add(refused);
        assert_eq!(report.failures(&labels, 2), ["1 answers with faults"]);
        assert!(report.table().contains("204: 1, 403: 1, 404: 1"), "{}", report.table());
    }
}

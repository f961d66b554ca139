//! The laboratory table of the test data, `fhir/labs/labs.txt`: one result a line, as laboratories write them.

/// A line's cells, trimmed.
pub(crate) struct Row {
    #[allow(dead_code, reason = "each suite uses its own part")]
    pub(crate) number: String,
    /// A day, or a moment with the offset that the table leaves out and FHIR wants.
    pub(crate) date: String,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) low: String,
    pub(crate) high: String,
    pub(crate) unit: String,
}

/// Every line but the heading.
pub(crate) fn rows(table: &str) -> Vec<Row> {
    table.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.split('\t').collect();
    let [number, mut date, code, name, value, low, high, unit] =
        [0, 2, 3, 5, 6, 7, 8, 9].map(|index| cells.get(index).copied().unwrap_or_default().trim().to_owned());
    if date.contains('T') {
        date.push('Z');
    }
    Row { number, date, code, name, value, low, high, unit }
}

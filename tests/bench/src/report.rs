//! What comes out: JSON, a table and a picture.

use std::{fmt::Write as _, fs, path::PathBuf};

use plotters::prelude::*;
use serde_json::{Map, Value, json};

use crate::scale::Scale;

/// The results of a run.
pub(crate) struct Report(Map<String, Value>);

impl Report {
    pub(crate) fn new(scale: Scale) -> Self {
        let mut report = Self(Map::new());
        let now = cloister_kernel::Environment::system().now();
        report.put("scale", json!(scale.name));
        report.put("at", json!(now.date().to_string()));
        report.put("commit", json!(std::env::var("BENCH_COMMIT").unwrap_or_default()));
        report.put("profile", json!(std::env::var("BENCH_PROFILE").unwrap_or_default()));
        report.put("cores", json!(std::thread::available_parallelism().map_or(0, usize::from)));
        report.put("rounds", json!(scale.rounds));
        report.put("round_seconds", json!(scale.round.as_secs_f64()));
        report
    }

    pub(crate) fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Prints the table and where it stands.
    pub(crate) fn print(&self) {
        println!("{}\nWritten to {}: bench.json, bench.md, bench.svg", self.table(), folder().display());
    }

    /// Writes the files. Called after each part, so that what was measured stays when a later part fails.
    pub(crate) fn save(&self) {
        let folder = folder();
        fs::create_dir_all(&folder).expect("the folder of the results");
        let json = serde_json::to_string_pretty(&self.0).expect("JSON");
        fs::write(folder.join("bench.json"), json + "\n").expect("bench.json");
        fs::write(folder.join("bench.md"), self.table()).expect("bench.md");
        self.draw(&folder.join("bench.svg"));
    }

    fn operations(&self) -> &[Value] {
        self.0.get("operations").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn table(&self) -> String {
        let mut text = String::from(
            "| operation | requests/s | of floor | p50 ms | p99 ms | open: rate | p50 ms | p99 ms | CPU ms: service | \
             PostgreSQL | Redis | client |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for operation in self.operations() {
            let cpu = &operation["cpu_ms"];
            let service = if operation["name"] == "floor" { &cpu["floor"] } else { &cpu["service"] };
            let cells = [
                &operation["name"],
                &operation["requests_per_second"],
                &operation["of_floor"],
                &operation["closed_ms"]["p50"],
                &operation["closed_ms"]["p99"],
                &operation["open_ms"]["rate"],
                &operation["open_ms"]["p50"],
                &operation["open_ms"]["p99"],
                service,
                &cpu["postgresql"],
                &cpu["redis"],
                &cpu["client"],
            ];
            let cells: Vec<String> = cells.into_iter().map(shown).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text.push_str("\n| reads of one result with | requests/s | of floor | CPU ms: service and PostgreSQL | \
             the same of one clinic in the same turns | times its CPU | times its time |\n|---|---|---|---|---|---|---|\n");
        for step in self.0.get("growth").and_then(Value::as_array).into_iter().flatten() {
            let cells = [
                &step["name"],
                &step["requests_per_second"],
                &step["of_floor"],
                &step["cpu_ms"]["service_and_postgresql"],
                &step["one_clinic"]["cpu_ms"]["service_and_postgresql"],
                &step["to_one_clinic"]["cpu"],
                &step["to_one_clinic"]["rate"],
            ];
            let _ = writeln!(text, "| {} |", cells.map(shown).join(" | "));
        }
        for name in [
            "start_seconds",
            "memory_mb_at_start",
            "memory_mb_idle",
            "memory_mb_loaded",
            "sign_in",
            "alone_ns",
        ] {
            if let Some(value) = self.0.get(name) {
                let _ = writeln!(text, "\n{name}: {value}");
            }
        }
        text
    }

    /// Requests a second, a bar each.
    fn draw(&self, file: &std::path::Path) {
        let bars: Vec<(String, f64)> = self
            .operations()
            .iter()
            .map(|operation| {
                (shown(&operation["name"]), operation["requests_per_second"].as_f64().unwrap_or(0.0))
            })
            .collect();
        let most = bars.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
        let root = SVGBackend::new(file, (860, 60 + 44 * u32::try_from(bars.len()).unwrap_or(1)))
            .into_drawing_area();
        root.fill(&WHITE).expect("a picture");
        let label = ("sans-serif", 15).into_font().color(&BLACK);
        root.draw_text("Requests a second (closed loop, client on the same cores)", &label, (16, 14))
            .expect("a picture");
        for (index, (name, rate)) in bars.iter().enumerate() {
            let top = 48 + 44 * i32::try_from(index).unwrap_or(0);
            let width = (rate / most * 480.0) as i32;
            let color = if index == 0 { RGBColor(120, 130, 140) } else { RGBColor(11, 92, 107) };
            let bar = Rectangle::new([(220, top), (220 + width.max(2), top + 28)], color.filled());
            root.draw(&bar).expect("a picture");
            root.draw_text(name, &label, (16, top + 7)).expect("a picture");
            root.draw_text(&format!("{rate:.0}"), &label, (230 + width, top + 7)).expect("a picture");
        }
        root.present().expect("a picture");
    }
}

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("BENCH_OUTPUT").unwrap_or_else(|| "target/bench".into()))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(value) if value >= 100.0 => format!("{value:.0}"),
            Some(value) if value >= 10.0 => format!("{value:.1}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

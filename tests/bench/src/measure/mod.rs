//! The measurements, in their order.

mod alone;
mod growth;
mod process;
mod samples;
mod sign_in;
mod statements;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

pub(crate) use samples::{median, rounded};

use crate::{
    floor,
    load::{Gets, Operation, Posts, closed_loop, open_loop, request},
    report::Report,
    scale::Scale,
    world::{Clinic, Programs, Services, Template, observation, real_bundles},
};
use process::Used;
use samples::Samples;

/// Connections of a closed loop: as many as the service has to the database.
const CLOSED: usize = 16;
/// Connections of an open loop: what arrives while all are busy waits, and its waiting counts.
const OPEN: usize = 64;
/// The rate of an open loop, as a part of the closed loop's.
const OPEN_LOAD: f64 = 0.5;

/// What is measured against.
pub(crate) struct Bench {
    pub(crate) scale: Scale,
    pub(crate) services: Services,
    pub(crate) programs: Programs,
    pub(crate) clinic: Clinic,
}

/// Measures everything.
pub(crate) async fn everything(scale: Scale) -> Report {
    say("services and programs");
    let services = Services::start().await;
    let programs = Programs::start(&services);
    let mut report = Report::new(scale);
    let mut starts = Vec::new();
    for _ in 0..scale.rounds {
        starts.push(Programs::start_time(&services).await.as_secs_f64());
    }
    report.put("memory_mb_at_start", process::memory());
    report.put("start_seconds", json!(rounded(median(starts))));
    say("a clinic and its people");
    let mut clinic = Clinic::found(&services, &programs, scale.accounts).await;
    let sign_ins = clinic.sign_ins();
    let bench = Bench { scale, services, programs, clinic };
    tokio::time::sleep(Duration::from_secs(2)).await;
    if let Some(length) = scale.watched {
        bench.be_watched(length).await;
        return report;
    }
    report.put("memory_mb_idle", process::memory());
    report.put("statements", statements::of_one_read(&bench).await);
    let prepared = bench.prepare().await;
    report.put("chart_results", json!(bench.clinic.chart_results));
    if scale.only_growth {
        bench.warm(&prepared.floor, &prepared.one).await;
        report.put("growth", growth::of_clinics_and_events(&bench, &prepared.floor, &prepared.one).await);
        report.save();
        return report;
    }
    report.put("operations", bench.operations(&prepared).await);
    report.put("memory_mb_loaded", process::memory());
    report.save();
    if scale.only_reads {
        return report;
    }
    report.put("alone_ns", alone::in_nanoseconds().await);
    report.put("sign_in", sign_in::beside_bare_hashes(&bench, sign_ins, &prepared.one).await);
    report.save();
    report.put("growth", growth::of_clinics_and_events(&bench, &prepared.floor, &prepared.one).await);
    report.save();
    report
}

/// What is read and written, in the order in which it is measured in each round.
struct Operations {
    floor: Arc<Gets>,
    one: Arc<Gets>,
    twenty: Arc<Gets>,
    chart: Option<Arc<crate::load::Chart>>,
    observation: Arc<Posts>,
    bundle: Option<Arc<Posts>>,
    bundle_entries: usize,
}

impl Bench {
    async fn operations(&self, operations: &Operations) -> Value {
        let mut samples: Vec<Samples> = [
            "floor",
            "read one result",
            "list 20 results",
            "read a whole chart",
            "read one among writes",
            "ingest one observation",
            "ingest one bundle",
        ]
        .map(Samples::of)
        .into();
        self.warm(&operations.floor, &operations.one).await;
        self.reads(operations, &mut samples).await;
        if !self.scale.only_reads {
            self.writes(operations, &mut samples).await;
        }
        say("latency at half of that rate");
        for _ in 0..self.scale.rounds.min(3) {
            let rate = samples[0].rate() * OPEN_LOAD;
            let seen = open_loop(&operations.floor, self.programs.floor, rate, OPEN, self.scale.round).await;
            samples[0].open(rate, seen);
            self.open(&mut samples[1], &operations.one).await;
            self.open(&mut samples[2], &operations.twenty).await;
            if !self.scale.only_reads {
                self.open(&mut samples[5], &operations.observation).await;
            }
        }
        let mut all: Vec<Value> = samples.iter().map(Samples::json).collect();
        all.retain(|operation| operation["rounds"] != 0);
        if let Some(bundle) = all.iter_mut().find(|operation| operation["name"] == "ingest one bundle") {
            bundle["entries"] = json!(operations.bundle_entries);
        }
        all[1]["cpu_ms"]["service_and_postgresql"] = json!(rounded(samples[1].service_and_postgres()));
        json!(all)
    }

    /// Reads come before writes: what PostgreSQL does after writes (statistics, vacuum, checkpoints) falls on whatever is
    /// measured then, the floor or ours.
    async fn reads(&self, operations: &Operations, samples: &mut [Samples]) {
        for round in 0..self.scale.rounds {
            say(&format!("reads, round {} of {}", round + 1, self.scale.rounds));
            let floor_rate = Some(self.floor(&mut samples[0], operations).await);
            self.closed(&mut samples[1], &operations.one, floor_rate).await;
            self.closed(&mut samples[2], &operations.twenty, floor_rate).await;
            if !self.scale.only_reads
                && let Some(chart) = &operations.chart
            {
                self.closed(&mut samples[3], chart, floor_rate).await;
            }
        }
    }

    /// Writes, and what a read costs among them.
    async fn writes(&self, operations: &Operations, samples: &mut [Samples]) {
        let mut floor = Samples::of("floor among writes");
        for round in 0..self.scale.rounds {
            say(&format!("writes, round {} of {}", round + 1, self.scale.rounds));
            let floor_rate = Some(self.floor(&mut floor, operations).await);
            self.closed(&mut samples[4], &operations.one, floor_rate).await;
            self.closed(&mut samples[5], &operations.observation, floor_rate).await;
            if let Some(bundle) = &operations.bundle {
                self.closed(&mut samples[6], bundle, floor_rate).await;
            }
        }
    }

    /// A round of the floor, and its rate.
    async fn floor(&self, samples: &mut Samples, operations: &Operations) -> f64 {
        let before = Used::now();
        let seen = closed_loop(&operations.floor, self.programs.floor, CLOSED, self.scale.round).await;
        let rate = seen.rate();
        samples.closed(seen, before, None);
        rate
    }

    async fn prepare(&self) -> Operations {
        let floor_host = self.programs.floor.to_string();
        let floor = (1..=floor::ROWS)
            .map(|id| request("GET", &format!("/things/{id}"), &[("host", &floor_host)], b""))
            .collect();
        let one = self.clinic.gets(|reader, turn| {
            format!("/api/v1/record/results/{}", reader.results[turn % reader.results.len()])
        });
        let twenty = self.clinic.gets(|_, _| "/api/v1/record/results?limit=20".to_owned());
        let token = self.clinic.token().await;
        let record_number = self.clinic.record_number.clone();
        let posts = |bodies: Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>| {
            Arc::new(Posts { host: self.clinic.host.clone(), token: token.clone(), bodies })
        };
        let template = real_bundles().last().map(Template::of);
        Operations {
            bundle_entries: template.as_ref().map_or(0, |template| template.entries),
            floor: Arc::new(Gets(floor)),
            one: Arc::new(Gets(one)),
            twenty: Arc::new(Gets(twenty)),
            chart: self.clinic.chart.clone(),
            observation: posts(Arc::new(move |number| observation(&record_number, number))),
            bundle: template.map(|template| posts(Arc::new(move |number| template.told_again(number)))),
        }
    }

    /// Reads one result over and over.
    async fn be_watched(&self, length: Duration) {
        let operations = self.prepare().await;
        self.warm(&operations.floor, &operations.one).await;
        let before = Used::now();
        say("reading one result over and over: watch now");
        let seen = closed_loop(&operations.one, self.programs.address, CLOSED, length).await;
        let mut samples = Samples::of("read one result");
        samples.closed(seen, before, None);
        say(&samples.json().to_string());
    }

    /// Connections are opened, statements prepared and pages read before anything counts.
    async fn warm(&self, floor: &Arc<Gets>, one: &Arc<Gets>) {
        closed_loop(floor, self.programs.floor, CLOSED, Duration::from_secs(1)).await;
        closed_loop(one, self.programs.address, CLOSED, Duration::from_secs(1)).await;
    }

    async fn closed<O: Operation>(&self, samples: &mut Samples, operation: &Arc<O>, floor_rate: Option<f64>) {
        let before = Used::now();
        let seen = closed_loop(operation, self.programs.address, CLOSED, self.scale.round).await;
        samples.closed(seen, before, floor_rate);
    }

    async fn open<O: Operation>(&self, samples: &mut Samples, operation: &Arc<O>) {
        let rate = samples.rate() * OPEN_LOAD;
        let seen = open_loop(operation, self.programs.address, rate, OPEN, self.scale.round).await;
        samples.open(rate, seen);
    }
}

/// Tells how far it is.
pub(crate) fn say(what: &str) {
    eprintln!("bench: {what}");
}

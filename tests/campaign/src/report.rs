//! What a campaign prints and keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    round::{Break, Round, Victim, Way},
    rules::{Rule, Violation},
};

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) commit: String,
    pub(crate) rounds: u64,
    pub(crate) took: Duration,
    pub(crate) kills: BTreeMap<String, u64>,
    pub(crate) faults: BTreeMap<String, u64>,
    pub(crate) kinds: BTreeSet<String>,
    /// Connections that faults struck.
    pub(crate) struck: u64,
    pub(crate) abandoned: u64,
    /// Sessions that were signed out one by one and live again in an older copy of Redis.
    pub(crate) revived: u64,
    pub(crate) back_within: Duration,
    /// The machine's load over five minutes, now and then.
    pub(crate) loads: Vec<f64>,
    pub(crate) worst_back: Duration,
    pub(crate) backs: Vec<Duration>,
    pub(crate) worst_round: u64,
    pub(crate) restarts: u64,
    pub(crate) checked: BTreeMap<String, u64>,
    pub(crate) answers: BTreeMap<String, u64>,
    pub(crate) violations: Vec<Violation>,
}

impl Report {
    pub(crate) fn count(&mut self, round: &Round) {
        self.rounds += 1;
        match &round.breaks {
            Break::Kill(victims) => {
                for victim in victims {
                    let name = match victim {
                        Victim::Serve(_) => "service",
                        Victim::Work => "worker",
                        Victim::Postgres => "PostgreSQL",
                        Victim::PostgresBackend => "a process of PostgreSQL",
                        Victim::Redis => "Redis",
                        Victim::RedisRestored => "Redis with an older copy",
                    };
                    *self.kills.entry(name.to_owned()).or_default() += 1;
                }
            }
            Break::Faults(faults) => {
                for (way, plan) in faults {
                    let name = match way {
                        Way::Postgres => "PostgreSQL",
                        Way::Redis => "Redis",
                        Way::Keys => "key service",
                        Way::Mail => "mail",
                    };
                    if *way == Way::Keys {
                        *self.kills.entry("service".to_owned()).or_default() += 1;
                    }
                    *self.faults.entry(name.to_owned()).or_default() += 1;
                    let kind = format!("{name} {:?} {:?}", plan.moment, plan.fault);
                    self.kinds.insert(kind.split('(').next().unwrap_or_default().to_owned());
                }
            }
            Break::Storm(storm) => *self.faults.entry(format!("storm: {storm:?}")).or_default() += 1,
        }
    }

    pub(crate) fn back(&mut self, round: u64, after: Duration) {
        self.backs.push(after);
        if after > self.worst_back {
            (self.worst_back, self.worst_round) = (after, round);
        }
    }

    /// The median.
    fn usual_back(&self) -> Duration {
        let mut backs = self.backs.clone();
        backs.sort_unstable();
        backs.get(backs.len() / 2).copied().unwrap_or_default()
    }

    fn load(&self) -> f64 {
        self.loads.iter().sum::<f64>() / self.loads.len().max(1) as f64
    }

    fn violated(&self, rule: Rule) -> usize {
        self.violations.iter().filter(|violation| violation.rule == rule).count()
    }

    pub(crate) fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    pub(crate) fn print(&self) {
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        let list = |counts: &BTreeMap<String, u64>| {
            counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        println!("seed            {} ({})", self.seed, self.commit);
        println!("rounds          {} in {} s", self.rounds, self.took.as_secs());
        println!("kills           {} ({})", sum(&self.kills), list(&self.kills));
        println!(
            "faults          {} ({}), {} kinds",
            sum(&self.faults),
            list(&self.faults),
            self.kinds.len()
        );
        println!("                {} exchanges struck, {} requests abandoned", self.struck, self.abandoned);
        println!("                {} signed-out sessions live again in an older Redis", self.revived);
        println!("checked answers {} ({})", sum(&self.checked), list(&self.checked));
        println!(
            "time until back {:.1} s in the middle, {:.1} s at worst, in round {}; allowed were {} s",
            self.usual_back().as_secs_f64(),
            self.worst_back.as_secs_f64(),
            self.worst_round,
            self.back_within.as_secs(),
        );
        println!("machine's load  {:.1} on {} cores", self.load(), cores());
        println!(
            "started again   {} programs that ended while they started over something broken",
            self.restarts
        );
        for rule in Rule::ALL {
            println!("{:>6} violations: {}", self.violated(rule), rule.words());
        }
        println!("{}", if self.holds() { "all rules held" } else { "RULES WERE BROKEN" });
    }

    fn json(&self) -> Value {
        let violations: Vec<Value> = self
            .violations
            .iter()
            .map(|found| json!({ "rule": found.rule.words(), "round": found.round, "what": found.what }))
            .collect();
        let counts: BTreeMap<&str, usize> =
            Rule::ALL.iter().map(|rule| (rule.words(), self.violated(*rule))).collect();
        json!({
            "seed": self.seed, "commit": self.commit, "rounds": self.rounds, "seconds": self.took.as_secs(),
            "kills": self.kills, "faults": self.faults, "kinds_of_faults": self.kinds,
            "exchanges_struck": self.struck, "requests_abandoned": self.abandoned,
            "sessions_revived_by_an_older_redis": self.revived,
            "back_seconds_allowed": self.back_within.as_secs(), "usual_back_seconds": self.usual_back().as_secs_f64(),
            "load": self.load(), "cores": cores(),
            "worst_back_seconds": self.worst_back.as_secs_f64(), "worst_round": self.worst_round,
            "restarts": self.restarts, "checked": self.checked, "answers": self.answers,
            "rules": counts, "violations": violations,
        })
    }

    pub(crate) fn save(&self, folder: &Path) {
        let text = serde_json::to_string_pretty(&self.json()).expect("JSON");
        std::fs::write(folder.join("campaign.json"), text + "\n").expect("target/campaign/campaign.json");
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

//! The rounds, one after the other.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cloister_bench::world::Clinic;
use tokio::task::JoinSet;

use crate::{
    asking::{Shared, Site, lock},
    back::Return,
    check::{Checks, Evidence, PATIENCE},
    cluster::Cluster,
    people::{Ending, Person, Reader, Session, Visitor},
    record_system::{Inviter, Pusher, Uninvited, file},
    report::Report,
    round::{Break, Round, Victim, Way},
    rules::Rule,
    storm::rage,
};

/// Every so many rounds Redis is copied, for it to fall back to.
const COPIED_EVERY: u64 = 4;
const READERS: usize = 6;
const VISITORS: usize = 4;
/// After so long it is given up; the campaign cannot go on.
const GIVEN_UP: Duration = Duration::from_secs(90);

/// What is asked of a campaign.
pub(crate) struct Orders {
    pub(crate) seed: u64,
    /// This round alone.
    pub(crate) only: Option<u64>,
    pub(crate) rounds: u64,
    pub(crate) lasts: Duration,
    /// How long until everything must work again.
    pub(crate) back_within: Duration,
    pub(crate) folder: PathBuf,
}

/// A campaign while it runs.
pub(crate) struct Campaign {
    orders: Orders,
    cluster: Cluster,
    shared: Arc<Shared>,
    checks: Checks,
    report: Report,
    sessions: Vec<(usize, Arc<Mutex<Option<Session>>>)>,
    endings: Arc<Mutex<Vec<Ending>>>,
    invited: Arc<Mutex<Vec<String>>>,
    /// Patients by their first resource, and then by their own id.
    uninvited: (Uninvited, Uninvited),
    load: JoinSet<()>,
    started: Instant,
}

impl Campaign {
    /// Starts everything, founds a clinic and lets its people loose.
    pub(crate) async fn begin(orders: Orders) -> Self {
        println!("CAMPAIGN_SEED={}", orders.seed);
        let cluster = Cluster::start().await;
        let clinic =
            Clinic::found_with(&cluster.services, cluster.replicas[0], READERS + VISITORS, &file, &[]).await;
        let journal = orders.folder.join("journal");
        let _ = std::fs::remove_file(&journal);
        let site = |origin: &str| Site {
            host: origin.trim_start_matches("http://").to_owned(),
            origin: origin.to_owned(),
        };
        let (portal, console) = (site(&clinic.origin), site(clinic.clinician.origin()));
        let shared = Shared::new(&journal, cluster.replicas, portal, console);
        let commit = std::env::var("CAMPAIGN_COMMIT").unwrap_or_default();
        let mut campaign = Self {
            report: Report { seed: orders.seed, commit, ..Report::default() },
            orders,
            cluster,
            shared,
            checks: Checks::default(),
            sessions: Vec::new(),
            endings: Arc::default(),
            invited: Arc::default(),
            uninvited: Default::default(),
            load: JoinSet::new(),
            started: Instant::now(),
        };
        campaign.let_loose(clinic);
        campaign
    }

    fn let_loose(&mut self, clinic: Clinic) {
        let Clinic { readers, accounts, record, client, record_number, clinician_authenticator, .. } = clinic;
        let (seed, shared) = (self.orders.seed, self.shared.clone());
        let foreign: Vec<String> = readers.iter().map(|reader| reader.results[0].clone()).collect();
        for (number, (reader, account)) in readers.into_iter().zip(accounts).enumerate() {
            let person = Person {
                site: shared.portal.clone(),
                email: account.email,
                authenticator: account.authenticator.into_inner().into(),
            };
            if number >= READERS {
                let visitor = Visitor { person, number, endings: self.endings.clone() };
                self.load.spawn(visitor.come_and_go(shared.clone()));
                continue;
            }
            let session: Arc<Mutex<Option<Session>>> = Arc::default();
            self.sessions.push((number, session.clone()));
            let foreign = foreign[(number + 1) % foreign.len()].clone();
            let reader = Reader { person, number, results: reader.results, foreign, session };
            self.load.spawn(reader.read_on(shared.clone(), seed));
        }
        let system = Arc::new(record);
        for number in 0..2 {
            let pusher = Pusher {
                number,
                system: system.clone(),
                client: client.clone(),
                record_number: record_number.clone(),
                uninvited: self.uninvited.0.clone(),
            };
            self.load.spawn(pusher.push_on(shared.clone(), seed));
        }
        let inviter = Inviter {
            person: Person {
                site: shared.console.clone(),
                email: "doctor@bench.example".to_owned(),
                authenticator: clinician_authenticator.into(),
            },
            invited: self.invited.clone(),
            patients: self.uninvited.1.clone(),
        };
        self.load.spawn(inviter.invite_on(shared));
    }

    /// Plays all rounds, then waits for quiet and looks once more.
    pub(crate) async fn run(mut self) -> Report {
        // How long the first sign-ins take says nothing of coming back.
        if !self.wait_until_back(Return::within(GIVEN_UP, Instant::now())).await {
            self.shared.violations.report(Rule::Back, "it never worked");
        } else if let Some(number) = self.orders.only {
            self.play(number).await;
        } else {
            let mut number = 0;
            while number < self.orders.rounds && self.started.elapsed() < self.orders.lasts {
                if !self.play(number).await {
                    break;
                }
                number += 1;
            }
        }
        self.finish().await
    }

    /// Plays a round; whether the campaign can go on.
    async fn play(&mut self, number: u64) -> bool {
        let round = Round::of(self.orders.seed, number);
        self.shared.violations.enter_round(number);
        let began = Instant::now();
        if number.is_multiple_of(COPIED_EVERY) || self.orders.only.is_some() {
            tokio::task::block_in_place(|| self.cluster.copy_redis());
        }
        self.break_and_heal(&round).await;
        let healed = Instant::now();
        let back = self.wait_until_back(Return::within(self.orders.back_within, healed)).await;
        let after = healed.elapsed();
        if back {
            self.report.back(number, after);
            self.checks.after_round((&self.cluster.services).into(), &self.shared, &self.endings).await;
            tokio::task::block_in_place(|| self.prepare_next());
        }
        self.report.count(&round);
        let violations = self.shared.violations.all().len();
        println!(
            "round {number}: {:?} for {} ms, back after {} ms, {} ms in all, {violations} violations",
            round.breaks,
            round.lasts.as_millis(),
            after.as_millis(),
            began.elapsed().as_millis(),
        );
        if number % 10 == 9 {
            self.save();
        }
        back
    }

    async fn break_and_heal(&mut self, round: &Round) {
        match &round.breaks {
            Break::Kill(victims) => {
                for victim in victims {
                    tokio::task::block_in_place(|| self.cluster.kill(*victim, &self.shared));
                }
                tokio::time::sleep(round.lasts).await;
                // What others stand on first, as it is brought back in earnest.
                for victim in victims.iter().rev() {
                    tokio::task::block_in_place(|| self.cluster.revive(*victim));
                }
            }
            Break::Faults(faults) => {
                let before = faults.map(|(way, _)| self.cluster.struck(way));
                for (way, plan) in faults {
                    self.cluster.break_way(*way, *plan);
                }
                if faults.iter().any(|(way, _)| *way == Way::Keys) {
                    let replica = Victim::Serve(usize::from(round.number.is_multiple_of(4)));
                    tokio::task::block_in_place(|| {
                        self.cluster.kill(replica, &self.shared);
                        self.cluster.revive(replica);
                    });
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                tokio::time::sleep(round.lasts).await;
                for ((way, _), before) in faults.iter().zip(before) {
                    self.cluster.heal(*way).await;
                    self.report.struck += self.cluster.struck(*way) - before;
                }
            }
            Break::Storm(storm) => {
                let sessions: Vec<(usize, Session)> = self
                    .sessions
                    .iter()
                    .filter_map(|(number, session)| Some((*number, lock(session).clone()?)))
                    .collect();
                let seed = self.orders.seed ^ round.number;
                self.report.abandoned += rage(*storm, &self.cluster, &self.shared, &sessions, seed).await;
            }
        }
    }

    /// Waits until each replica has done what it must; never is the end.
    async fn wait_until_back(&mut self, mut way: Return) -> bool {
        let began = Instant::now();
        while began.elapsed() < GIVEN_UP {
            self.cluster.keep_up(&self.shared);
            if way.is_done(&self.shared) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Finds the patients of what was pushed, so that they can be invited, and lets locked accounts in again: a sign-in
    /// that was cut off counts as a failed one.
    fn prepare_next(&mut self) {
        let resources: Vec<String> = lock(&self.uninvited.0).drain(..).collect();
        if !resources.is_empty() {
            let list = resources.join("','");
            let sql = format!("SELECT patient_id FROM resources WHERE id IN ('{list}')");
            let found = self.cluster.services.database.execute(&sql).expect("patients");
            let mut patients = lock(&self.uninvited.1);
            patients.extend(found.lines().map(str::to_owned));
            let keep = patients.len().min(40);
            patients.truncate(keep);
        }
        let database = &self.cluster.services.database;
        // Whoever is signing in right now is not waited for.
        let unlocked = "SELECT ctid FROM attempt_counters FOR UPDATE SKIP LOCKED";
        database
            .execute(&format!("DELETE FROM attempt_counters WHERE ctid IN ({unlocked})"))
            .expect("accounts are let in again");
    }

    async fn finish(mut self) -> Report {
        // Nobody's patience has an end in the middle of a request.
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.shared.stop();
        while self.load.join_next().await.is_some() {}
        let evidence = Evidence::from(&self.cluster.services);
        self.checks.after_round(evidence, &self.shared, &self.endings).await;
        let invited = lock(&self.invited).clone();
        self.checks.at_the_end(evidence, &self.shared, &invited, PATIENCE).await;
        self.save();
        self.report
    }

    fn save(&mut self) {
        self.report.took = self.started.elapsed();
        self.report.back_within = self.orders.back_within;
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        self.report.loads.push(load.split(' ').nth(1).and_then(|load| load.parse().ok()).unwrap_or_default());
        self.report.revived = self.checks.revived;
        self.report.restarts = self.cluster.restarts;
        self.report.checked = self.checks.entries.clone();
        self.report.answers = self.shared.answers();
        self.report.violations = self.shared.violations.all();
        self.report.save(&self.orders.folder);
        for (name, log) in self.cluster.logs() {
            std::fs::write(self.orders.folder.join(format!("{name}.log")), log).expect("a log");
        }
    }
}

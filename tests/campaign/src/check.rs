//! What is looked at after every round: the database beside what clients were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use cloister_bench::world::Services;
use cloister_testkit::{Mailbox, Postgres, ScratchDatabase, journal::Entry};

use crate::{
    asking::{Asker, Call, SESSION_COOKIE, Shared, lock},
    people::{Ending, Means},
    rules::Rule,
};

/// Ids in one statement: what fits into an argument of a command.
const AT_ONCE: usize = 1000;
/// How long a transaction may be idle: longer than the programs wait for a connection that says nothing, shorter than
/// PostgreSQL waits before it ends it. One that is left is still there after one of the next rounds.
const IDLE: Duration = Duration::from_secs(12);

/// How many sessions of each way to end are looked at after every round.
const LOOKED_AT: usize = 6;
/// A killed worker's jobs are leased for a minute, and one that failed waits before it is tried again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// What the journal is held against.
#[derive(Clone, Copy)]
pub(crate) struct Evidence<'e> {
    pub(crate) cluster: &'e Postgres,
    pub(crate) database: &'e ScratchDatabase,
    pub(crate) mailbox: &'e Mailbox,
}

impl<'e> From<&'e Services> for Evidence<'e> {
    fn from(services: &'e Services) -> Self {
        Self { cluster: &services.postgres, database: &services.database, mailbox: &services.mailbox }
    }
}

/// The checks, and what they remember between rounds.
#[derive(Debug)]
pub(crate) struct Checks {
    /// How many answers were held against the database.
    pub(crate) entries: BTreeMap<String, u64>,
    nested: usize,
    /// How long a transaction may be idle.
    idle: Duration,
    /// Sessions that ended although nobody was told so, and whose event is still to come.
    unnoted: Vec<Ending>,
    /// The latest of those whose end was acknowledged.
    ended: Vec<Ending>,
    /// How many that were ended alone live again since Redis fell back to a moment before.
    pub(crate) revived: u64,
}

impl Default for Checks {
    fn default() -> Self {
        Self::allowing(IDLE)
    }
}

impl Checks {
    /// Checks that let a transaction be idle for so long.
    pub(crate) fn allowing(idle: Duration) -> Self {
        let entries = BTreeMap::new();
        Self { entries, nested: 0, idle, unnoted: Vec::new(), ended: Vec::new(), revived: 0 }
    }

    /// Everything but what takes patience.
    pub(crate) async fn after_round(
        &mut self,
        evidence: Evidence<'_>,
        shared: &std::sync::Arc<Shared>,
        endings: &std::sync::Mutex<Vec<Ending>>,
    ) {
        let fresh = shared.take_fresh();
        tokio::task::block_in_place(|| self.told_and_kept(evidence, shared, &fresh));
        self.open_transactions(evidence, shared);
        self.sessions(evidence, shared, endings).await;
    }

    fn told_and_kept(&mut self, evidence: Evidence<'_>, shared: &Shared, fresh: &[Entry]) {
        for entry in fresh {
            *self.entries.entry(entry.what.clone()).or_default() += 1;
        }
        let requests: BTreeSet<&str> = fresh.iter().map(|entry| entry.request.as_str()).collect();
        let unaudited = missing(evidence, "events", "request_id", &requests);
        for entry in fresh.iter().filter(|entry| unaudited.contains(&entry.request)) {
            shared.violations.report(Rule::Audited, format!("no event of {entry:?}"));
        }
        let resources: BTreeSet<&str> = fresh
            .iter()
            .flat_map(|entry| entry.told["resources"].as_array().into_iter().flatten())
            .filter_map(|id| id.as_str())
            .collect();
        let unstored = missing(evidence, "resources", "id", &resources);
        let invitations: BTreeSet<&str> =
            fresh.iter().filter_map(|entry| entry.told["invitation"].as_str()).collect();
        let uninvited = missing(evidence, "invitations", "id", &invitations);
        for id in unstored.iter().chain(&uninvited) {
            shared.violations.report(Rule::Stored, format!("{id} was acknowledged and is not there"));
        }
    }

    fn open_transactions(&mut self, evidence: Evidence<'_>, shared: &Shared) {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' \
             AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '{} ms'",
            evidence.database.name(),
            self.idle.as_millis(),
        );
        let open = tokio::task::block_in_place(|| evidence.cluster.execute(&sql));
        match open.as_deref().map(str::trim) {
            Ok("0") => {}
            Ok(open) => {
                shared.violations.report(Rule::NoOpenTransaction, format!("{open} idle for {:?}", self.idle));
            }
            Err(error) => shared.violations.report(Rule::Back, format!("PostgreSQL: {error}")),
        }
        let log = evidence.cluster.log();
        let nested = log.matches("already a transaction in progress").count();
        if nested > self.nested {
            let more = nested - self.nested;
            shared.violations.report(Rule::NoOpenTransaction, format!("{more} begun inside another"));
            self.nested = nested;
        }
    }

    /// Ended sessions stay ended, and those that ended unheard have their event.
    async fn sessions(
        &mut self,
        evidence: Evidence<'_>,
        shared: &std::sync::Arc<Shared>,
        endings: &std::sync::Mutex<Vec<Ending>>,
    ) {
        let fresh = std::mem::take(&mut *lock(endings));
        let (told, untold): (Vec<Ending>, Vec<Ending>) =
            fresh.into_iter().partition(|ending| ending.acknowledged);
        self.ended.extend(told);
        self.keep_the_latest(Means::Alone);
        self.keep_the_latest(Means::Epoch);
        let mut revived = Vec::new();
        for (index, ending) in self.ended.iter().enumerate() {
            let mut asker = Asker::new(shared, index % 2, "a signed-out visitor");
            if look(&mut asker, ending).await != Some(200) {
                continue;
            }
            if ending.means == Means::Alone && ending.restores < shared.redis_restores() {
                // What docs/campaign.md says of SESS-7: known, and counted.
                revived.push(ending.id.clone());
            } else {
                asker.report(Rule::StaysEnded, format!("session {} was signed out", ending.id));
            }
        }
        self.revived += revived.len() as u64;
        self.ended.retain(|ending| !revived.contains(&ending.id));
        // The event of an end by epoch is of the session that asked for it.
        for ending in untold.into_iter().filter(|ending| ending.means == Means::Alone) {
            let mut asker = Asker::new(shared, 0, "a visitor who was told nothing");
            let ended = look(&mut asker, &ending).await == Some(401);
            if ended && shared.redis_losses() == ending.session.losses {
                self.unnoted.push(ending);
            }
        }
        tokio::task::block_in_place(|| self.forget_noted(evidence));
    }

    fn keep_the_latest(&mut self, means: Means) {
        let mut too_many =
            self.ended.iter().filter(|ending| ending.means == means).count().saturating_sub(LOOKED_AT);
        self.ended.retain(|ending| {
            let goes = ending.means == means && too_many > 0;
            too_many -= usize::from(goes);
            !goes
        });
    }

    fn forget_noted(&mut self, evidence: Evidence<'_>) {
        let ids: BTreeSet<&str> = self.unnoted.iter().map(|ending| ending.id.as_str()).collect();
        let missing =
            missing(evidence, "(SELECT * FROM events WHERE action = 'session.ended')", "session_id", &ids);
        self.unnoted.retain(|ending| missing.contains(&ending.id));
    }

    /// Once nothing is broken any more: what was still to come has come.
    pub(crate) async fn at_the_end(
        &mut self,
        evidence: Evidence<'_>,
        shared: &Shared,
        invited: &[String],
        patience: Duration,
    ) {
        let undelivered = || {
            let arrived: BTreeSet<String> =
                evidence.mailbox.mails().into_iter().flat_map(|mail| mail.to).collect();
            invited.iter().filter(|email| !arrived.contains(*email)).cloned().collect::<Vec<_>>()
        };
        let since = Instant::now();
        loop {
            tokio::task::block_in_place(|| self.forget_noted(evidence));
            if (undelivered().is_empty() && self.unnoted.is_empty()) || since.elapsed() >= patience {
                break;
            }
            tokio::time::sleep(patience.min(Duration::from_secs(1))).await;
        }
        for email in undelivered() {
            shared.violations.report(Rule::Delivered, format!("{email} was invited and got no mail"));
        }
        for ending in &self.unnoted {
            let what = format!("session {} ended, and its log does not know", ending.id);
            shared.violations.report(Rule::EndNoted, what);
        }
    }
}

/// Looks whether a session still counts; nothing when nobody could say.
async fn look(asker: &mut Asker, ending: &Ending) -> Option<u16> {
    let call = Call {
        cookie: Some((SESSION_COOKIE, &ending.session.cookie)),
        ..Call::get(&ending.site, "/api/v1/sessions")
    };
    asker.ask("look back", &call, &[200, 401]).await.map(|answer| answer.status)
}

/// Which of these ids are not there.
fn missing(evidence: Evidence<'_>, table: &str, column: &str, ids: &BTreeSet<&str>) -> BTreeSet<String> {
    let ids: Vec<&str> = ids.iter().copied().collect();
    let mut missing = BTreeSet::new();
    for some in ids.chunks(AT_ONCE) {
        let list = some.join("','");
        let sql = format!(
            "SELECT id FROM unnest(ARRAY['{list}']::uuid[]) AS asked (id) \
             EXCEPT SELECT {column} FROM {table} AS kept WHERE {column} = ANY (ARRAY['{list}']::uuid[])"
        );
        let found = evidence.database.execute(&sql).unwrap_or_else(|error| panic!("{error}"));
        missing.extend(found.lines().map(str::to_owned));
    }
    missing
}

//! What is looked at after every round: the database beside what clients were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cloister_bench::world::Services;
use cloister_testkit::journal::Entry;

use crate::{
    asking::{Asker, Call, SESSION_COOKIE, Shared, lock},
    people::Ending,
    rules::Rule,
};

/// Ids in one statement: what fits into an argument of a command.
const AT_ONCE: usize = 1000;
/// How long a transaction may be idle: longer than any of ours is, shorter than PostgreSQL waits before it ends it.
const IDLE: &str = "3 seconds";

/// The checks, and what they remember between rounds.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// How many answers were held against the database.
    pub(crate) entries: BTreeMap<String, u64>,
    nested: usize,
    /// Sessions that ended although nobody was told so, and whose event is still to come.
    unnoted: Vec<Ending>,
    /// Some of those whose end was acknowledged.
    ended: Vec<Ending>,
}

impl Checks {
    /// Everything but what takes patience.
    pub(crate) async fn after_round(
        &mut self,
        services: &Services,
        shared: &std::sync::Arc<Shared>,
        endings: &std::sync::Mutex<Vec<Ending>>,
    ) {
        let fresh = shared.take_fresh();
        tokio::task::block_in_place(|| self.told_and_kept(services, shared, &fresh));
        self.open_transactions(services, shared).await;
        self.sessions(services, shared, endings).await;
    }

    fn told_and_kept(&mut self, services: &Services, shared: &Shared, fresh: &[Entry]) {
        for entry in fresh {
            *self.entries.entry(entry.what.clone()).or_default() += 1;
        }
        let requests: BTreeSet<&str> = fresh.iter().map(|entry| entry.request.as_str()).collect();
        let unaudited = missing(services, "events", "request_id", &requests);
        for entry in fresh.iter().filter(|entry| unaudited.contains(&entry.request)) {
            shared.violations.report(Rule::Audited, format!("no event of {entry:?}"));
        }
        let resources: BTreeSet<&str> = fresh
            .iter()
            .flat_map(|entry| entry.told["resources"].as_array().into_iter().flatten())
            .filter_map(|id| id.as_str())
            .collect();
        let unstored = missing(services, "resources", "id", &resources);
        let invitations: BTreeSet<&str> =
            fresh.iter().filter_map(|entry| entry.told["invitation"].as_str()).collect();
        let uninvited = missing(services, "invitations", "id", &invitations);
        for id in unstored.iter().chain(&uninvited) {
            shared.violations.report(Rule::Stored, format!("{id} was acknowledged and is not there"));
        }
    }

    async fn open_transactions(&mut self, services: &Services, shared: &Shared) {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' \
             AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '{IDLE}'",
            services.database.name()
        );
        let open = tokio::task::block_in_place(|| services.postgres.execute(&sql));
        match open.as_deref().map(str::trim) {
            Ok("0") => {}
            Ok(open) => {
                shared.violations.report(Rule::NoOpenTransaction, format!("{open} idle for {IDLE}"));
            }
            Err(error) => shared.violations.report(Rule::Back, format!("PostgreSQL: {error}")),
        }
        let log = services.postgres.log();
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
        services: &Services,
        shared: &std::sync::Arc<Shared>,
        endings: &std::sync::Mutex<Vec<Ending>>,
    ) {
        let fresh = std::mem::take(&mut *lock(endings));
        let (told, untold): (Vec<Ending>, Vec<Ending>) =
            fresh.into_iter().partition(|ending| ending.acknowledged);
        self.ended.extend(told);
        let keep_from = self.ended.len().saturating_sub(6);
        self.ended.drain(..keep_from);
        for (index, ending) in self.ended.iter().enumerate() {
            let mut asker = Asker::new(shared, index % 2, "a signed-out visitor");
            if let Some(200) = look(&mut asker, ending).await {
                asker.report(Rule::StaysEnded, format!("session {} was signed out", ending.id));
            }
        }
        for ending in untold {
            let mut asker = Asker::new(shared, 0, "a visitor who was told nothing");
            let ended = look(&mut asker, &ending).await == Some(401);
            if ended && shared.redis_losses() == ending.session.losses {
                self.unnoted.push(ending);
            }
        }
        tokio::task::block_in_place(|| self.forget_noted(services));
    }

    fn forget_noted(&mut self, services: &Services) {
        let ids: BTreeSet<&str> = self.unnoted.iter().map(|ending| ending.id.as_str()).collect();
        let missing =
            missing(services, "(SELECT * FROM events WHERE action = 'session.ended')", "session_id", &ids);
        self.unnoted.retain(|ending| missing.contains(&ending.id));
    }

    /// Once nothing is broken any more: what was still to come has come.
    pub(crate) async fn at_the_end(&mut self, services: &Services, shared: &Shared, invited: &[String]) {
        let undelivered = || {
            let arrived: BTreeSet<String> =
                services.mailbox.mails().into_iter().flat_map(|mail| mail.to).collect();
            invited.iter().filter(|email| !arrived.contains(*email)).cloned().collect::<Vec<_>>()
        };
        // A killed worker's jobs are leased for a minute, and one that failed waits before it is tried again.
        for _ in 0..150 {
            tokio::task::block_in_place(|| self.forget_noted(services));
            if undelivered().is_empty() && self.unnoted.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
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
fn missing(services: &Services, table: &str, column: &str, ids: &BTreeSet<&str>) -> BTreeSet<String> {
    let ids: Vec<&str> = ids.iter().copied().collect();
    let mut missing = BTreeSet::new();
    for some in ids.chunks(AT_ONCE) {
        let list = some.join("','");
        let sql = format!(
            "SELECT id FROM unnest(ARRAY['{list}']::uuid[]) AS asked (id) \
             EXCEPT SELECT {column} FROM {table} AS kept WHERE {column} = ANY (ARRAY['{list}']::uuid[])"
        );
        let found = services.database.execute(&sql).unwrap_or_else(|error| panic!("{error}"));
        missing.extend(found.lines().map(str::to_owned));
    }
    missing
}

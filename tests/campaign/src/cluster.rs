//! What is broken: two replicas, a worker, and the services they stand on.

use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use cloister_bench::world::{Services, cloister, free_address, worker};
use cloister_testkit::{Process, StopSignal, fault_proxy::Plan};

use crate::{
    asking::Shared,
    round::{Victim, Way},
    rules::{Rule, Violations},
};

/// Whoever starts waits so long for what it stands on; after that it has served.
const YOUNG: Duration = Duration::from_secs(20);

struct Program {
    name: &'static str,
    command: Command,
    process: Process,
    since: Instant,
}

impl Program {
    fn start(folder: &Path, name: &'static str, command: Command) -> Self {
        let process = Self::process(folder, name, &command);
        Self { name, command, process, since: Instant::now() }
    }

    fn process(folder: &Path, name: &'static str, command: &Command) -> Process {
        Process::start(name, folder, StopSignal::Terminate, command).expect(name)
    }

    fn start_again(&mut self, folder: &Path) {
        self.process = Self::process(folder, self.name, &self.command);
        self.since = Instant::now();
    }

    /// Starts again what ended by itself, as an orchestrator does, and says whether it did. To end while starting over
    /// something broken is allowed; to end after having served is not.
    fn keep_up(&mut self, folder: &Path, violations: &Violations) -> bool {
        if self.process.is_running() {
            return false;
        }
        if self.since.elapsed() > YOUNG {
            let log = self.process.log();
            let last = log.lines().last().unwrap_or_default();
            violations.report(Rule::StaysUp, format!("{} ended: {last}", self.name));
        }
        self.start_again(folder);
        true
    }
}

/// All of it while it runs.
pub(crate) struct Cluster {
    pub(crate) services: Services,
    pub(crate) replicas: [SocketAddr; 2],
    serves: [Program; 2],
    work: Program,
    /// How often a program that ended while something was broken was started again.
    pub(crate) restarts: u64,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let services = Services::start_behind_proxies().await;
        let replicas = [free_address(), free_address()];
        let serve = |number: usize, name| {
            let mut command = cloister(&services, "serve", replicas[0]);
            command.arg("serve").env("CLOISTER_LISTEN", replicas[number].to_string());
            Program::start(services.folder.path(), name, command)
        };
        let serves = [serve(0, "serve-1"), serve(1, "serve-2")];
        let work = Program::start(services.folder.path(), "work", worker(&services, replicas[0]));
        for (serve, address) in serves.iter().zip(replicas) {
            serve
                .process
                .wait_until(|| cloister_testkit::accepts_connections(address.port()))
                .expect("a replica");
        }
        Self { services, replicas, serves, work, restarts: 0 }
    }

    /// Kills with SIGKILL.
    pub(crate) fn kill(&mut self, victim: Victim, shared: &Shared) {
        match victim {
            Victim::Serve(number) => self.serves[number].process.kill().expect("killing a replica"),
            Victim::Work => self.work.process.kill().expect("killing the worker"),
            Victim::Postgres => self.services.postgres.kill().expect("killing PostgreSQL"),
            Victim::PostgresBackend => self.kill_a_backend(),
            Victim::Redis => {
                shared.redis_is_lost();
                self.services.redis.kill().expect("killing Redis");
            }
            Victim::RedisRestored => {
                shared.redis_falls_back();
                self.services.redis.kill().expect("killing Redis");
            }
        }
    }

    fn kill_a_backend(&self) {
        let sql = "SELECT pid FROM pg_stat_activity WHERE usename LIKE 'bench_%' ORDER BY random() LIMIT 1";
        // PostgreSQL may be down already in this round.
        let Ok(id) = self.services.database.execute(sql) else { return };
        let _ = Command::new("kill").args(["-9", id.trim()]).status();
    }

    /// Starts again what was killed.
    pub(crate) fn revive(&mut self, victim: Victim) {
        match victim {
            Victim::Serve(number) => self.serves[number].start_again(self.services.folder.path()),
            Victim::Work => self.work.start_again(self.services.folder.path()),
            Victim::Postgres => self.services.postgres.start_again().expect("PostgreSQL"),
            Victim::PostgresBackend => {}
            Victim::Redis => self.services.redis.start_again().expect("Redis"),
            Victim::RedisRestored => self.services.redis.start_again_from_copy().expect("Redis"),
        }
    }

    /// Keeps a copy of what Redis holds now, to fall back to.
    pub(crate) fn copy_redis(&self) {
        self.services.redis.keep_copy().expect("a copy of Redis");
    }

    pub(crate) fn break_way(&self, way: Way, plan: Plan) {
        self.proxy(way).switch(plan);
    }

    pub(crate) async fn heal(&self, way: Way) {
        self.proxy(way).heal_and_wait().await;
    }

    /// How often faults have struck on this way.
    pub(crate) fn struck(&self, way: Way) -> u64 {
        self.proxy(way).struck()
    }

    fn proxy(&self, way: Way) -> &cloister_testkit::fault_proxy::FaultProxy {
        let ways = self.services.ways().expect("proxies");
        match way {
            Way::Postgres => &ways.postgres,
            Way::Redis => &ways.redis,
            Way::Keys => self.services.keys.proxy(),
            Way::Mail => &ways.mail,
        }
    }

    /// Starts again what ended by itself.
    pub(crate) fn keep_up(&mut self, shared: &Shared) {
        let folder = self.services.folder.path();
        for program in self.serves.iter_mut().chain([&mut self.work]) {
            self.restarts += u64::from(program.keep_up(folder, &shared.violations));
        }
    }

    /// The logs of all programs and PostgreSQL, by name.
    pub(crate) fn logs(&self) -> Vec<(&'static str, String)> {
        let programs = self.serves.iter().chain([&self.work]);
        let mut logs: Vec<_> = programs.map(|program| (program.name, program.process.log())).collect();
        logs.push(("postgresql", self.services.postgres.log()));
        logs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that ends by itself, looked at as if it had run since then.
    fn looked_at(since: Instant) -> (bool, Vec<Rule>) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo the last words; exit 3"]);
        let mut program = Program::start(folder.path(), "short", command);
        while program.process.is_running() {
            std::thread::sleep(Duration::from_millis(5));
        }
        program.since = since;
        let violations = Violations::default();
        let restarted = program.keep_up(folder.path(), &violations);
        (restarted, violations.all().into_iter().map(|found| found.rule).collect())
    }

    #[test]
    fn a_program_that_ends_after_it_has_served_is_reported_and_one_that_could_not_start_is_not() {
        let long_ago = Instant::now().checked_sub(YOUNG + Duration::from_secs(1)).unwrap();
        assert_eq!(looked_at(long_ago), (true, vec![Rule::StaysUp]));
        assert_eq!(looked_at(Instant::now()), (true, vec![]));
    }

    #[test]
    fn a_program_that_runs_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("60");
        let mut program = Program::start(folder.path(), "long", command);
        program.since = Instant::now().checked_sub(YOUNG * 2).unwrap();
        let violations = Violations::default();
        assert!(!program.keep_up(folder.path(), &violations));
        assert!(violations.all().is_empty());
        program.process.kill().unwrap();
    }
}

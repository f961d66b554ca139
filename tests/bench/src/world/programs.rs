//! The programs as processes, and the services around them.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use cloister_platform::demo::admin::AdminProgram;
use cloister_testkit::{
    Mailbox, Postgres, Process, Redis, ScratchDatabase, StopSignal, fault_proxy::FaultProxy, free_port,
    key_fake::KeyFake,
};
use tempfile::TempDir;

use crate::floor;

/// Connections of the service's pool, and of the floor's.
pub const CONNECTIONS: &str = "16";
/// Rate limits while load is applied: raised, as an operator raises them, so that one person's calls can stand for many.
const RAISED: &str = "100000000";

/// PostgreSQL, Redis, a key service and a mailbox.
pub struct Services {
    /// The programs' database.
    pub database: ScratchDatabase,
    /// The floor's.
    pub floor_database: ScratchDatabase,
    /// Every mail that was sent.
    pub mailbox: Mailbox,
    /// The cluster.
    pub postgres: Postgres,
    /// The Redis.
    pub redis: Redis,
    /// The key service.
    pub keys: KeyFake,
    /// Logs.
    pub folder: TempDir,
    ways: Option<Ways>,
}

/// The proxies that the programs go through, where faults are wanted. The key service has one of its own.
pub struct Ways {
    /// To PostgreSQL.
    pub postgres: FaultProxy,
    /// To Redis.
    pub redis: FaultProxy,
    /// To the mailbox.
    pub mail: FaultProxy,
}

impl Services {
    /// Starts them, and makes the schema as `cloister migrate` does.
    pub async fn start() -> Self {
        let postgres = Postgres::start_durable().expect("PostgreSQL");
        let database = postgres.scratch_database().expect("a database");
        let floor_database = postgres.scratch_database().expect("a database");
        let services = Self {
            database,
            floor_database,
            mailbox: Mailbox::open().await.expect("a mailbox"),
            postgres,
            redis: Redis::start().expect("Redis"),
            keys: KeyFake::start().await.expect("a key service"),
            folder: tempfile::tempdir().expect("a folder"),
            ways: None,
        };
        let migrated = program("cloister")
            .arg("migrate")
            .env("CLOISTER_DATABASE__URL", services.database.url())
            .status()
            .expect("cloister migrate");
        assert!(migrated.success(), "cloister migrate failed");
        for process in ["serve", "work", "admin"] {
            let create =
                format!("CREATE ROLE bench_{process} LOGIN PASSWORD 'bench' IN ROLE cloister_{process}");
            services.database.execute(&create).expect("a role");
        }
        services.floor_database.execute(floor::TABLES).expect("the floor's tables");
        services
    }

    /// The same behind proxies that can break what goes through them.
    pub async fn start_behind_proxies() -> Self {
        let mut services = Self::start().await;
        let before = async |port| {
            FaultProxy::before(SocketAddr::from(([127, 0, 0, 1], port))).await.expect("a fault proxy")
        };
        services.ways = Some(Ways {
            postgres: before(port_in(services.postgres.url())).await,
            redis: before(port_in(services.redis.url())).await,
            mail: before(services.mailbox.port()).await,
        });
        services
    }

    /// The proxies, where there are some.
    pub fn ways(&self) -> Option<&Ways> {
        self.ways.as_ref()
    }

    /// With TLS and the server's name checked, as production demands.
    fn verified(&self, url: &str) -> String {
        let authority = self.postgres.authority().expect("a started cluster has one").display();
        format!("{url}?sslmode=verify-full&sslrootcert={authority}")
    }

    /// Has PostgreSQL write every statement into its log, or stop it.
    pub fn log_statements(&self, on: bool) {
        let level = if on { "all" } else { "none" };
        self.postgres.execute(&format!("ALTER SYSTEM SET log_statement = '{level}'")).expect("ALTER SYSTEM");
        self.postgres.execute("SELECT pg_reload_conf()").expect("a reload");
        // Each process reads its configuration again before its next statement, once the signal has reached it.
        std::thread::sleep(Duration::from_millis(300));
    }

    /// What the log holds of statements of the service, in their order.
    pub fn statements(&self) -> Vec<String> {
        let log = self.postgres.log();
        let begins = ["LOG:  execute ", "LOG:  statement: "];
        let of = |line: &str| {
            begins.iter().find_map(|begin| line.split_once(begin)).map(|(_, text)| text.to_owned())
        };
        log.lines().filter_map(of).collect()
    }

    fn database_of(&self, process: &str) -> String {
        let url = self.verified(&self.database.url_for(&format!("bench_{process}"), "bench"));
        through(self.ways.as_ref().map(|ways| &ways.postgres), &url)
    }
}

/// The port of an address such as `scheme://user:password@host:port/rest`.
fn port_in(url: &str) -> u16 {
    let (_, place) = url.rsplit_once('@').expect("a name before the host");
    let port = place.split(['/', '?']).next().and_then(|place| place.rsplit(':').next());
    port.and_then(|port| port.parse().ok()).expect("a port")
}

/// The address as it is reached through a proxy.
fn through(proxy: Option<&FaultProxy>, url: &str) -> String {
    let Some(proxy) = proxy else { return url.to_owned() };
    url.replacen(&format!(":{}/", port_in(url)), &format!(":{}/", proxy.address().port()), 1)
}

/// A program that stands beside this one: of the same build.
fn program(name: &str) -> Command {
    let path = std::env::current_exe().expect("this program has a path").with_file_name(name);
    assert!(path.is_file(), "{} is missing: run scripts/bench", path.display());
    let mut command = Command::new(path);
    // What the scripts set for themselves is no setting of the programs, which refuse those that they do not know.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CLOISTER_")) {
            command.env_remove(name);
        }
    }
    command
}

/// The programs while they run. They end with this value.
pub struct Programs {
    /// Where `serve` listens.
    pub address: SocketAddr,
    /// Where the floor listens.
    pub floor: SocketAddr,
    _processes: Vec<Process>,
}

/// One `serve`, and the database that is its own. Both end with this value.
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    // In this order: nobody is in the database when it goes.
    _process: Process,
    _copy: Option<ScratchDatabase>,
}

impl Programs {
    /// Starts `serve`, `work` and the floor.
    pub fn start(services: &Services) -> Self {
        let (address, floor) = (free_address(), free_address());
        let mut serve = cloister(services, "serve", address);
        let serve = start(services, "serve", serve.arg("serve"), address);
        let work = worker(services, address);
        let work = Process::start("work", services.folder.path(), StopSignal::Terminate, &work)
            .expect("cloister work");
        let mut bare = program("cloister-bench");
        bare.arg("floor")
            .env("FLOOR_LISTEN", floor.to_string())
            .env("FLOOR_CONNECTIONS", CONNECTIONS)
            .env("FLOOR_DATABASE", services.verified(services.floor_database.url()));
        let bare = start(services, "floor", &bare, floor);
        Self { address, floor, _processes: vec![serve, work, bare] }
    }

    /// Starts another `serve`, over the same database or over a copy of it. It answers for the same hosts and people.
    pub fn serve_beside(&self, services: &Services, copy: Option<ScratchDatabase>) -> Served {
        let database = copy.as_ref().unwrap_or(&services.database);
        let url = services.verified(&database.url_for("bench_serve", "bench"));
        let address = free_address();
        let mut serve = cloister(services, "serve", address);
        serve
            .arg("serve")
            .env("CLOISTER_PUBLIC__PORT", self.address.port().to_string())
            .env("CLOISTER_DATABASE__URL", url);
        let name = if copy.is_some() { "serve_a_copy" } else { "serve_beside" };
        let process = start(services, name, &serve, address);
        Served { address, _process: process, _copy: copy }
    }

    /// How long `cloister serve` takes from its start to its first answer of `/healthz`.
    pub async fn start_time(services: &Services) -> Duration {
        let address = free_address();
        let mut serve = cloister(services, "serve", address);
        let started = Instant::now();
        let folder = tempfile::tempdir().expect("a folder");
        let process = Process::start("serve", folder.path(), StopSignal::Terminate, serve.arg("serve"))
            .expect("cloister serve");
        let host = address.to_string();
        let healthz = crate::load::request("GET", "/healthz", &[("host", &host)], b"");
        // From an address of its own: what asks before anybody listens could else be given the very port it asks for.
        let elsewhere = IpAddr::from([127, 0, 0, 2]);
        loop {
            let mut connection = crate::load::Connection::from_source(address, elsewhere);
            if matches!(connection.exchange(&healthz).await, Ok(200)) {
                return started.elapsed();
            }
            assert!(process.is_running() && started.elapsed() < Duration::from_secs(60), "{}", process.log());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// `cloister-admin` under its settings, and where its API will stand.
    pub fn admin(services: &Services) -> (AdminProgram, SocketAddr, String, PathBuf) {
        let address = free_address();
        let origin = format!("http://admin.localhost:{}", address.port());
        let settings = [
            ("CLOISTER_ADMIN_LISTEN", address.to_string()),
            ("CLOISTER_ADMIN_ORIGIN", origin.clone()),
            ("CLOISTER_ADMIN_DOMAIN", "localhost".to_owned()),
            ("CLOISTER_ADMIN_TRANSPORT", "loopback".to_owned()),
            ("CLOISTER_ADMIN_DATABASE__URL", services.database_of("admin")),
            ("CLOISTER_ADMIN_KEYS__REGION", "us-east-1".to_owned()),
            ("CLOISTER_ADMIN_KEYS__ENDPOINT", services.keys.endpoint()),
            ("CLOISTER_ADMIN_CALLS_PER_MINUTE", RAISED.to_owned()),
            ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let program = AdminProgram::beside_this_one(settings).expect("cloister-admin");
        (program, address, origin, services.folder.path().join("admin.log"))
    }
}

/// `cloister work` with its settings.
pub fn worker(services: &Services, address: SocketAddr) -> Command {
    let mut work = cloister(services, "work", address);
    let today = cloister_kernel::Environment::system().now().date();
    let next_year = today + time::Duration::days(365);
    let mail = services.ways().map_or(services.mailbox.port(), |ways| ways.mail.address().port());
    work.arg("work")
        .env("CLOISTER_MAIL__HOST", "127.0.0.1")
        .env("CLOISTER_MAIL__PORT", mail.to_string())
        .env("CLOISTER_MAIL__SECURITY", "loopback")
        .env("CLOISTER_MAIL__FROM", "Bench <no-reply@portal.example>")
        .env("CLOISTER_MAIL__VENDOR", "bench")
        .env("CLOISTER_MAIL__AGREEMENT__FROM", today.to_string())
        .env("CLOISTER_MAIL__AGREEMENT__UNTIL", next_year.to_string());
    work
}

/// `cloister` with the settings of a process of this kind, still without its command.
pub fn cloister(services: &Services, process: &str, address: SocketAddr) -> Command {
    let redis = through(services.ways().map(|ways| &ways.redis), services.redis.url());
    let mut command = program("cloister");
    command
        .env("CLOISTER_LISTEN", address.to_string())
        .env("CLOISTER_INTERNAL_LISTEN", "")
        .env("CLOISTER_TRANSPORT", "loopback")
        .env("CLOISTER_PUBLIC__SCHEME", "http")
        .env("CLOISTER_PUBLIC__PORT", address.port().to_string())
        .env("CLOISTER_DATABASE__URL", services.database_of(process))
        .env("CLOISTER_DATABASE__CONNECTIONS", CONNECTIONS)
        .env("CLOISTER_REDIS__URL", redis)
        .env("CLOISTER_REDIS__AUTHORITY", services.redis.authority())
        .env("CLOISTER_KEYS__REGION", "us-east-1")
        .env("CLOISTER_KEYS__ENDPOINT", services.keys.endpoint())
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench");
    for limit in ["ANONYMOUS", "FLOW_PAGES", "SIGNED_IN", "BEARER", "MACHINE"] {
        command.env(format!("CLOISTER_LIMITS__{limit}"), RAISED);
    }
    command
}

fn start(services: &Services, name: &'static str, command: &Command, address: SocketAddr) -> Process {
    let process = Process::start(name, services.folder.path(), StopSignal::Terminate, command).expect(name);
    process.wait_until(|| cloister_testkit::accepts_connections(address.port())).expect(name);
    process
}

/// A loopback address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port().expect("a free port")))
}

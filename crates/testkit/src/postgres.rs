//! A private PostgreSQL cluster, over TLS and plain TCP on a random loopback port.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cloister_kernel::Environment;
use tempfile::TempDir;

use crate::{
    Certificates, ServiceError,
    ports::free_port,
    process::{Process, StopSignal, find, run},
};

const INSTALL: &str = "scripts/install services";

/// A cluster with a superuser: given by `CLOISTER_TEST_DATABASE_URL`, or started here and gone with this value.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    authority: Option<PathBuf>,
    started: Option<Started>,
}

#[derive(Debug)]
struct Started {
    process: Process,
    command: Command,
    port: u16,
    folder: TempDir,
}

impl Started {
    fn wait(&self) -> Result<(), ServiceError> {
        let ready = program_path("pg_isready")?;
        self.process.wait_until(|| {
            let mut probe = Command::new(&ready);
            run(probe.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])).is_ok()
        })
    }
}

impl Postgres {
    /// The cluster that the test run started, else one of this value's own (about two seconds).
    pub fn given_or_started() -> Result<Self, ServiceError> {
        match std::env::var("CLOISTER_TEST_DATABASE_URL") {
            Ok(url) => {
                let authority = std::env::var_os("CLOISTER_TEST_DATABASE_CA").map(PathBuf::from);
                Ok(Self { url, authority, started: None })
            }
            Err(_) => Self::start(),
        }
    }

    /// Starts a cluster without durability: its data does not outlive this value.
    pub fn start() -> Result<Self, ServiceError> {
        Self::start_with(&[("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")])
    }

    /// Starts a cluster whose commits reach the disk, as in production: for measuring what they cost.
    pub fn start_durable() -> Result<Self, ServiceError> {
        Self::start_with(&[])
    }

    fn start_with(durability: &[(&str, &str)]) -> Result<Self, ServiceError> {
        let folder = crate::service_folder()?;
        let certificates = Certificates::issue(folder.path(), &[])?;
        let data = folder.path().join("postgres");
        let password = hexadecimal(&Environment::system().bytes::<16>());
        fs::create_dir(&data).map_err(ServiceError::system("making PostgreSQL's folder"))?;
        let password_file = data.join("password");
        fs::write(&password_file, &password).map_err(ServiceError::system("writing a password"))?;
        for (name, file) in [("server.pem", &certificates.certificate), ("server.key", &certificates.key)] {
            fs::copy(file, data.join(name)).map_err(ServiceError::system("copying a certificate"))?;
        }
        let as_root = is_root();
        if as_root {
            run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(&data))?;
        }
        let cluster = data.join("cluster");
        run(Self::program("initdb", as_root)?
            .args(["--no-sync", "--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--pwfile"])
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&cluster)
            .current_dir("/"))?;
        let port = free_port()?;
        let mut server = Self::program("postgres", as_root)?;
        server.arg("-D").arg(&cluster);
        for (name, value) in [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port.to_string()),
            ("unix_socket_directories", &data.display().to_string()),
            ("max_connections", "300"),
            ("ssl", "on"),
            ("ssl_cert_file", &data.join("server.pem").display().to_string()),
            ("ssl_key_file", &data.join("server.key").display().to_string()),
        ] {
            server.args(["-c", &format!("{name}={value}")]);
        }
        for (name, value) in durability {
            server.args(["-c", &format!("{name}={value}")]);
        }
        let process = Process::start("postgresql", folder.path(), StopSignal::Quit, &server)?;
        let started = Started { process, command: server, port, folder };
        started.wait()?;
        Ok(Self {
            url: format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"),
            authority: Some(certificates.authority),
            started: Some(started),
        })
    }

    /// Where the superuser connects.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority that issued the server's certificate; `None` when the given cluster came without one.
    pub fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// What the server logged so far; empty for a given cluster.
    pub fn log(&self) -> String {
        self.started.as_ref().map(|started| started.process.log()).unwrap_or_default()
    }

    /// Kills the server with SIGKILL, as a machine that fails does. Nothing happens to a given cluster.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<(), ServiceError> {
        self.started.as_mut().map_or(Ok(()), |started| started.process.kill())
    }

    /// Starts a killed server again over what it had written, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<(), ServiceError> {
        let Some(started) = self.started.as_mut() else { return Ok(()) };
        let folder = started.folder.path();
        started.process = Process::start("postgresql", folder, StopSignal::Quit, &started.command)?;
        started.wait()
    }

    /// A new, empty database of this cluster; dropped, connections and all, with the value.
    pub fn scratch_database(&self) -> Result<ScratchDatabase, ServiceError> {
        let name = format!("scratch_{}", Environment::system().uuid().simple());
        self.execute(&format!("CREATE DATABASE {name}"))?;
        Ok(self.scratch(name))
    }

    /// A copy of a database as it is now, dropped with the value. Whoever is connected to that database is disconnected.
    ///
    /// # Errors
    /// When the cluster refuses it.
    pub fn copy_of(&self, database: &ScratchDatabase) -> Result<ScratchDatabase, ServiceError> {
        let name = format!("scratch_{}", Environment::system().uuid().simple());
        let of = &database.name;
        let let_in =
            |anybody: bool| self.execute(&format!("ALTER DATABASE {of} ALLOW_CONNECTIONS {anybody}"));
        // A database is copied while nobody is in it.
        let_in(false)?;
        let left = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{of}'");
        let copied =
            self.execute(&left).and_then(|_| self.execute(&format!("CREATE DATABASE {name} TEMPLATE {of}")));
        let_in(true)?;
        copied?;
        Ok(self.scratch(name))
    }

    /// A database that is there already, to be dropped with the value.
    pub(crate) fn scratch(&self, name: String) -> ScratchDatabase {
        ScratchDatabase { url: url_of_database(&self.url, &name), name, cluster: self.url.clone() }
    }

    /// Runs statements as superuser in the cluster's `postgres` database; what `psql -At` prints.
    pub fn execute(&self, statements: &str) -> Result<String, ServiceError> {
        psql(&self.url, statements)
    }

    fn program(name: &'static str, as_root: bool) -> Result<Command, ServiceError> {
        let path = program_path(name)?;
        if !as_root {
            return Ok(Command::new(path));
        }
        // PostgreSQL refuses to run as root; Debian's package brings a user for it.
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
        Ok(command)
    }
}

/// One database that is dropped with this value.
#[derive(Debug)]
pub struct ScratchDatabase {
    name: String,
    url: String,
    cluster: String,
}

impl ScratchDatabase {
    /// Where the superuser connects to this database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same for another role of the cluster.
    pub fn url_for(&self, role: &str, password: &str) -> String {
        match self.url.split_once('@') {
            Some((_, place)) => format!("postgres://{role}:{password}@{place}"),
            None => self.url.clone(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements as superuser in this database; what `psql -At` prints.
    pub fn execute(&self, statements: &str) -> Result<String, ServiceError> {
        psql(&self.url, statements)
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        // The cluster may have ended before this value: then the database is gone as well.
        let _ = psql(&self.cluster, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn psql(url: &str, statements: &str) -> Result<String, ServiceError> {
    let mut psql = Command::new(program_path("psql")?);
    run(psql.args(["-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements]))
}

pub(crate) fn url_of_database(url: &str, name: &str) -> String {
    let (place, parameters) = url.split_once('?').map_or((url, None), |(place, rest)| (place, Some(rest)));
    let server = place.rsplit_once('/').map_or(place, |(server, _)| server);
    parameters.map_or_else(|| format!("{server}/{name}"), |rest| format!("{server}/{name}?{rest}"))
}

/// Debian keeps the server's programs outside the PATH, in a folder for each version: the newest wins.
fn program_path(name: &'static str) -> Result<PathBuf, ServiceError> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        installed.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    let folders: Vec<PathBuf> =
        versions.iter().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))).collect();
    find(name, &folders).ok_or(ServiceError::Missing { program: name, install: INSTALL })
}

/// Whether this process runs as root, asked of the kernel through its own process entry.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_private_cluster_serves_tls_and_ends_with_its_value() {
        let postgres = Postgres::start().unwrap();
        let authority = postgres.authority().unwrap().display().to_string();
        let url = format!("{}?sslmode=verify-full&sslrootcert={authority}", postgres.url());
        let answer = psql(&url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").unwrap();
        assert_eq!(answer.trim(), "t");
        drop(postgres);
        assert!(psql(&url, "SELECT 1").is_err());
    }

    #[test]
    fn a_durable_cluster_that_was_killed_comes_back_with_what_was_committed() {
        let mut postgres = Postgres::start_durable().unwrap();
        postgres.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1), (2)").unwrap();
        postgres.kill().unwrap();
        assert!(postgres.execute("SELECT 1").is_err());
        postgres.start_again().unwrap();
        assert_eq!(postgres.execute("SELECT count(*) FROM kept").unwrap().trim(), "2");
        assert!(postgres.log().contains("automatic recovery in progress"), "{}", postgres.log());
    }

    #[test]
    fn a_copy_of_a_database_that_is_in_use_has_all_of_it_and_goes_its_own_way() {
        let postgres = Postgres::given_or_started().unwrap();
        let original = postgres.scratch_database().unwrap();
        original.execute("CREATE TABLE seen (id int); INSERT INTO seen VALUES (1)").unwrap();
        let mut user = Command::new(program_path("psql").unwrap());
        let mut connected = user
            .args([original.url(), "-Atqc", "SELECT pg_sleep(60)"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let in_use = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'", original.name);
        while postgres.execute(&in_use).unwrap().trim() == "0" {
            std::thread::yield_now();
        }
        let copy = postgres.copy_of(&original).unwrap();
        assert!(!connected.wait().unwrap().success(), "whoever was in it is disconnected");
        copy.execute("INSERT INTO seen VALUES (2)").unwrap();
        assert_eq!(copy.execute("SELECT count(*) FROM seen").unwrap().trim(), "2");
        assert_eq!(original.execute("SELECT count(*) FROM seen").unwrap().trim(), "1");
    }

    #[test]
    fn a_scratch_database_is_dropped_although_it_is_in_use() {
        let postgres = Postgres::given_or_started().unwrap();
        let scratch = postgres.scratch_database().unwrap();
        scratch.execute("CREATE TABLE seen (id int); INSERT INTO seen VALUES (1)").unwrap();
        assert_eq!(scratch.execute("SELECT count(*) FROM seen").unwrap().trim(), "1");
        let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", scratch.name());
        assert_eq!(postgres.execute(&count).unwrap().trim(), "1");
        drop(scratch);
        assert_eq!(postgres.execute(&count).unwrap().trim(), "0");
    }

    #[test]
    fn urls_keep_their_parameters_and_change_database_or_role() {
        assert_eq!(
            url_of_database("postgres://a:b@h:1/postgres?sslmode=require", "x"),
            "postgres://a:b@h:1/x?sslmode=require"
        );
        let scratch = ScratchDatabase {
            name: "x".into(),
            url: "postgres://a:b@h:1/x".into(),
            cluster: "postgres://a:b@127.0.0.1:1/postgres".into(),
        };
        assert_eq!(scratch.url_for("serve", "pw"), "postgres://serve:pw@h:1/x");
    }
}

//! A private Redis that speaks TLS only, on a random loopback port, without persistence.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use cloister_kernel::Environment;
use tempfile::TempDir;

use crate::{
    Certificates, ServiceError,
    ports::{accepts_connections, free_port},
    process::{Process, StopSignal, find, run},
};

/// What Redis writes when it is told to, and reads as it starts.
const STATE: &str = "dump.rdb";
/// Where a copy of that is kept.
const COPY: &str = "copy.rdb";

/// Reads every key of every kind; other kinds than these are not used.
const DUMP: &str = r"
local all, cursor = {}, '0'
local read = { string = {'GET'}, hash = {'HGETALL'}, set = {'SMEMBERS'}, zset = {'ZRANGE', '0', '-1', 'WITHSCORES'},
               list = {'LRANGE', '0', '-1'} }
repeat
  local found = redis.call('SCAN', cursor, 'COUNT', 1000)
  cursor = found[1]
  for _, key in ipairs(found[2]) do
    local how = read[redis.call('TYPE', key).ok]
    local value = redis.call(how[1], key, unpack(how, 2))
    if type(value) == 'table' then value = table.concat(value, ' ') end
    all[#all + 1] = key .. ' ' .. tostring(value)
  end
until cursor == '0'
return all";

/// A Redis: given by `CLOISTER_TEST_REDIS_URL` and `CLOISTER_TEST_REDIS_CA`, or started here and gone with this
/// value. A given one is shared by the tests of the run: keys of a test need a prefix of their own.
#[derive(Debug)]
pub struct Redis {
    url: String,
    authority: PathBuf,
    started: Option<Started>,
}

#[derive(Debug)]
struct Started {
    process: Process,
    command: Command,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// The one that the test run started, else one of this value's own.
    pub fn given_or_started() -> Result<Self, ServiceError> {
        match (std::env::var("CLOISTER_TEST_REDIS_URL"), std::env::var_os("CLOISTER_TEST_REDIS_CA")) {
            (Ok(url), Some(authority)) => Ok(Self { url, authority: authority.into(), started: None }),
            _ => Self::start(),
        }
    }

    /// Starts one.
    pub fn start() -> Result<Self, ServiceError> {
        let program = find("redis-server", &[])
            .ok_or(ServiceError::Missing { program: "redis-server", install: "scripts/install services" })?;
        let folder = crate::service_folder()?;
        let certificates = Certificates::issue(folder.path(), &[])?;
        let port = free_port()?;
        let password = Environment::system().uuid().simple().to_string();
        let configuration = folder.path().join("redis.conf");
        let settings = format!(
            "bind 127.0.0.1\nport 0\ntls-port {port}\ntls-auth-clients no\nsave \"\"\nappendonly no\n\
             tls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\nrequirepass {password}\ndir {}\n",
            certificates.certificate.display(),
            certificates.key.display(),
            certificates.authority.display(),
            folder.path().display(),
        );
        fs::write(&configuration, settings).map_err(ServiceError::system("writing Redis's configuration"))?;
        let mut server = Command::new(program);
        server.arg(&configuration);
        let process = Process::start("redis", folder.path(), StopSignal::Terminate, &server)?;
        process.wait_until(|| accepts_connections(port))?;
        Ok(Self {
            url: format!("rediss://default:{password}@localhost:{port}/"),
            authority: certificates.authority,
            started: Some(Started { process, command: server, port, folder }),
        })
    }

    /// A `rediss://` address with its password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority to trust, as a PEM file.
    pub fn authority(&self) -> &PathBuf {
        &self.authority
    }

    /// Every key with its value, a line each, as `redis-cli` prints them.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub fn dump(&self) -> Result<Vec<String>, ServiceError> {
        // One call for all keys: a call each takes minutes in a Redis that the tests of a run share.
        let all = run(self.client().args(["EVAL", DUMP, "0"]))?;
        Ok(all.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Keeps a copy of what it holds now. Nothing happens to a given one.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub fn keep_copy(&self) -> Result<(), ServiceError> {
        let Some(started) = &self.started else { return Ok(()) };
        run(self.client().arg("SAVE"))?;
        let folder = started.folder.path();
        fs::rename(folder.join(STATE), folder.join(COPY))
            .map_err(ServiceError::system("keeping Redis's copy"))
    }

    fn client(&self) -> Command {
        let mut client = Command::new("redis-cli");
        client.args(["-u", &self.url, "--no-auth-warning", "--cacert"]).arg(&self.authority);
        client
    }

    /// Kills it with SIGKILL; what it held is gone. Nothing happens to a given one.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<(), ServiceError> {
        self.started.as_mut().map_or(Ok(()), |started| started.process.kill())
    }

    /// Starts a killed or stopped one again, empty, at the same address.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<(), ServiceError> {
        self.start_with(|_| Ok(()))
    }

    /// The same with what it held when the last copy was kept, as a replica that lagged or a restored backup has it.
    ///
    /// # Errors
    /// When there is no copy, or it does not start.
    pub fn start_again_from_copy(&mut self) -> Result<(), ServiceError> {
        self.start_with(|folder| fs::copy(folder.join(COPY), folder.join(STATE)).map(drop))
    }

    fn start_with(&mut self, lay_out: impl Fn(&Path) -> io::Result<()>) -> Result<(), ServiceError> {
        let Some(started) = self.started.as_mut() else { return Ok(()) };
        let folder = started.folder.path();
        // What an earlier start read is older still.
        let _ = fs::remove_file(folder.join(STATE));
        lay_out(folder).map_err(ServiceError::system("laying Redis's copy out"))?;
        started.process = Process::start("redis", folder, StopSignal::Terminate, &started.command)?;
        started.process.wait_until(|| accepts_connections(started.port))
    }

    /// Takes it away, to see what happens. False when it is a given one, which others use too.
    pub fn stop(&mut self) -> bool {
        self.started.as_mut().map(|started| started.process.stop()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, process::Stdio};

    use super::*;

    fn ping(redis: &Redis) -> String {
        let mut client = redis
            .client()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        client.stdin.take().unwrap().write_all(b"PING\n").unwrap();
        String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn a_dump_shows_keys_of_every_kind_with_their_values() {
        let redis = Redis::start().unwrap();
        let commands =
            ["SET text one", "HSET map field two", "SADD set three", "ZADD sorted 4 four", "RPUSH list five"];
        for command in commands {
            run(redis.client().args(command.split(' '))).unwrap();
        }
        let mut dump = redis.dump().unwrap();
        dump.sort();
        assert_eq!(dump, ["list five", "map field two", "set three", "sorted four 4", "text one"]);
    }

    #[test]
    fn comes_back_with_what_it_held_when_a_copy_was_kept_or_else_with_nothing() {
        let mut redis = Redis::start().unwrap();
        let set = |redis: &Redis, value| run(redis.client().args(["SET", "key", value])).unwrap();
        set(&redis, "older");
        redis.keep_copy().unwrap();
        set(&redis, "newer");
        for _ in 0..2 {
            redis.kill().unwrap();
            redis.start_again_from_copy().unwrap();
            assert_eq!(redis.dump().unwrap(), ["key older"]);
            set(&redis, "newest");
        }
        redis.kill().unwrap();
        redis.start_again().unwrap();
        assert_eq!(redis.dump().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn answers_over_tls_until_it_is_stopped_or_killed_and_again_once_it_is_started() {
        let mut redis = Redis::start().unwrap();
        assert_eq!(ping(&redis).trim(), "PONG");
        assert!(redis.stop());
        assert_ne!(ping(&redis).trim(), "PONG");
        redis.start_again().unwrap();
        assert_eq!(ping(&redis).trim(), "PONG");
        redis.kill().unwrap();
        assert_ne!(ping(&redis).trim(), "PONG");
    }
}

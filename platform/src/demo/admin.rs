//! `cloister-admin`, run beside the demonstration as an operator would run it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use reqwest::Method;
use serde_json::Value;

use super::{DemoError, browser::Answer};

/// The operators' server while it runs; it ends with this value.
pub struct OperatorsServer(Child);

impl OperatorsServer {
    /// Waits until the server ends by itself, which it should not.
    ///
    /// # Errors
    /// When the system cannot say.
    pub async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

impl Drop for OperatorsServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program and the settings it is started with.
pub struct AdminProgram {
    path: PathBuf,
    settings: Vec<(String, String)>,
}

impl AdminProgram {
    /// The program that stands beside this one.
    ///
    /// # Errors
    /// [`DemoError::Admin`] when there is none.
    pub fn beside_this_one(settings: Vec<(String, String)>) -> Result<Self, DemoError> {
        let path = std::env::current_exe()?.with_file_name("cloister-admin");
        if !path.is_file() {
            return Err(DemoError::Admin(format!("is missing: it should be {}", path.display())));
        }
        Ok(Self { path, settings })
    }

    /// Starts `serve`; it ends when the guard is dropped.
    ///
    /// # Errors
    /// [`DemoError::Files`] when it cannot be started.
    pub fn serve(&self, log: &Path) -> Result<OperatorsServer, DemoError> {
        let log = std::fs::File::create(log)?;
        let child =
            self.command().arg("serve").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(OperatorsServer(child))
    }

    /// Runs one command and reads the JSON it prints.
    ///
    /// # Errors
    /// [`DemoError::Admin`] with what it said when it failed.
    pub async fn run(&self, arguments: &[&str]) -> Result<Value, DemoError> {
        let mut command = self.command();
        command.arg("--json").args(arguments).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .map_err(|_| DemoError::Unexpected("a command was stopped"))??;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(DemoError::Admin(format!("{}: {}", arguments.join(" "), said.trim())));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|_| DemoError::Unexpected("cloister-admin printed no JSON"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The operators' API with a token.
pub struct OperatorApi {
    client: reqwest::Client,
    origin: String,
    token: String,
}

impl OperatorApi {
    /// At an origin such as `http://admin.localhost:8081`.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub fn new(origin: &str, address: SocketAddr, token: String) -> Result<Self, DemoError> {
        let client = reqwest::Client::builder()
            .resolve(super::browser::host_of(origin), address)
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .build()?;
        Ok(Self { client, origin: origin.to_owned(), token })
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> Result<Answer, DemoError> {
        let mut request =
            self.client.request(method, format!("{}{path}", self.origin)).bearer_auth(&self.token);
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }
}

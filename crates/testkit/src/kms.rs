//! An AWS KMS to talk to: moto, from the Python environment that the test run made.
//!
//! moto holds encryption contexts and refuses tampered blobs, but a disabled or deleted key still opens and a
//! denied policy still allows. Tests of key states need another service.

use std::{path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{
    ServiceError,
    ports::{accepts_connections, free_port},
    process::{Process, StopSignal, find},
};

/// A key service: given by `CLOISTER_TEST_KMS_ENDPOINT`, or started here and gone with this value.
#[derive(Debug)]
pub struct KeyServer {
    endpoint: String,
    _started: Option<(Process, TempDir)>,
}

impl KeyServer {
    /// The one that the test run started, else one of this value's own (about two seconds).
    pub fn given_or_started() -> Result<Self, ServiceError> {
        match std::env::var("CLOISTER_TEST_KMS_ENDPOINT") {
            Ok(endpoint) => Ok(Self { endpoint, _started: None }),
            Err(_) => Self::start(),
        }
    }

    /// Starts one. Looks for `moto_server` in `CLOISTER_VENV`, then on the PATH.
    pub fn start() -> Result<Self, ServiceError> {
        let environment = std::env::var_os("CLOISTER_VENV").map(|venv| PathBuf::from(venv).join("bin"));
        let folders: Vec<PathBuf> = environment.into_iter().collect();
        let program = find("moto_server", &folders).ok_or(ServiceError::Missing {
            program: "moto_server",
            install: "scripts/with-services COMMAND, which installs and starts it",
        })?;
        let folder = crate::service_folder()?;
        let port = free_port()?;
        let mut server = Command::new(program);
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let process = Process::start("moto", folder.path(), StopSignal::Terminate, &server)?;
        process.wait_until(|| accepts_connections(port))?;
        Ok(Self { endpoint: format!("http://127.0.0.1:{port}"), _started: Some((process, folder)) })
    }

    /// Where it listens. Any access key and secret are accepted.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn creates_a_key() {
        let server = KeyServer::given_or_started().unwrap();
        let answer = reqwest::Client::new()
            .post(server.endpoint())
            .header("x-amz-target", "TrentService.CreateKey")
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let key: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(key["KeyMetadata"]["KeyState"], "Enabled");
    }
}

//! Reads and writes of a clinic.

use std::sync::Arc;

use serde_json::Value;

use super::{Connection, Operation, request};

fn right(status: u16, expected: u16, connection: &Connection) -> Result<(), String> {
    if status == expected {
        return Ok(());
    }
    let body: String = String::from_utf8_lossy(connection.body()).chars().take(300).collect();
    Err(format!("answered {status}: {body}"))
}

/// Requests that are ready, sent in turn.
pub struct Gets(pub Vec<Vec<u8>>);

impl Operation for Gets {
    async fn run(&self, connection: &mut Connection, number: u64) -> Result<(), String> {
        let request = &self.0[usize::try_from(number).unwrap_or_default() % self.0.len()];
        let status = connection.exchange(request).await.map_err(|error| error.to_string())?;
        right(status, 200, connection)
    }
}

/// A whole chart: the record, and every page of its results.
pub struct Chart {
    /// The Host header.
    pub host: String,
    /// The Cookie header.
    pub cookie: String,
}

impl Chart {
    async fn get(&self, connection: &mut Connection, path: &str) -> Result<Value, String> {
        let headers = [("host", &*self.host), ("cookie", &*self.cookie), ("sec-fetch-site", "same-origin")];
        let bytes = request("GET", path, &headers, b"");
        let status = connection.exchange(&bytes).await.map_err(|error| error.to_string())?;
        right(status, 200, connection)?;
        serde_json::from_slice(connection.body()).map_err(|error| error.to_string())
    }
}

impl Operation for Chart {
    async fn run(&self, connection: &mut Connection, _: u64) -> Result<(), String> {
        self.get(connection, "/api/v1/record").await?;
        let mut page = self.get(connection, "/api/v1/record/results?limit=200").await?;
        while let Some(cursor) = page["next_cursor"].as_str() {
            let path = format!("/api/v1/record/results?limit=200&cursor={cursor}");
            page = self.get(connection, &path).await?;
        }
        Ok(())
    }
}

/// What makes a body for each number.
type Bodies = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// Bundles of a record system, each a new one.
pub struct Posts {
    /// The Host header.
    pub host: String,
    /// The access token.
    pub token: String,
    /// The bundles.
    pub bodies: Bodies,
}

impl Operation for Posts {
    async fn run(&self, connection: &mut Connection, number: u64) -> Result<(), String> {
        let authorization = format!("Bearer {}", self.token);
        let headers = [
            ("host", &*self.host),
            ("authorization", &*authorization),
            ("content-type", "application/fhir+json"),
        ];
        let bytes = request("POST", "/fhir/R4", &headers, &(self.bodies)(number));
        let status = connection.exchange(&bytes).await.map_err(|error| error.to_string())?;
        right(status, 200, connection)
    }
}

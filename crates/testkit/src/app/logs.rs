//! The process's log, kept.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// Everything that this process logged since [`KeptLog::start`], at every level that our crates have.
#[derive(Debug, Clone, Default)]
pub struct KeptLog(Arc<Mutex<Vec<u8>>>);

impl KeptLog {
    /// Becomes the process's log, once: nextest gives each test a process of its own.
    pub fn start() -> Self {
        let kept = Self::default();
        let writer = kept.clone();
        let filter = tracing_subscriber::EnvFilter::new("debug");
        let started = tracing_subscriber::fmt()
            .json()
            .with_env_filter(filter)
            .with_writer(move || writer.clone())
            .try_init();
        started.expect("the log can be kept once in a process");
        kept
    }

    /// What was logged.
    pub fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

impl Write for KeptLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

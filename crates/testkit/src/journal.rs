//! What a client was told, in a file that outlives whatever is killed: a line an answer, written before the client goes
//! on. Whoever checks afterwards holds the services to it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An answer that a client got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was read, in microseconds since 1970.
    pub at: i64,
    /// Who asked.
    pub who: String,
    /// What was asked: a word of the program that keeps the journal.
    pub what: String,
    /// The answer's status.
    pub status: u16,
    /// The id that the answer named its request by.
    pub request: String,
    /// What was acknowledged or released: ids, never contents.
    pub told: Value,
}

/// The journal while it is written. Writers share it.
#[derive(Debug)]
pub struct Journal(Mutex<File>);

impl Journal {
    /// Opens a journal, to go on below what it holds.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path).map(|file| Self(Mutex::new(file)))
    }

    /// Writes an entry: one call, one line, in the system's hands when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}

/// Reads a journal. The last line may be torn: its writer was killed while it wrote, and told nobody.
///
/// # Errors
/// When the file cannot be read, or a line before the last is no entry.
pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let text = std::fs::read(path)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(io::Error::from)).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use serde_json::json;

    use super::*;

    const WRITER: &str = "CLOISTER_TEST_JOURNAL_WRITER";

    fn entry(number: u64) -> Entry {
        Entry {
            at: 1,
            who: "reader".into(),
            what: "read".into(),
            status: 200,
            request: "id".into(),
            told: json!({ "number": number }),
        }
    }

    /// Not a test of its own: the other one runs it as a process, to kill it.
    #[test]
    fn writes_until_it_is_killed() {
        let Some(path) = std::env::var_os(WRITER) else { return };
        let journal = Journal::open(Path::new(&path)).unwrap();
        for number in 0.. {
            journal.write(&entry(number)).unwrap();
            println!("told {number}");
        }
    }

    #[test]
    fn what_was_written_before_a_kill_is_read_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let told = folder.path().join("told");
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::writes_until_it_is_killed", "--nocapture"])
            .env(WRITER, &path)
            .stdout(File::create(&told).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let numbers = || {
            let text = std::fs::read_to_string(&told).unwrap();
            text.lines().filter_map(|line| line.split_once("told ")?.1.parse::<usize>().ok()).max()
        };
        let started = Instant::now();
        while numbers() < Some(200) && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let entries = read(&path).unwrap();
        // A number that was cut off while it was printed is smaller than it was.
        assert!(entries.len() > numbers().unwrap(), "{} entries of {:?}", entries.len(), numbers());
        for (number, found) in entries.iter().enumerate() {
            assert_eq!(*found, entry(number as u64));
        }
    }

    #[test]
    fn a_torn_end_is_left_out_and_a_torn_middle_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        Journal::open(&path).unwrap().write(&entry(0)).unwrap();
        Journal::open(&path).unwrap().write(&entry(1)).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"at\":1,").unwrap();
        assert_eq!(read(&path).unwrap(), [entry(0), entry(1)]);
        file.write_all(b"\n").unwrap();
        assert!(read(&path).is_err());
    }
}

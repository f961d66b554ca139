//! Passwords known from breaches (requirement AUTHN-7; NIST SP 800-63B, section 5.1.1.2).

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use sha1::{Digest, Sha1};

const HASH_TEXT: usize = 40;

/// A file of upper-case SHA-1 hashes in ascending order, one a line, each optionally followed by `:COUNT`: the form
/// in which breach corpora are published. Searched on disk, so its size does not matter.
#[derive(Debug, Clone)]
pub struct BreachList {
    path: PathBuf,
}

impl BreachList {
    /// Checks that the file can be read and begins as such a list does.
    ///
    /// # Errors
    /// When it cannot be read or does not begin with a hash.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut first = [0; HASH_TEXT];
        File::open(path)?.read_exact(&mut first)?;
        if !first.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the breach list does not begin with an upper-case SHA-1 hash",
            ));
        }
        Ok(Self { path: path.to_path_buf() })
    }

    /// Whether the password's hash is in the list. Reads about thirty lines: call it off the request threads.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn contains(&self, password: &str) -> io::Result<bool> {
        let wanted = hex::encode_upper(Sha1::digest(password.as_bytes()));
        let mut file = File::open(&self.path)?;
        let (mut low, mut high) = (0, file.metadata()?.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let Some((start, line)) = line_at_or_after(&mut file, middle)? else {
                high = middle;
                continue;
            };
            match line.as_str().cmp(wanted.as_str()) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = start + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }
}

/// The hash on the first line that starts at or after an offset, and where it starts.
fn line_at_or_after(file: &mut File, offset: u64) -> io::Result<Option<(u64, String)>> {
    const LONGEST_LINE: usize = HASH_TEXT + 24;
    let from = offset.saturating_sub(1);
    file.seek(SeekFrom::Start(from))?;
    let mut window = Vec::with_capacity(2 * LONGEST_LINE);
    file.take(2 * LONGEST_LINE as u64).read_to_end(&mut window)?;
    let start = if offset == 0 {
        0
    } else {
        match window.iter().position(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            None => return Ok(None),
        }
    };
    let Some(hash) = window.get(start..start + HASH_TEXT) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(hash).into_owned();
    Ok(Some((from + start as u64, text)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn list_of(passwords: &[String]) -> (tempfile::NamedTempFile, BreachList) {
        let mut hashes: Vec<_> =
            passwords.iter().map(|password| hex::encode_upper(Sha1::digest(password.as_bytes()))).collect();
        hashes.sort();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for (index, hash) in hashes.iter().enumerate() {
            writeln!(file, "{hash}:{}", index * 7919).unwrap();
        }
        let list = BreachList::open(file.path()).unwrap();
        (file, list)
    }

    #[test]
    fn every_listed_password_is_found_and_no_other() {
        for size in [1, 2, 3, 64, 1_000] {
            let passwords: Vec<_> = (0..size).map(|number| format!("leaked password {number}")).collect();
            let (_file, list) = list_of(&passwords);
            for password in &passwords {
                assert!(list.contains(password).unwrap(), "{password} of {size}");
            }
            for number in 0..50 {
                assert!(!list.contains(&format!("never leaked {number}")).unwrap());
            }
        }
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{}", "password\n".repeat(10)).unwrap();
        assert!(BreachList::open(file.path()).is_err());
    }
}

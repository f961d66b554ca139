//! The people of the demonstration who can sign in, kept in its data folder so that a restart can name them again.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

/// Everybody's password: it meets the policy, and whoever tries the demonstration has to type it.
pub(super) const PASSWORD: &str = "seven quiet herons over water";

/// Somebody who can sign in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Person {
    /// `patient`, `clinician` or `admin`.
    pub role: String,
    /// The name.
    pub name: String,
    /// The address to sign in with.
    pub email: String,
    /// The secret of the person's authenticator app, base32.
    pub totp_secret: String,
}

/// A seeded clinic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SeededClinic {
    /// The slug.
    pub slug: String,
    /// The clinic's name.
    pub name: String,
    /// The patients' origin.
    pub portal_origin: String,
    /// The staff's origin.
    pub console_origin: String,
    /// How many bundles were sent.
    pub bundles: usize,
    /// Who can sign in.
    pub people: Vec<Person>,
}

/// What the demonstration made when it was started first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seeded {
    /// The port it was seeded with: links and origins hold it.
    pub port: u16,
    /// The clinics.
    pub clinics: Vec<SeededClinic>,
    /// The operators' API token, good for an hour after seeding.
    pub operator_token: String,
}

impl Seeded {
    fn file(folder: &Path) -> std::path::PathBuf {
        folder.join("people.json")
    }

    /// Reads what an earlier start made; none when nothing was.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(Self::file(folder)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps it, readable by this user alone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        use std::{io::Write, os::unix::fs::OpenOptionsExt};
        let partial = folder.join("people.part");
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(partial, Self::file(folder))
    }
}

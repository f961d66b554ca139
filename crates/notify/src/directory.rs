//! A mailer that writes each mail to a file: the demonstration's outbox, which survives a restart.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use cloister_kernel::Environment;
use time::format_description::well_known::Rfc3339;

use crate::{Mail, MailError, Mailbox, Mailer};

/// Writes mails as JSON files into one folder and removes the oldest beyond a bound.
#[derive(Clone, Debug)]
pub struct MailDirectory {
    folder: PathBuf,
    capacity: usize,
    environment: Environment,
}

impl MailDirectory {
    /// Uses (and makes) the folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path, capacity: usize, environment: Environment) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_path_buf(), capacity, environment })
    }

    /// The kept mails with the time each was sent (RFC 3339), newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn newest_first(&self) -> std::io::Result<Vec<(String, Mailbox)>> {
        let mut mails = Vec::new();
        for path in self.files().await?.into_iter().rev() {
            let bytes = tokio::fs::read(&path).await?;
            if let Ok(mail) = serde_json::from_slice(&bytes) {
                mails.push(mail);
            }
        }
        Ok(mails)
    }

    async fn files(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut entries = tokio::fs::read_dir(&self.folder).await?;
        let mut files = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    async fn keep(&self, mail: &Mail) -> std::io::Result<()> {
        let sent_at = self.environment.now().format(&Rfc3339).map_err(std::io::Error::other)?;
        let bytes = serde_json::to_vec(&(sent_at, Mailbox::from(mail)))?;
        let name = self.environment.uuid();
        let partial = self.folder.join(format!("{name}.part"));
        tokio::fs::write(&partial, bytes).await?;
        tokio::fs::rename(&partial, self.folder.join(format!("{name}.json"))).await?;
        let files = self.files().await?;
        for old in files.iter().take(files.len().saturating_sub(self.capacity)) {
            tokio::fs::remove_file(old).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Mailer for MailDirectory {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.keep(mail).await.map_err(|error| MailError::Away(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cloister_kernel::{ManualClock, Pii, SeededRandomness};
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::{Locale, MessageContent};

    #[tokio::test]
    async fn mails_survive_a_restart_newest_first_and_the_oldest_goes_beyond_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(datetime!(2026-06-30 12:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SeededRandomness::new(3)));
        let outbox = MailDirectory::open(folder.path(), 2, environment.clone()).unwrap();
        for address in ["a@example.org", "b@example.org", "c@example.org"] {
            let mail = MessageContent::AccountLocked { clinic: "Lakeside".into(), minutes: 30 }
                .compose(&Pii::new(address.into()), Locale::En)
                .unwrap();
            outbox.send(&mail).await.unwrap();
            clock.advance(Duration::seconds(1));
        }
        let again = MailDirectory::open(folder.path(), 2, environment).unwrap();
        let kept: Vec<_> = again.newest_first().await.unwrap().into_iter().map(|(_, mail)| mail.to).collect();
        assert_eq!(kept, ["c@example.org", "b@example.org"]);
    }
}

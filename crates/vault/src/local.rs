//! The key service of the embedded size: a file with the wrapping keys.
//!
//! Whoever can read the file and the database can read everything, so it refuses to run in production unless it is
//! told to. The file is shared by the processes on the machine: it is read afresh at every call, and replaced as a
//! whole under a lock. A local key has one material for its life; what rotates here are the data keys.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use cloister_kernel::{Environment, Failure, FailureKind};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const FORMAT: u32 = 1;
/// Readable and writable by its owner only.
const MODE: u32 = 0o600;

/// Where the process runs, as far as a key file is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// One machine, two binaries, no services: a key file is the default.
    Embedded,
    /// Anything else. A key file is refused unless somebody accepted it in so many words.
    Production {
        /// Whether the settings accept keys in a file.
        accept_key_file: bool,
    },
}

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocalKeyError {
    /// The deployment is not the embedded one.
    #[error("keys in a file are for the embedded size only, unless the settings accept them")]
    NotEmbedded,
    /// Others than its owner may read or write the file.
    #[error("the key file must be readable and writable by its owner only (mode 0600)")]
    Permissions,
    /// The file is not a key file of this format.
    #[error("the key file is damaged or of an unknown format")]
    Malformed,
    /// The file could not be read or written.
    #[error("the key file cannot be read or written")]
    Io(#[from] io::Error),
}

impl Failure for LocalKeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotEmbedded => "keys.file_not_embedded",
            Self::Permissions => "keys.file_permissions",
            Self::Malformed => "keys.file_malformed",
            Self::Io(_) => "keys.file_unreadable",
        }
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Unavailable
    }
}

/// Keys in a file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalKeyService {
    path: PathBuf,
    environment: Environment,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    format: u32,
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: String,
    owner: String,
    secret: Secret,
    /// Seconds since 1970 at which the key is destroyed; until then it refuses every use.
    destroy_at: Option<i64>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct Secret(String);

impl LocalKeyService {
    /// Opens the key file, making an empty one on first use, and destroys keys whose waiting period is over.
    ///
    /// # Errors
    /// `NotEmbedded` in production without acceptance; `Permissions`, `Malformed` and `Io` for the file itself.
    pub fn open(
        path: impl Into<PathBuf>,
        deployment: Deployment,
        environment: Environment,
    ) -> Result<Self, LocalKeyError> {
        if deployment == (Deployment::Production { accept_key_file: false }) {
            return Err(LocalKeyError::NotEmbedded);
        }
        let service = Self { path: path.into(), environment };
        service.update(|_| ())?;
        tracing::warn!("data keys are wrapped by a key file: fit for one machine and for demonstration only");
        Ok(service)
    }

    fn read(&self) -> Result<KeyFile, LocalKeyError> {
        let mut file = File::open(&self.path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(LocalKeyError::Permissions);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
        file.read_to_end(&mut bytes)?;
        let keys: KeyFile = serde_json::from_slice(&bytes).map_err(|_| LocalKeyError::Malformed)?;
        if keys.format == FORMAT { Ok(keys) } else { Err(LocalKeyError::Malformed) }
    }

    /// Reads, changes and replaces the file while no other process does. Readers see the old or the new file whole.
    fn update<T>(&self, change: impl FnOnce(&mut KeyFile) -> T) -> Result<T, LocalKeyError> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(MODE)
            .open(self.path.with_added_extension("lock"))?;
        lock.lock()?;
        let mut keys = match self.read() {
            Err(LocalKeyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                KeyFile { format: FORMAT, keys: Vec::new() }
            }
            read => read?,
        };
        let now = self.environment.now().unix_timestamp();
        keys.keys.retain(|key| key.destroy_at.is_none_or(|at| now < at));
        let outcome = change(&mut keys);
        let bytes = Zeroizing::new(serde_json::to_vec(&keys).map_err(|_| LocalKeyError::Malformed)?);
        replace(&self.path, &bytes)?;
        Ok(outcome)
    }
}

/// Puts a new file with mode 0600 in the place of the old one, complete and on disk before it has the name.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_added_extension("new");
    // One that a kill left behind. What cannot be removed keeps the new one from being made.
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().create_new(true).write(true).mode(MODE).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(any(feature = "issuer", feature = "opener", feature = "platform-opener"))]
mod duties {
    use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

    use crate::{KeyServiceError, KmsKeyId, Outage, Refusal, data_key::KEY_LENGTH, software::WrappingKey};

    use super::*;

    impl LocalKeyService {
        fn wrapping_key(&self, kms_key: &KmsKeyId) -> Result<WrappingKey, KeyServiceError> {
            let keys = self.read().map_err(unusable)?;
            let key = self.find(&keys, kms_key)?;
            if key.destroy_at.is_some() {
                return Err(KeyServiceError::Refused(Refusal::InvalidState));
            }
            let mut wrapping = Zeroizing::new([0; KEY_LENGTH]);
            match BASE64.decode_slice(&key.secret.0, wrapping.as_mut_slice()) {
                Ok(KEY_LENGTH) => Ok(wrapping),
                _ => Err(unusable(LocalKeyError::Malformed)),
            }
        }

        fn find<'k>(&self, keys: &'k KeyFile, kms_key: &KmsKeyId) -> Result<&'k StoredKey, KeyServiceError> {
            let now = self.environment.now().unix_timestamp();
            keys.keys
                .iter()
                .find(|key| key.id == kms_key.as_str() && key.destroy_at.is_none_or(|at| now < at))
                .ok_or(KeyServiceError::Refused(Refusal::NotFound))
        }
    }

    fn unusable(error: LocalKeyError) -> KeyServiceError {
        tracing::error!(code = error.code(), error = ?error, "the key file is unusable");
        KeyServiceError::Unavailable(Outage::Away)
    }

    /// File work runs beside the request threads.
    async fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> Result<T, KeyServiceError> + Send + 'static,
    ) -> Result<T, KeyServiceError> {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or(Err(KeyServiceError::Unavailable(Outage::Away)))
    }

    #[cfg(feature = "issuer")]
    mod issuing {
        use async_trait::async_trait;

        use super::*;
        use crate::{KeyIssuer, KeyOwner, KeyState, KeyVersion, Purpose, WrappedKey, software};

        #[async_trait]
        impl KeyIssuer for LocalKeyService {
            async fn create_key(&self, owner: &KeyOwner) -> Result<KmsKeyId, KeyServiceError> {
                let (service, owner) = (self.clone(), owner.to_string());
                blocking(move || {
                    let id = format!("local:{}", service.environment.uuid());
                    let secret = Zeroizing::new(service.environment.bytes::<KEY_LENGTH>());
                    let secret = Secret(BASE64.encode(secret.as_slice()));
                    let key = StoredKey { id: id.clone(), owner, secret, destroy_at: None };
                    service.update(|keys| keys.keys.push(key)).map_err(unusable)?;
                    Ok(KmsKeyId::new(id))
                })
                .await
            }

            async fn find_keys(&self, owner: &KeyOwner) -> Result<Vec<KmsKeyId>, KeyServiceError> {
                let (service, owner) = (self.clone(), owner.to_string());
                blocking(move || {
                    let keys = service.read().map_err(unusable)?;
                    let live = keys.keys.iter().filter(|key| key.owner == owner && key.destroy_at.is_none());
                    Ok(live.map(|key| KmsKeyId::new(&key.id)).collect())
                })
                .await
            }

            async fn describe(&self, kms_key: &KmsKeyId) -> Result<KeyState, KeyServiceError> {
                let (service, kms_key) = (self.clone(), kms_key.clone());
                blocking(move || {
                    let keys = service.read().map_err(unusable)?;
                    let pending = service.find(&keys, &kms_key)?.destroy_at.is_some();
                    Ok(if pending { KeyState::PendingDeletion } else { KeyState::Enabled })
                })
                .await
            }

            async fn enable_rotation(&self, kms_key: &KmsKeyId) -> Result<(), KeyServiceError> {
                let (service, kms_key) = (self.clone(), kms_key.clone());
                blocking(move || service.wrapping_key(&kms_key).map(|_| ())).await
            }

            async fn schedule_deletion(&self, kms_key: &KmsKeyId, days: u8) -> Result<(), KeyServiceError> {
                if !(7..=30).contains(&days) {
                    return Err(KeyServiceError::Refused(Refusal::InvalidState));
                }
                let (service, kms_key) = (self.clone(), kms_key.clone());
                blocking(move || {
                    let at = service.environment.now() + time::Duration::days(days.into());
                    let schedule = |keys: &mut KeyFile| {
                        let key = keys.keys.iter_mut().find(|key| key.id == kms_key.as_str());
                        let key = key.ok_or(KeyServiceError::Refused(Refusal::NotFound))?;
                        if key.destroy_at.is_some() {
                            return Err(KeyServiceError::Refused(Refusal::InvalidState));
                        }
                        key.destroy_at = Some(at.unix_timestamp());
                        Ok(())
                    };
                    service.update(schedule).map_err(unusable)?
                })
                .await
            }

            async fn issue_data_key(
                &self,
                kms_key: &KmsKeyId,
                owner: &KeyOwner,
                purpose: Purpose,
                version: KeyVersion,
            ) -> Result<WrappedKey, KeyServiceError> {
                let (service, kms_key, owner) = (self.clone(), kms_key.clone(), *owner);
                blocking(move || {
                    let wrapping = service.wrapping_key(&kms_key)?;
                    software::issue(&wrapping, &service.environment, &kms_key, &owner, purpose, version)
                })
                .await
            }
        }
    }

    #[cfg(any(feature = "opener", feature = "platform-opener"))]
    mod opening {
        use async_trait::async_trait;

        use super::*;
        use crate::{DataKey, WrappedKey, software};

        impl LocalKeyService {
            async fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
                let (service, wrapped) = (self.clone(), wrapped.clone());
                blocking(move || software::open(&service.wrapping_key(&wrapped.kms_key)?, &wrapped)).await
            }
        }

        #[cfg(feature = "opener")]
        #[async_trait]
        impl crate::KeyOpener for LocalKeyService {
            async fn open_data_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
                self.unwrap_key(wrapped).await
            }
        }

        #[cfg(feature = "platform-opener")]
        #[async_trait]
        impl crate::platform_opener::private::Unwrap for LocalKeyService {
            async fn unwrap(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
                self.unwrap_key(wrapped).await
            }
        }

        #[cfg(feature = "platform-opener")]
        impl crate::PlatformKeyService for LocalKeyService {}
    }
}

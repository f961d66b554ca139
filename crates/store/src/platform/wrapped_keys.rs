//! Data keys as stored: wrapped, with whose they are, what for, and by which key of the key service.

use cloister_vault::{KeyOwner, KeyVersion, KmsKeyId, Purpose, WrappedKey};

use super::{PlatformStore, PlatformUnit};
use crate::{
    StoreError,
    database::Database,
    statement::{Row, microseconds},
};

const SELECT: &str = "SELECT purpose, version, kms_key, blob FROM wrapped_keys WHERE owner = $1";
const INSERT: &str = "INSERT INTO wrapped_keys (owner, purpose, version, kms_key, blob, created_at) \
                      VALUES ($1, $2, $3, $4, $5, $6)";

/// All versions of an owner's wrapped keys.
pub(crate) async fn read(database: &Database, owner: KeyOwner) -> Result<Vec<WrappedKey>, StoreError> {
    let rows = database.rows(SELECT, vec![owner.to_string().into()]).await?;
    rows.into_iter().map(|row| wrapped_key(owner, &Row::from(row))).collect()
}

fn wrapped_key(owner: KeyOwner, row: &Row) -> Result<WrappedKey, StoreError> {
    let purpose: Purpose = row.word("purpose")?;
    let version = u32::try_from(row.get::<i64>("version")?).map_err(|_| StoreError::Corrupt("version"))?;
    Ok(WrappedKey {
        owner,
        purpose,
        version: KeyVersion(version),
        kms_key: KmsKeyId::new(row.get::<String>("kms_key")?),
        blob: row.get("blob")?,
    })
}

fn values(key: &WrappedKey, now: i64) -> Vec<sea_orm::Value> {
    vec![
        key.owner.to_string().into(),
        key.purpose.as_str().into(),
        i64::from(key.version.0).into(),
        key.kms_key.as_str().into(),
        key.blob.clone().into(),
        now.into(),
    ]
}

impl PlatformStore {
    /// All versions of an owner's wrapped keys.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn wrapped_keys(&self, owner: KeyOwner) -> Result<Vec<WrappedKey>, StoreError> {
        read(&self.database, owner).await
    }

    /// Stores a wrapped key in a transaction of its own: the platform's own keys, before there is a key to write an
    /// event with.
    ///
    /// # Errors
    /// `Conflict` when this version exists already.
    pub async fn store_wrapped_key(&self, key: &WrappedKey) -> Result<(), StoreError> {
        self.database.execute(INSERT, values(key, microseconds(self.environment.now()))).await?;
        Ok(())
    }
}

impl PlatformUnit {
    /// All versions of an owner's wrapped keys, those written in this unit included.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn wrapped_keys(&mut self, owner: KeyOwner) -> Result<Vec<WrappedKey>, StoreError> {
        let rows = self.rows(SELECT, vec![owner.to_string().into()]).await?;
        rows.iter().map(|row| wrapped_key(owner, row)).collect()
    }

    /// Stores a wrapped key.
    ///
    /// # Errors
    /// `Conflict` when this version exists already.
    pub async fn store_wrapped_key(&mut self, key: &WrappedKey) -> Result<(), StoreError> {
        let values = values(key, self.now_microseconds());
        self.execute(INSERT, values).await?;
        Ok(())
    }
}

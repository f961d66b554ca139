//! Accounts as sign-in finds them, and as their owner sees them.

use cloister_access::{
    Permit, RevocationEpoch, RoleSet,
    action::{Delete, Read},
    resource::{Account as AccountResource, Session},
};
use cloister_kernel::{Audience, Pii, UserId};
use sea_orm::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{AttemptKey, Pending, StoreError, UnitOfWork, VisitUnit, statement::Row};

pub(crate) const EMAIL: &str = "users.email";
const COLUMNS: &str = "id, status, email_index, revocation_epoch, last_sign_in_at";

/// Which of a clinic's sites an account belongs to. A person who is both patient and staff has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// At the portal.
    Patient,
    /// At the console.
    Staff,
}

impl AccountKind {
    /// The kind that signs in at a site.
    pub const fn at(audience: Audience) -> Self {
        match audience {
            Audience::Portal => Self::Patient,
            Audience::Console => Self::Staff,
        }
    }

    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Staff => "staff",
        }
    }
}

/// An account of the site that was asked.
#[derive(Debug)]
pub struct Account {
    /// The account.
    pub id: UserId,
    /// Whether it may be used.
    pub is_active: bool,
    /// The epoch of its sessions.
    pub epoch: RevocationEpoch,
    /// When its owner last signed in.
    pub last_sign_in_at: Option<OffsetDateTime>,
    attempts: AttemptKey,
}

impl Account {
    /// What failed attempts on it are counted by: the same as for its address.
    pub const fn attempts(&self) -> &AttemptKey {
        &self.attempts
    }
}

/// An account as its owner sees it.
#[derive(Debug)]
pub struct Profile {
    /// The account.
    pub id: UserId,
    /// The name.
    pub display_name: Pii<String>,
    /// Portal or console.
    pub kind: AccountKind,
    /// The roles held now.
    pub roles: RoleSet,
    /// Whether it owns the clinic.
    pub is_owner: bool,
    /// The language chosen.
    pub locale: Option<String>,
}

impl VisitUnit<'_> {
    /// What failed attempts on an address are counted by at this site, whether an account has it or not.
    ///
    /// # Errors
    /// `Keys`.
    pub fn attempts_on(&self, email: &str) -> Result<AttemptKey, StoreError> {
        Ok(AttemptKey::account(self.visitor().audience(), self.core.blind_index(EMAIL, email)?))
    }

    /// The account of this site with this normalized address.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn account_by_email(&mut self, email: &str) -> Result<Option<Account>, StoreError> {
        let index = self.core.blind_index(EMAIL, email)?;
        self.find_account("email_index", index.into()).await
    }

    /// An account of this site by its id, for the later steps of a sign-in.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn account(&mut self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.find_account("id", user.uuid().into()).await
    }

    async fn find_account(&self, column: &'static str, value: Value) -> Result<Option<Account>, StoreError> {
        let audience = self.visitor().audience();
        let sql = format!("SELECT {COLUMNS} FROM users WHERE tenant_id = $1 AND kind = $2 AND {column} = $3");
        let kind = AccountKind::at(audience).as_str();
        let row = self.core.row(&sql, vec![kind.into(), value]).await?;
        row.map(|row| account(&row, audience)).transpose()
    }

    /// Writes down when somebody signed in.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn record_sign_in(&mut self, user: UserId) -> Result<(), StoreError> {
        let now = self.core.now_microseconds();
        let sql = "UPDATE users SET last_sign_in_at = $3 WHERE tenant_id = $1 AND id = $2";
        self.core.execute(sql, vec![user.uuid().into(), now.into()]).await?;
        Ok(())
    }
}

fn account(row: &Row, audience: Audience) -> Result<Account, StoreError> {
    Ok(Account {
        id: UserId::from_uuid(row.get("id")?),
        is_active: row.get::<String>("status")? == "active",
        epoch: RevocationEpoch(row.get("revocation_epoch")?),
        last_sign_in_at: row.moment_or_none("last_sign_in_at")?,
        attempts: AttemptKey::account(audience, row.get("email_index")?),
    })
}

impl UnitOfWork<'_> {
    /// The caller's own account.
    ///
    /// # Errors
    /// `NotFound` when no person is calling; `Unavailable`.
    pub async fn own_profile(
        &mut self,
        permit: Permit<Read, AccountResource>,
    ) -> Result<Pending<Profile>, StoreError> {
        let id: Uuid = self.row_of(&permit)?;
        let sql =
            "SELECT kind, display_name_sealed, is_owner, locale FROM users WHERE tenant_id = $1 AND id = $2";
        let row = self.core.row(sql, vec![id.into()]).await?.ok_or(StoreError::NotFound)?;
        let kind = match row.get::<String>("kind")?.as_str() {
            "patient" => AccountKind::Patient,
            "staff" => AccountKind::Staff,
            _ => return Err(StoreError::Corrupt("users.kind")),
        };
        let (roles, is_owner, locale) = (self.standing.roles, row.get("is_owner")?, row.get("locale")?);
        let name = row.sealed("display_name_sealed")?;
        Ok(self.core.pending("users", "display_name_sealed", id, name, move |bytes| {
            let name = String::from_utf8(bytes.to_vec())
                .map_err(|_| StoreError::Corrupt("users.display_name_sealed"))?;
            let id = UserId::from_uuid(id);
            Ok(Profile { id, display_name: Pii::new(name), kind, roles, is_owner, locale })
        }))
    }

    /// What failed attempts on the caller's own account are counted by; the same as at sign-in.
    ///
    /// # Errors
    /// `NotFound` when no person is calling; `Unavailable`.
    pub async fn attempts_on_own_account(&mut self) -> Result<AttemptKey, StoreError> {
        let (Some(user), Some(audience)) = (self.caller().user(), self.caller().audience()) else {
            return Err(StoreError::NotFound);
        };
        let sql = "SELECT email_index FROM users WHERE tenant_id = $1 AND id = $2";
        let row = self.core.row(sql, vec![user.uuid().into()]).await?.ok_or(StoreError::NotFound)?;
        Ok(AttemptKey::account(audience, row.get("email_index")?))
    }

    /// Begins a new revocation epoch of the caller's own account: every session made before it is dead, wherever it
    /// is still remembered. The epoch that holds from now on.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn revoke_own_sessions(
        &mut self,
        permit: Permit<Delete, Session>,
    ) -> Result<RevocationEpoch, StoreError> {
        self.check(&permit)?;
        let user = self.caller().user().ok_or(StoreError::NotFound)?;
        let now = self.core.now_microseconds();
        let sql = "UPDATE users SET revocation_epoch = revocation_epoch + 1, updated_at = $3 \
                   WHERE tenant_id = $1 AND id = $2 RETURNING revocation_epoch";
        let rows = self.core.returning(sql, vec![user.uuid().into(), now.into()]).await?;
        let row = rows.first().ok_or(StoreError::NotFound)?;
        Ok(RevocationEpoch(row.get("revocation_epoch")?))
    }
}

//! Credentials: password hashes, TOTP secrets and recovery codes. Sealed or as keyed digests, never readable.

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{SecretString, UserId};
use cloister_vault::Purpose;
use sea_orm::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{StoreError, UnitOfWork, VisitUnit, core::Core, statement::Row};

const TABLE: &str = "credentials";
const CODE: &str = "recovery_codes.code";

/// What an account can be proved by.
pub struct Credentials {
    /// The password's hash, as written.
    pub password_hash: Option<SecretString>,
    /// The confirmed TOTP secret.
    pub totp_secret: Option<Zeroizing<Vec<u8>>>,
}

/// The credentials of a new account.
pub struct NewCredentials<'c> {
    /// The password's hash.
    pub password_hash: &'c SecretString,
    /// The TOTP secret, confirmed by a code.
    pub totp_secret: &'c [u8],
    /// The step of that code, which is spent.
    pub totp_step: i64,
    /// Recovery codes in their canonical spelling.
    pub recovery_codes: &'c [SecretString],
}

/// A code is worth something for its own account only.
fn bound_code(user: UserId, code: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{user}:{code}"))
}

impl Core {
    async fn credentials(&self, user: UserId) -> Result<Option<Credentials>, StoreError> {
        let sql = "SELECT password_sealed, totp_sealed, totp_confirmed_at FROM credentials \
                   WHERE tenant_id = $1 AND user_id = $2";
        let row = self.row(sql, vec![user.uuid().into()]).await?;
        row.map(|row| self.open_credentials(user.uuid(), &row)).transpose()
    }

    fn open_credentials(&self, user: Uuid, row: &Row) -> Result<Credentials, StoreError> {
        let open = |column: &'static str| {
            let sealed = row.sealed_or_none(column)?;
            sealed.map(|sealed| self.open(TABLE, column, user, &sealed)).transpose()
        };
        let password_hash = open("password_sealed")?
            .map(|bytes| {
                let text = std::str::from_utf8(&bytes).map_err(|_| StoreError::Corrupt("password_sealed"))?;
                Ok::<_, StoreError>(SecretString::from(text))
            })
            .transpose()?;
        let confirmed = row.moment_or_none("totp_confirmed_at")?.is_some();
        let totp_secret = if confirmed { open("totp_sealed")? } else { None };
        Ok(Credentials { password_hash, totp_secret })
    }

    async fn spend_totp_step(&mut self, user: UserId, step: i64) -> Result<bool, StoreError> {
        let now = self.now_microseconds();
        let sql = "UPDATE credentials SET totp_last_step = $3, updated_at = $4 \
                   WHERE tenant_id = $1 AND user_id = $2 AND totp_last_step < $3";
        Ok(self.execute(sql, vec![user.uuid().into(), step.into(), now.into()]).await? == 1)
    }
}

impl VisitUnit<'_> {
    /// The credentials of an account.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn credentials(&mut self, user: UserId) -> Result<Option<Credentials>, StoreError> {
        self.core.credentials(user).await
    }

    /// Spends a TOTP step and all before it. False when it was spent already: of many at once one gets it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn spend_totp_step(&mut self, user: UserId, step: i64) -> Result<bool, StoreError> {
        self.core.spend_totp_step(user, step).await
    }

    /// Spends a recovery code in its canonical spelling. False when the account has no such code left.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn spend_recovery_code(&mut self, user: UserId, code: &str) -> Result<bool, StoreError> {
        let index = self.core.blind_index(CODE, &bound_code(user, code))?;
        let now = self.core.now_microseconds();
        let sql = "UPDATE recovery_codes SET used_at = $4 \
                   WHERE tenant_id = $1 AND user_id = $2 AND code_index = $3 AND used_at IS NULL";
        Ok(self.core.execute(sql, vec![user.uuid().into(), index.into(), now.into()]).await? == 1)
    }

    /// Gives a new account its credentials, which leaves an event for each.
    ///
    /// # Errors
    /// `Conflict` when it has some already; `Keys`, `Unavailable`.
    pub async fn set_credentials(
        &mut self,
        user: UserId,
        credentials: &NewCredentials<'_>,
    ) -> Result<(), StoreError> {
        use cloister_kernel::ExposeSecret;
        let row = user.uuid();
        let seal = |column, bytes: &[u8]| self.core.seal(Purpose::Credentials, TABLE, column, row, bytes);
        let now = self.core.now_microseconds();
        let values: Vec<Value> = vec![
            row.into(),
            seal("password_sealed", credentials.password_hash.expose_secret().as_bytes())?.into(),
            seal("totp_sealed", credentials.totp_secret)?.into(),
            credentials.totp_step.into(),
            now.into(),
        ];
        let sql = "INSERT INTO credentials (tenant_id, user_id, password_sealed, password_changed_at, totp_sealed, \
                   totp_confirmed_at, totp_last_step, updated_at) VALUES ($1, $2, $3, $6, $4, $6, $5, $6)";
        self.core.execute(sql, values).await?;
        for code in credentials.recovery_codes {
            let id = self.core.environment().uuid();
            let index = self.core.blind_index(CODE, &bound_code(user, code.expose_secret()))?;
            let sql = "INSERT INTO recovery_codes (tenant_id, id, user_id, code_index, created_at) \
                       VALUES ($1, $2, $3, $4, $5)";
            self.core.execute(sql, vec![id.into(), row.into(), index.into(), now.into()]).await?;
        }
        for action in [ActionCode::PasswordSet, ActionCode::TotpEnrolled, ActionCode::RecoveryCodesIssued] {
            self.note(EventDraft::success(action).on("account", Some(row)));
        }
        Ok(())
    }
}

impl UnitOfWork<'_> {
    /// The caller's own credentials, for a fresh proof.
    ///
    /// # Errors
    /// `NotFound` when no person is calling; `Keys`, `Unavailable`.
    pub async fn own_credentials(&mut self) -> Result<Option<Credentials>, StoreError> {
        let user = self.caller().user().ok_or(StoreError::NotFound)?;
        self.core.credentials(user).await
    }

    /// As [`VisitUnit::spend_totp_step`], of the caller's own account.
    ///
    /// # Errors
    /// `NotFound` when no person is calling; `Unavailable`.
    pub async fn spend_own_totp_step(&mut self, step: i64) -> Result<bool, StoreError> {
        let user = self.caller().user().ok_or(StoreError::NotFound)?;
        self.core.spend_totp_step(user, step).await
    }
}

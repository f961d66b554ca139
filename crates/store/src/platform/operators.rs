//! Operators and their tokens.

use cloister_kernel::{OperatorId, Pii};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{PlatformStore, PlatformUnit};
use crate::{
    StoreError,
    statement::{Row, microseconds},
};

/// A person who runs the platform.
#[derive(Debug, Clone)]
pub struct OperatorRow {
    /// The operator's id.
    pub id: OperatorId,
    /// The email, normalised.
    pub email: Pii<String>,
    /// The name.
    pub name: Pii<String>,
    /// Whether the operator may act.
    pub active: bool,
    /// Who added the operator; none for one made on the machine itself.
    pub created_by: Option<OperatorId>,
    /// When.
    pub created_at: OffsetDateTime,
}

/// A token, without the token itself.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// The token's id, which is no secret.
    pub id: Uuid,
    /// Whose it is.
    pub operator: OperatorId,
    /// What it may be used for, space-separated.
    pub scopes: String,
    /// When it was issued.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}

/// What is known of a token that was shown.
#[derive(Debug, Clone)]
pub struct ShownToken {
    /// The token.
    pub token: TokenRow,
    /// Whether its operator may act.
    pub operator_active: bool,
}

const EMAIL_INDEX: &str = "operators.email";
const OPERATOR: &str = "id, email_sealed, name_sealed, status, created_by, created_at";
const TOKEN: &str = "t.id, t.operator_id, t.scopes, t.created_at, t.expires_at, t.revoked_at";

fn token(row: &Row) -> Result<TokenRow, StoreError> {
    Ok(TokenRow {
        id: row.get("id")?,
        operator: OperatorId::from_uuid(row.get("operator_id")?),
        scopes: row.get("scopes")?,
        created_at: row.moment("created_at")?,
        expires_at: row.moment("expires_at")?,
        revoked_at: row.moment_or_none("revoked_at")?,
    })
}

impl PlatformStore {
    /// The token with this hash and whether its operator may act, in one round trip.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find_token(&self, hash: &[u8; 32]) -> Result<Option<ShownToken>, StoreError> {
        let sql = format!(
            "SELECT {TOKEN}, o.status FROM operator_tokens t JOIN operators o ON o.id = t.operator_id \
             WHERE t.token_hash = $1"
        );
        let Some(row) = self.row(&sql, vec![hash.to_vec().into()]).await? else { return Ok(None) };
        let operator_active = row.get::<String>("status")? == "active";
        Ok(Some(ShownToken { token: token(&row)?, operator_active }))
    }
}

impl PlatformUnit {
    /// Adds an operator; name and email are sealed.
    ///
    /// # Errors
    /// `Conflict` when the email is another operator's.
    pub async fn insert_operator(&mut self, operator: &OperatorRow) -> Result<(), StoreError> {
        let id = operator.id.uuid();
        let email = self.seal("operators", "email_sealed", id, operator.email.expose().as_bytes())?;
        let name = self.seal("operators", "name_sealed", id, operator.name.expose().as_bytes())?;
        let index = self.blind_index(EMAIL_INDEX, operator.email.expose())?;
        self.execute(
            "INSERT INTO operators (id, email_sealed, email_index, name_sealed, status, created_by, created_at, \
             updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
            vec![
                id.into(),
                email.into(),
                index.into(),
                name.into(),
                if operator.active { "active" } else { "disabled" }.into(),
                operator.created_by.map(OperatorId::uuid).into(),
                microseconds(operator.created_at).into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// The operator with this normalised email.
    ///
    /// # Errors
    /// `Keys` when the platform's key does not open; `Unavailable`.
    pub async fn operator_by_email(
        &mut self,
        email: &Pii<String>,
    ) -> Result<Option<OperatorRow>, StoreError> {
        let index = self.blind_index(EMAIL_INDEX, email.expose())?;
        let sql = format!("SELECT {OPERATOR} FROM operators WHERE email_index = $1");
        let row = self.row(&sql, vec![index.into()]).await?;
        row.map(|row| self.operator(&row)).transpose()
    }

    /// Every operator, at most 1,000, in the order of their ids.
    ///
    /// # Errors
    /// `Keys` when the platform's key does not open; `Unavailable`.
    pub async fn operators(&mut self) -> Result<Vec<OperatorRow>, StoreError> {
        let sql = format!("SELECT {OPERATOR} FROM operators ORDER BY id LIMIT 1000");
        let rows = self.rows(&sql, vec![]).await?;
        rows.iter().map(|row| self.operator(row)).collect()
    }

    /// Stops an operator and revokes all his tokens. Says whether there is such an operator who may act.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn disable_operator(&mut self, id: OperatorId) -> Result<bool, StoreError> {
        let now = self.now_microseconds();
        let sql = "UPDATE operator_tokens SET revoked_at = $2 WHERE operator_id = $1 AND revoked_at IS NULL";
        self.execute(sql, vec![id.uuid().into(), now.into()]).await?;
        let sql =
            "UPDATE operators SET status = 'disabled', updated_at = $2 WHERE id = $1 AND status = 'active'";
        Ok(self.execute(sql, vec![id.uuid().into(), now.into()]).await? == 1)
    }

    /// Adds a token by its hash.
    ///
    /// # Errors
    /// `Conflict` when there is no such operator.
    pub async fn insert_token(&mut self, row: &TokenRow, hash: &[u8; 32]) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO operator_tokens (id, operator_id, token_hash, scopes, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            vec![
                row.id.into(),
                row.operator.uuid().into(),
                hash.to_vec().into(),
                row.scopes.clone().into(),
                microseconds(row.created_at).into(),
                microseconds(row.expires_at).into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// An operator's tokens, or everybody's, the newest first, at most 200.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tokens(&mut self, operator: Option<OperatorId>) -> Result<Vec<TokenRow>, StoreError> {
        let (condition, values) = match operator {
            Some(operator) => ("WHERE t.operator_id = $1", vec![operator.uuid().into()]),
            None => ("", vec![]),
        };
        let sql = format!("SELECT {TOKEN} FROM operator_tokens t {condition} ORDER BY t.id DESC LIMIT 200");
        self.rows(&sql, values).await?.iter().map(token).collect()
    }

    /// Revokes a token, of one operator or of any. Says whether there was one that was not revoked yet.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn revoke_token(&mut self, id: Uuid, operator: Option<OperatorId>) -> Result<bool, StoreError> {
        let now = self.now_microseconds();
        let sql = "UPDATE operator_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        let touched = match operator {
            Some(operator) => {
                let sql = format!("{sql} AND operator_id = $3");
                self.execute(&sql, vec![id.into(), now.into(), operator.uuid().into()]).await?
            }
            None => self.execute(sql, vec![id.into(), now.into()]).await?,
        };
        Ok(touched == 1)
    }

    fn operator(&self, row: &Row) -> Result<OperatorRow, StoreError> {
        let id: Uuid = row.get("id")?;
        let open = |column: &'static str| -> Result<Pii<String>, StoreError> {
            let opened = self.open("operators", column, id, &row.sealed(column)?)?;
            let text = std::str::from_utf8(&opened).map_err(|_| StoreError::Corrupt(column))?;
            Ok(Pii::new(text.to_owned()))
        };
        Ok(OperatorRow {
            id: OperatorId::from_uuid(id),
            email: open("email_sealed")?,
            name: open("name_sealed")?,
            active: row.get::<String>("status")? == "active",
            created_by: row.get::<Option<Uuid>>("created_by")?.map(OperatorId::from_uuid),
            created_at: row.moment("created_at")?,
        })
    }
}

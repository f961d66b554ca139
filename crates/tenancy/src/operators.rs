//! Operators and the tokens they act with. Made by commands on the machine itself; a token can neither make a token
//! nor an operator.

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{OperatorId, Pii};
use cloister_store::{OperatorRow, StoreError, TokenRow};
use uuid::Uuid;

use crate::{
    TenancyError,
    call::{Author, CallFacts, OperatorCall},
    platform::Platform,
    scope::Scopes,
    text::{self, Email, MAX_NAME},
    token::{self, OperatorToken},
};

/// A token at the moment it is issued: the only time its text is known.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token, to be shown once.
    pub token: OperatorToken,
    /// What is stored of it.
    pub row: TokenRow,
}

/// What a token is to be.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The operator's email.
    pub operator: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Its life in seconds; none for an hour.
    pub life: Option<u64>,
}

impl Platform {
    /// Adds an operator, by a command on the machine.
    ///
    /// # Errors
    /// `Invalid`; `OperatorExists`.
    pub async fn create_operator(
        &self,
        facts: &CallFacts,
        name: &str,
        email: &str,
    ) -> Result<OperatorRow, TenancyError> {
        let author = Author::CommandLine(facts);
        self.recorded(author, ActionCode::OperatorCreated, None, async {
            let (name, email) = match (text::line("name", name, MAX_NAME), Email::parse("email", email)) {
                (Ok(name), Ok(email)) => (name, email),
                (name, email) => {
                    return Err(TenancyError::Invalid(
                        [name.err(), email.err()].into_iter().flatten().collect(),
                    ));
                }
            };
            let row = OperatorRow {
                id: self.environment.id(),
                email: email.address().clone(),
                name: Pii::new(name),
                active: true,
                created_by: None,
                created_at: self.environment.now(),
            };
            let mut unit = self.begin(author).await?;
            unit.insert_operator(&row).await.map_err(|error| match error {
                StoreError::Conflict => TenancyError::OperatorExists,
                error => error.into(),
            })?;
            unit.note(EventDraft::success(ActionCode::OperatorCreated).on("operator", Some(row.id.uuid())));
            unit.commit().await?;
            Ok(row)
        })
        .await
    }

    /// Lists the operators, by a command on the machine.
    ///
    /// # Errors
    /// When the database or the platform's key is away.
    pub async fn list_operators(&self, facts: &CallFacts) -> Result<Vec<OperatorRow>, TenancyError> {
        let author = Author::CommandLine(facts);
        self.recorded(author, ActionCode::OperatorListed, None, async {
            let mut unit = self.begin(author).await?;
            let operators = unit.operators().await?;
            unit.note(EventDraft::success(ActionCode::OperatorListed).on("operator", None));
            unit.commit().await?;
            Ok(operators)
        })
        .await
    }

    /// Stops an operator and revokes all his tokens, by a command on the machine.
    ///
    /// # Errors
    /// `OperatorNotFound`.
    pub async fn disable_operator(&self, facts: &CallFacts, email: &str) -> Result<(), TenancyError> {
        let author = Author::CommandLine(facts);
        self.recorded(author, ActionCode::OperatorDisabled, None, async {
            let id = self.operator_id(author, email).await?;
            let mut unit = self.begin(author).await?;
            if !unit.disable_operator(id).await? {
                return Err(TenancyError::OperatorNotFound);
            }
            unit.note(EventDraft::success(ActionCode::OperatorDisabled).on("operator", Some(id.uuid())));
            Ok(unit.commit().await?)
        })
        .await
    }

    /// Issues a token to a named operator, by a command on the machine.
    ///
    /// # Errors
    /// `Invalid`; `OperatorNotFound`, also for one who is stopped.
    pub async fn issue_token(
        &self,
        facts: &CallFacts,
        request: TokenRequest,
    ) -> Result<IssuedToken, TenancyError> {
        let author = Author::CommandLine(facts);
        self.recorded(author, ActionCode::OperatorToken, None, async {
            let scopes = Scopes::parse(request.scopes.iter().map(String::as_str));
            let (scopes, life) = match (scopes, token::life(request.life)) {
                (Ok(scopes), Ok(life)) => (scopes, life),
                (scopes, life) => {
                    let mut errors = scopes.err().unwrap_or_default();
                    errors.extend(life.err());
                    return Err(TenancyError::Invalid(errors));
                }
            };
            let operator = self.operator_id(author, &request.operator).await?;
            let token = OperatorToken::draw(&self.environment);
            let now = self.environment.now();
            let row = TokenRow {
                id: self.environment.uuid(),
                operator,
                scopes: scopes.to_string(),
                created_at: now,
                expires_at: now + life,
                revoked_at: None,
            };
            let mut unit = self.begin(author).await?;
            unit.insert_token(&row, &token.hash().0).await?;
            unit.note(EventDraft::success(ActionCode::OperatorToken).on("operator_token", Some(row.id)));
            unit.commit().await?;
            Ok(IssuedToken { token, row })
        })
        .await
    }

    /// Lists tokens, everybody's or one operator's, by a command on the machine.
    ///
    /// # Errors
    /// `OperatorNotFound`.
    pub async fn list_tokens(
        &self,
        facts: &CallFacts,
        operator: Option<&str>,
    ) -> Result<Vec<TokenRow>, TenancyError> {
        let author = Author::CommandLine(facts);
        self.recorded(author, ActionCode::OperatorTokenListed, None, async {
            let operator = match operator {
                Some(email) => Some(self.operator_id(author, email).await?),
                None => None,
            };
            self.tokens(author, operator).await
        })
        .await
    }

    /// Revokes any token, by a command on the machine.
    ///
    /// # Errors
    /// `TokenNotFound`.
    pub async fn revoke_token(&self, facts: &CallFacts, id: Uuid) -> Result<(), TenancyError> {
        self.revoke(Author::CommandLine(facts), id, None).await
    }

    /// Lists the caller's own tokens. Every token may do this.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_own_tokens(&self, call: &OperatorCall) -> Result<Vec<TokenRow>, TenancyError> {
        let author = Author::Operator(call);
        self.recorded(author, ActionCode::OperatorTokenListed, None, self.tokens(author, Some(call.operator)))
            .await
    }

    /// Revokes one of the caller's own tokens, for example the one that was shown. Every token may do this.
    ///
    /// # Errors
    /// `TokenNotFound`, also for another operator's token.
    pub async fn revoke_own_token(&self, call: &OperatorCall, id: Uuid) -> Result<(), TenancyError> {
        self.revoke(Author::Operator(call), id, Some(call.operator)).await
    }

    async fn tokens(
        &self,
        author: Author<'_>,
        operator: Option<OperatorId>,
    ) -> Result<Vec<TokenRow>, TenancyError> {
        let mut unit = self.begin(author).await?;
        let tokens = unit.tokens(operator).await?;
        unit.note(EventDraft::success(ActionCode::OperatorTokenListed).on("operator_token", None));
        unit.commit().await?;
        Ok(tokens)
    }

    async fn revoke(
        &self,
        author: Author<'_>,
        id: Uuid,
        operator: Option<OperatorId>,
    ) -> Result<(), TenancyError> {
        let (action, kind) = (ActionCode::OperatorTokenRevoked, "operator_token");
        self.recorded(author, action, Some((kind, id)), async {
            let mut unit = self.begin(author).await?;
            if !unit.revoke_token(id, operator).await? {
                return Err(TenancyError::TokenNotFound);
            }
            unit.note(EventDraft::success(action).on(kind, Some(id)));
            Ok(unit.commit().await?)
        })
        .await
    }

    async fn operator_id(&self, author: Author<'_>, email: &str) -> Result<OperatorId, TenancyError> {
        let email = Email::parse("operator", email).map_err(|error| TenancyError::Invalid(vec![error]))?;
        let mut unit = self.begin(author).await?;
        let found = unit.operator_by_email(email.address()).await?;
        found
            .filter(|operator| operator.active)
            .map(|operator| operator.id)
            .ok_or(TenancyError::OperatorNotFound)
    }
}

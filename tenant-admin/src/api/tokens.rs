//! The caller's own tokens. They are issued on the host and nowhere else.

use cloister_edge::Problem;
use poem_openapi::{ApiResponse, OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{guard::Operator, problem, schema::TokenList};

pub(crate) struct Tokens;

#[derive(ApiResponse)]
pub(crate) enum Revoked {
    /// The token is revoked.
    #[oai(status = 204)]
    Revoked,
}

#[OpenApi]
impl Tokens {
    /// Lists the caller's tokens, the newest first. Any token may be used.
    #[oai(path = "/v1/tokens", method = "get", operation_id = "list_own_tokens")]
    async fn list(&self, operator: Operator) -> Result<Json<TokenList>, Problem> {
        let (call, platform) = operator.enter();
        let rows = platform.list_own_tokens(call).await.map_err(problem)?;
        Ok(Json(TokenList::of(rows, Some(call.token()))))
    }

    /// Revokes one of the caller's tokens, such as the one in use. Any token may be used.
    #[oai(path = "/v1/tokens/:token_id", method = "delete", operation_id = "revoke_own_token")]
    async fn revoke(
        &self,
        operator: Operator,
        /// The token's id.
        token_id: Path<Uuid>,
    ) -> Result<Revoked, Problem> {
        let (call, platform) = operator.enter();
        platform.revoke_own_token(call, token_id.0).await.map_err(problem)?;
        Ok(Revoked::Revoked)
    }
}

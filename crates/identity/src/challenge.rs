//! What a browser works on before it may open a sign-in from an address that opens very many (API-1).

use cloister_access::Visitor;

use crate::{Identity, IdentityError};

/// How long a challenge is the current one, in seconds. The one before it counts as well.
const PERIOD: i64 = 60;

impl Identity {
    /// The challenges that count now, the current one first.
    ///
    /// # Errors
    /// The store's: the clinic's keys cannot be opened.
    pub async fn challenges(&self, visitor: &Visitor) -> Result<[String; 2], IdentityError> {
        let period = visitor.request().at.unix_timestamp().div_euclid(PERIOD);
        let of = |period| self.store.challenge(visitor.tenant(), period);
        Ok([of(period).await?, of(period - 1).await?])
    }
}

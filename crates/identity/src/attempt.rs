//! Counting attempts on an account and from a source together.

use std::net::IpAddr;

use cloister_access::RequestFacts;
use cloister_store::{Admission, AttemptKey, StoreError, VisitUnit};
use time::OffsetDateTime;

use crate::{Identity, IdentityError, IdentitySettings};

/// One attempt, counted.
pub(crate) struct Attempt {
    account: Option<AttemptKey>,
    source: AttemptKey,
    locked_until: Option<OffsetDateTime>,
    counted: Counted,
}

#[derive(Clone, Copy)]
struct Counted {
    account: bool,
    source: bool,
}

impl Attempt {
    /// Counts an attempt before it is judged: always the account first, then the source.
    pub(crate) async fn begin(
        unit: &mut VisitUnit<'_>,
        settings: &IdentitySettings,
        account: Option<AttemptKey>,
    ) -> Result<Self, StoreError> {
        let source = unit.attempts_from(&network_of(unit.visitor().request()))?;
        let on_account = match &account {
            Some(account) => unit.begin_attempt(account, settings.account).await?,
            None => Admission::Admitted,
        };
        let from_source = unit.begin_attempt(&source, settings.source).await?;
        let locked_until = [on_account, from_source].into_iter().filter_map(until).max();
        let counted = Counted {
            account: account.is_some() && until(on_account).is_none(),
            source: until(from_source).is_none(),
        };
        Ok(Self { account, source, locked_until, counted })
    }

    /// The error to answer with when it may not be judged.
    pub(crate) fn locked(&self, now: OffsetDateTime) -> Option<IdentityError> {
        let until = self.locked_until?;
        let seconds = (until - now).whole_seconds().max(1);
        Some(IdentityError::SignInLocked { retry_after: u64::try_from(seconds).unwrap_or(1) })
    }

    /// It was right as far as it went, or was not judged.
    pub(crate) async fn give_back(&self, unit: &mut VisitUnit<'_>) -> Result<(), StoreError> {
        if let (Some(account), true) = (&self.account, self.counted.account) {
            unit.give_back_attempt(account).await?;
        }
        if self.counted.source {
            unit.give_back_attempt(&self.source).await?;
        }
        Ok(())
    }

    /// It was wrong.
    pub(crate) async fn fail(
        &self,
        unit: &mut VisitUnit<'_>,
        settings: &IdentitySettings,
    ) -> Result<(), StoreError> {
        if let Some(account) = &self.account {
            unit.fail_attempt(account, settings.account).await?;
        }
        unit.fail_attempt(&self.source, settings.source).await
    }

    /// The person proved to be the one, wholly.
    pub(crate) async fn succeed(&self, unit: &mut VisitUnit<'_>) -> Result<(), StoreError> {
        self.give_back(unit).await?;
        match &self.account {
            Some(account) => unit.clear_attempts(account).await,
            None => Ok(()),
        }
    }
}

impl Identity {
    pub(crate) fn settings(&self) -> &IdentitySettings {
        &self.settings
    }
}

const fn until(admission: Admission) -> Option<OffsetDateTime> {
    match admission {
        Admission::Admitted => None,
        Admission::Locked(until) => Some(until),
    }
}

/// One customer's network: an IPv4 address, or an IPv6 /64.
fn network_of(request: &RequestFacts) -> String {
    match request.source.as_ref().map(|source| source.expose().to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => hex::encode(&address.octets()[..8]),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use cloister_kernel::Pii;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn network(source: Option<&str>) -> String {
        network_of(&RequestFacts {
            request: cloister_kernel::RequestId::from_uuid(Uuid::nil()),
            source: source.map(|address| Pii::new(address.parse().unwrap())),
            user_agent: None,
            at: datetime!(2026-11-23 09:00:00 UTC),
        })
    }

    #[test]
    fn a_customer_is_counted_as_one_however_many_addresses_there_are() {
        assert_eq!(network(Some("2001:db8:1:2::1")), network(Some("2001:db8:1:2:ffff::9")));
        assert_ne!(network(Some("2001:db8:1:2::1")), network(Some("2001:db8:1:3::1")));
        assert_eq!(network(Some("::ffff:203.0.113.7")), network(Some("203.0.113.7")));
        assert_ne!(network(Some("203.0.113.7")), network(Some("203.0.113.8")));
        assert_ne!(network(None), network(Some("203.0.113.7")));
    }
}

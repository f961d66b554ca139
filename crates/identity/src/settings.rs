//! What may be set about identity. Nothing can be set weaker than the floor.

use cloister_ephemeral::SessionLimits;
use cloister_kernel::Audience;
use cloister_store::AttemptLimit;
use time::Duration;

use crate::{BreachList, PasswordPolicy};

/// How strict identity is.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// Rules for new passwords.
    pub passwords: PasswordPolicy,
    /// Passwords known from breaches, beside those that the program knows itself.
    pub breached: Option<BreachList>,
    /// Failures on one account.
    pub account: AttemptLimit,
    /// Failures from one source: many people may share one.
    pub source: AttemptLimit,
    /// How long patients' sessions live; longer than the floor has no effect.
    pub portal_sessions: SessionLimits,
    /// How long staff's sessions live; longer than the floor has no effect.
    pub console_sessions: SessionLimits,
    /// How long a fresh factor counts (requirement SESS-6).
    pub step_up: Duration,
}

impl Default for IdentitySettings {
    /// The operators' floor: five failures lock an account for thirty minutes.
    fn default() -> Self {
        let portal_sessions = SessionLimits::default();
        Self {
            passwords: PasswordPolicy::default(),
            breached: None,
            account: AttemptLimit { failures: 5, within: Duration::minutes(30), lock: Duration::minutes(30) },
            source: AttemptLimit {
                failures: 100,
                within: Duration::minutes(30),
                lock: Duration::minutes(10),
            },
            portal_sessions,
            console_sessions: SessionLimits { idle: Duration::minutes(10), ..portal_sessions },
            step_up: Duration::minutes(5),
        }
    }
}

impl IdentitySettings {
    /// The stricter of the floor and what is set.
    pub(crate) fn session_limits(&self, audience: Audience) -> SessionLimits {
        let floor = Self::default();
        match audience {
            Audience::Portal => floor.portal_sessions.tightened(self.portal_sessions),
            Audience::Console => floor.console_sessions.tightened(self.console_sessions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_can_be_made_shorter_than_the_floor_and_never_longer() {
        let long = SessionLimits { idle: Duration::hours(1), absolute: Duration::hours(99) };
        let short = SessionLimits { idle: Duration::minutes(2), absolute: Duration::hours(1) };
        let set = |limits| IdentitySettings {
            portal_sessions: limits,
            console_sessions: limits,
            ..IdentitySettings::default()
        };
        let portal = set(long).session_limits(Audience::Portal);
        assert_eq!((portal.idle, portal.absolute), (Duration::minutes(15), Duration::hours(8)));
        assert_eq!(set(long).session_limits(Audience::Console).idle, Duration::minutes(10));
        assert_eq!(set(short).session_limits(Audience::Portal), short);
        assert_eq!(set(short).session_limits(Audience::Console), short);
    }
}

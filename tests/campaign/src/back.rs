//! Whether everything works again once the cause is gone.

use std::time::{Duration, Instant};

use crate::{
    asking::{Pulse, Shared},
    rules::Rule,
};

/// What must work again, at each replica: one of each row. Whoever lost the session with Redis signs in first, and has
/// new codes only every thirty seconds: then the step before the code counts, which asks every dependency too.
const MUST_WORK: [&[&str]; 2] = [&["read", "list", "record", "password"], &["ingest", "ingest bundle"]];

/// The way back since a moment.
pub(crate) struct Return {
    since: Instant,
    within: Duration,
    late: bool,
}

impl Return {
    /// A way back that may take so long.
    pub(crate) fn within(within: Duration, since: Instant) -> Self {
        Self { since, within, late: false }
    }

    /// Whether everything works again. Being late is reported once.
    pub(crate) fn is_done(&mut self, shared: &Shared) -> bool {
        let missing = self.missing(&shared.pulse);
        if self.since.elapsed() > self.within && !missing.is_empty() && !self.late {
            self.late = true;
            shared.violations.report(Rule::Back, format!("still missing: {}", missing.join(", ")));
        }
        missing.is_empty()
    }

    fn missing(&self, pulse: &Pulse) -> Vec<String> {
        let works = |any: &[&'static str], replica| {
            any.iter().any(|what| pulse.beats_since(replica, what, self.since))
        };
        (0..2)
            .flat_map(|replica| MUST_WORK.map(|what| (what, replica)))
            .filter(|(any, replica)| !works(any, *replica))
            .map(|(any, replica)| format!("{} at replica {replica}", any[0]))
            .collect()
    }
}

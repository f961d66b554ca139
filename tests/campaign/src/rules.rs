//! The rules that a campaign holds the programs to, and what broke them.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// What was acknowledged is stored.
    Stored,
    /// What was released, refused or changed has its event.
    Audited,
    /// A session that ended has the event of its end, whatever its client was told.
    EndNoted,
    /// A session whose end was acknowledged stays ended.
    StaysEnded,
    /// A session lasts while nothing ends it.
    Kept,
    /// No transaction is left open, and none begins inside another.
    NoOpenTransaction,
    /// An answer belongs to the one who asked.
    NotCrossed,
    /// While something is broken, answers say so and connections end: no 500, nothing that hangs.
    Clear,
    /// Soon after the cause is gone, everything works.
    Back,
    /// No program ends by itself.
    StaysUp,
    /// A message whose sending was acknowledged arrives.
    Delivered,
}

impl Rule {
    pub(crate) const ALL: [Self; 11] = [
        Self::Stored,
        Self::Audited,
        Self::EndNoted,
        Self::StaysEnded,
        Self::Kept,
        Self::NoOpenTransaction,
        Self::NotCrossed,
        Self::Clear,
        Self::Back,
        Self::StaysUp,
        Self::Delivered,
    ];

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Stored => "acknowledged implies stored",
            Self::Audited => "released, refused or changed implies audited",
            Self::EndNoted => "a session that ended has the event of it",
            Self::StaysEnded => "an ended session stays ended",
            Self::Kept => "a session lasts while nothing ends it",
            Self::NoOpenTransaction => "no open transaction left",
            Self::NotCrossed => "no crossed answer",
            Self::Clear => "closed and clear while broken",
            Self::Back => "back in time",
            Self::StaysUp => "no program ends by itself",
            Self::Delivered => "acknowledged messages arrive",
        }
    }
}

/// A rule that did not hold.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) round: u64,
    pub(crate) what: String,
}

/// All violations so far; everybody reports to it.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    found: Mutex<Vec<Violation>>,
    round: AtomicU64,
}

impl Violations {
    pub(crate) fn enter_round(&self, number: u64) {
        self.round.store(number, Ordering::SeqCst);
    }

    pub(crate) fn report(&self, rule: Rule, what: impl Into<String>) {
        let violation = Violation { rule, round: self.round.load(Ordering::SeqCst), what: what.into() };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        // The first few tell enough; the report has them all.
        if found.iter().filter(|other| other.rule == rule).count() < 12 {
            eprintln!(
                "campaign: VIOLATION in round {}: {}: {}",
                violation.round,
                rule.words(),
                violation.what
            );
        }
        found.push(violation);
    }

    pub(crate) fn all(&self) -> Vec<Violation> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

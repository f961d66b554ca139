//! What a round breaks: it follows from the campaign's seed and the round's number.

use std::{collections::BTreeSet, time::Duration};

use cloister_testkit::fault_proxy::{Fault, Moment, Plan};

use crate::draws::Draws;

/// Who is killed with SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Victim {
    /// A replica of `cloister serve`.
    Serve(usize),
    /// `cloister work`.
    Work,
    /// PostgreSQL, with all its processes.
    Postgres,
    /// One process of PostgreSQL that serves a connection; PostgreSQL then starts itself anew.
    PostgresBackend,
    /// Redis, with everything it held.
    Redis,
    /// Redis, which comes back with what it held at an earlier moment.
    RedisRestored,
}

/// Which way is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Postgres,
    Redis,
    /// To the key service; a replica is killed too, since opened keys are kept for a while.
    Keys,
    Mail,
}

/// Many clients that go away before their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Storm {
    /// Connections of HTTP/1.1 are cut.
    Connections,
    /// Streams of HTTP/2 are reset.
    Streams,
    /// Connections are cut while Redis answers late.
    LateRedis,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Break {
    Kill(BTreeSet<Victim>),
    /// Two at once, on two ways.
    Faults([(Way, Plan); 2]),
    Storm(Storm),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Round {
    pub(crate) number: u64,
    pub(crate) breaks: Break,
    /// How long it stays broken.
    pub(crate) lasts: Duration,
}

const WAYS: [Way; 4] = [Way::Postgres, Way::Redis, Way::Keys, Way::Mail];
const MOMENTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];
/// Every fault at every moment, of every way; refusing knows no moments.
const FAULTS: u64 = 4 * (5 * 3 + 1);
/// Has no divisor in common with the number of faults, so that its multiples come by all of them.
const STRIDE: u64 = 37;
/// In so many rounds there is one storm, half are faults, the rest are kills.
const DECK: u64 = 20;

impl Round {
    /// The round of this number.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut draws = Draws::of(seed, number);
        let lasts = Duration::from_millis(150 + draws.below(650));
        let breaks = if number % DECK == DECK - 1 {
            Break::Storm(
                [Storm::Connections, Storm::Streams, Storm::LateRedis]
                    [usize::from((number / DECK % 3) as u8)],
            )
        } else if number.is_multiple_of(2) {
            // A quarter of all faults lies between the two, which makes them faults of different ways.
            let turn = seed % FAULTS + number / 2 * STRIDE;
            Break::Faults([turn, turn + FAULTS / 4].map(|index| fault(index % FAULTS, &mut draws)))
        } else {
            Break::Kill(victims(&mut draws))
        };
        Self { number, breaks, lasts }
    }
}

fn victims(draws: &mut Draws) -> BTreeSet<Victim> {
    // Redis takes all sessions with it, and signing in again takes codes that are good for thirty seconds.
    let weighted = [
        Victim::Serve(0),
        Victim::Serve(0),
        Victim::Serve(1),
        Victim::Serve(1),
        Victim::Work,
        Victim::Work,
        Victim::Postgres,
        Victim::Postgres,
        Victim::PostgresBackend,
        Victim::PostgresBackend,
        Victim::Postgres,
        Victim::Work,
        Victim::Redis,
        Victim::RedisRestored,
    ];
    let count = usize::from(2 + draws.below(3) as u8);
    let mut victims = BTreeSet::new();
    while victims.len() < count {
        victims.insert(draws.one_of(&weighted));
    }
    if victims.contains(&Victim::Postgres) {
        victims.remove(&Victim::PostgresBackend);
    }
    if victims.contains(&Victim::Redis) {
        victims.remove(&Victim::RedisRestored);
    }
    victims
}

fn fault(index: u64, draws: &mut Draws) -> (Way, Plan) {
    let way = WAYS[usize::from((index / 16) as u8)];
    let kind = usize::from((index % 16) as u8);
    let fault = match kind / 3 {
        0 => Fault::Delay(Duration::from_millis(20 + draws.below(400))),
        1 => Fault::Stall,
        2 => Fault::BlackHole,
        3 => Fault::Truncate(usize::from(draws.below(40) as u8)),
        4 => Fault::Reset,
        _ => Fault::Refuse,
    };
    let chance = draws.one_of(&[1.0, 1.0, 0.3]);
    (way, Plan { fault, moment: MOMENTS[kind % 3], chance, seed: draws.next() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_follows_from_seed_and_number() {
        assert_eq!(Round::of(1, 7), Round::of(1, 7));
        assert_ne!(Round::of(1, 7), Round::of(2, 7));
        assert_ne!(Round::of(1, 7).breaks, Round::of(1, 9).breaks);
    }

    #[test]
    fn every_fault_at_every_moment_of_every_way_comes_within_128_rounds_and_so_does_every_victim() {
        for seed in [0, 1, 99] {
            let rounds: Vec<Round> = (0..2 * FAULTS).map(|number| Round::of(seed, number)).collect();
            let mut faults = BTreeSet::new();
            let (mut victims, mut storms) = (BTreeSet::new(), BTreeSet::new());
            for round in rounds {
                match round.breaks {
                    Break::Faults(two) => {
                        for (way, plan) in two {
                            let kind = format!("{:?}", plan.fault);
                            let kind = kind.split('(').next().unwrap().to_owned();
                            faults.insert((way, format!("{kind} {:?}", plan.moment)));
                        }
                    }
                    Break::Kill(killed) => victims.extend(killed),
                    Break::Storm(storm) => {
                        storms.insert(storm);
                    }
                }
            }
            assert_eq!((faults.len(), victims.len(), storms.len()), (64, 7, 3));
        }
    }
}

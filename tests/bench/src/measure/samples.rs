//! Rounds of one operation, and what their median says.

use serde_json::{Value, json};

use super::process::{Part, Used};
use crate::load::Round;

/// One closed round with what it used.
pub(crate) struct Sample {
    round: Round,
    before: Used,
    after: Used,
    /// The floor's rate in the same minute.
    floor_rate: Option<f64>,
}

impl Sample {
    pub(crate) fn rate(&self) -> f64 {
        self.round.rate()
    }

    /// Milliseconds of processor time a request cost a part.
    fn cost(&self, part: Part) -> f64 {
        self.after.since(&self.before, part) * 1000.0 / self.round.done.max(1) as f64
    }

    fn service_and_postgres(&self) -> f64 {
        self.cost(Part::Service) + self.cost(Part::Postgres)
    }
}

/// Everything seen of one operation.
pub(crate) struct Samples {
    name: String,
    closed: Vec<Sample>,
    open: Vec<(f64, Round)>,
}

impl Samples {
    pub(crate) fn of(name: &str) -> Self {
        Self { name: name.to_owned(), closed: Vec::new(), open: Vec::new() }
    }

    /// A closed round. Wrong answers end the run: a rate of refusals is no measurement.
    pub(crate) fn closed(&mut self, round: Round, before: Used, floor_rate: Option<f64>) {
        self.refuse_wrong(&round);
        self.closed.push(Sample { round, before, after: Used::now(), floor_rate });
    }

    /// An open round at a rate.
    pub(crate) fn open(&mut self, rate: f64, round: Round) {
        self.refuse_wrong(&round);
        self.open.push((rate, round));
    }

    fn refuse_wrong(&self, round: &Round) {
        if let Some((error, count)) = &round.wrong {
            panic!("{}: {count} wrong answers, the first: {error}", self.name);
        }
    }

    /// The median rate of the closed rounds.
    pub(crate) fn rate(&self) -> f64 {
        median(self.closed.iter().map(Sample::rate))
    }

    /// Processor milliseconds a request, service and PostgreSQL together.
    pub(crate) fn service_and_postgres(&self) -> f64 {
        median(self.closed.iter().map(Sample::service_and_postgres))
    }

    /// How many times what `other` cost in the same turn, in processor time of service and PostgreSQL, and in requests
    /// that were not answered meanwhile: medians of the turns' ratios.
    pub(crate) fn beside(&self, other: &Self) -> Value {
        let turns = || self.closed.iter().zip(&other.closed);
        let cpu = turns().map(|(own, other)| own.service_and_postgres() / other.service_and_postgres());
        let rate = turns().map(|(own, other)| other.rate() / own.rate());
        json!({ "cpu": rounded(median(cpu)), "rate": rounded(median(rate)) })
    }

    pub(crate) fn json(&self) -> Value {
        let cost = |part| rounded(median(self.closed.iter().map(|sample| sample.cost(part))));
        let latency = |percentile| {
            rounded(median(self.closed.iter().map(|sample| sample.round.percentile(percentile))))
        };
        let open =
            |percentile| rounded(median(self.open.iter().map(|(_, round)| round.percentile(percentile))));
        let ratios: Vec<f64> =
            self.closed.iter().filter_map(|sample| Some(sample.rate() / sample.floor_rate?)).collect();
        json!({
            "name": self.name,
            "rounds": self.closed.len(),
            "requests_per_second": rounded(self.rate()),
            "requests_per_second_each_round": self.closed.iter().map(|sample| rounded(sample.rate())).collect::<Vec<_>>(),
            "of_floor": (!ratios.is_empty()).then(|| rounded(median(ratios.iter().copied()))),
            "closed_ms": { "p50": latency(50.0), "p99": latency(99.0) },
            "open_ms": (!self.open.is_empty()).then(|| json!({
                "rate": rounded(median(self.open.iter().map(|(rate, _)| *rate))), "p50": open(50.0), "p99": open(99.0)
            })),
            "cpu_ms": {
                "service": cost(Part::Service), "postgresql": cost(Part::Postgres), "redis": cost(Part::Redis),
                "floor": cost(Part::Floor), "client": cost(Part::Client),
            },
        })
    }
}

/// The median; of an even number the mean of the middle two; zero of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

/// Three decimals: more is noise.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A turn of a second in which so many requests cost so many seconds of processor time.
    fn turn(done: u64, service: f64, postgres: f64) -> Sample {
        let round = Round { done, took: Duration::from_secs(1), ..Round::empty() };
        let after = Used::of([(Part::Service, service), (Part::Postgres, postgres), (Part::Client, 9.0)]);
        Sample { round, before: Used::default(), after, floor_rate: None }
    }

    #[test]
    fn what_was_read_in_turn_is_compared_turn_by_turn() {
        let mut own = Samples::of("own");
        let mut other = Samples::of("other");
        // The machine is twice as fast in the second turn. Both have a median of 2 ms.
        own.closed = vec![turn(100, 0.2, 0.1), turn(200, 0.2, 0.1), turn(200, 0.3, 0.1)];
        other.closed = vec![turn(125, 0.15, 0.1), turn(250, 0.15, 0.1), turn(200, 0.3, 0.1)];
        assert_eq!(own.beside(&other), json!({ "cpu": 1.5, "rate": 1.25 }));
        assert_eq!(other.beside(&own), json!({ "cpu": 0.667, "rate": 0.8 }));
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_middle_two() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median([]), 0.0);
    }
}

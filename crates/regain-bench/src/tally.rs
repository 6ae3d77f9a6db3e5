//! What happened during a sample.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::report::Latency;

/// Most kinds of errors that are kept apart.
const KINDS_OF_ERRORS_MAX: usize = 20;
/// Longest description of an error.
const ERROR_CHARS_MAX: usize = 200;

/// Steps in the order in which a flow takes them: samples begin in the middle of flows.
const ORDER: [&str; 12] = [
    "interact",
    "introspect",
    "recover",
    "identify",
    "identify with password",
    "challenge",
    "poll",
    MAIL_ACCEPTED,
    "answer",
    "new password",
    "token",
    WHOLE_FLOW,
];
/// From the first request to the last answer.
pub(crate) const WHOLE_FLOW: &str = "whole flow";
/// From the request that asks for a mail to the relay's word that it has it.
pub(crate) const MAIL_ACCEPTED: &str = "mail accepted";

/// Latencies by step, and errors.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    steps: Vec<(&'static str, Vec<u32>)>,
    pub(crate) done: u64,
    pub(crate) requests: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    /// Microseconds from sending a request to its answer.
    pub(crate) admitted: Vec<u32>,
    /// The same, of those that were sent away.
    pub(crate) refused: Vec<u32>,
}

impl Tally {
    /// A step took so long.
    pub(crate) fn step(&mut self, name: &'static str, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        match self.steps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, samples)) => samples.push(micros),
            None => self.steps.push((name, vec![micros])),
        }
    }

    /// A request was answered, or sent away because the engine has too much to do.
    pub(crate) fn answered(&mut self, is_refused: bool, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.requests += 1;
        if is_refused {
            self.refused.push(micros);
        } else {
            self.admitted.push(micros);
        }
    }

    /// The 99th percentile of a step so far; 0 without any.
    pub(crate) fn p99_ms(&self, name: &str) -> f64 {
        let found = self.steps.iter().find(|(known, _)| *known == name);
        found.map_or(0.0, |(step, samples)| latency(step, samples.clone()).p99_ms)
    }

    /// Something went wrong.
    pub(crate) fn error(&mut self, what: &str) {
        let mut what: String = what.chars().take(ERROR_CHARS_MAX).collect();
        if self.errors.len() >= KINDS_OF_ERRORS_MAX && !self.errors.contains_key(&what) {
            "other errors".clone_into(&mut what);
        }
        *self.errors.entry(what).or_default() += 1;
    }

    /// Whether nobody got to an end, good or bad.
    pub(crate) fn is_empty(&self) -> bool {
        self.done == 0 && self.errors.is_empty()
    }

    /// How many went wrong.
    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Takes in what happened during another sample.
    pub(crate) fn absorb(&mut self, other: Self) {
        for (name, samples) in other.steps {
            match self.steps.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.extend(samples),
                None => self.steps.push((name, samples)),
            }
        }
        self.done += other.done;
        self.requests += other.requests;
        self.admitted.extend(other.admitted);
        self.refused.extend(other.refused);
        for (what, count) in other.errors {
            *self.errors.entry(what).or_default() += count;
        }
    }

    /// Percentiles of each step.
    pub(crate) fn latencies(mut self) -> Vec<Latency> {
        self.steps
            .sort_by_key(|(step, _)| ORDER.iter().position(|known| known == step));
        self.steps
            .into_iter()
            .map(|(step, samples)| latency(step, samples))
            .collect()
    }
}

/// Percentiles of microseconds.
pub(crate) fn latency(step: &str, mut samples: Vec<u32>) -> Latency {
    samples.sort_unstable();
    let at = |permille: usize| -> f64 {
        // Nearest rank: the smallest sample that so many are not above.
        let rank = (samples.len() * permille).div_ceil(1_000).max(1);
        samples
            .get(rank - 1)
            .map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
    };
    Latency {
        step: step.to_owned(),
        count: samples.len() as u64,
        p50_ms: at(500),
        p95_ms: at(950),
        p99_ms: at(990),
        max_ms: at(1_000),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "the values are exact")]

    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let of = |count: u32| latency("x", (1..=count).rev().map(|ms| ms * 1_000).collect());
        let hundred = of(100);
        assert_eq!((hundred.p50_ms, hundred.p95_ms), (50.0, 95.0));
        assert_eq!((hundred.p99_ms, hundred.max_ms), (99.0, 100.0));
        let one = of(1);
        assert_eq!((one.p50_ms, one.p99_ms, one.count), (1.0, 1.0, 1));
        assert_eq!(latency("x", Vec::new()).p99_ms, 0.0);
    }

    #[test]
    fn errors_of_many_kinds_do_not_fill_the_memory() {
        let mut tally = Tally::default();
        for number in 0..1_000 {
            tally.error(&format!("error {number}"));
        }
        assert_eq!(tally.error_count(), 1_000);
        assert!(tally.errors.len() <= KINDS_OF_ERRORS_MAX + 1);
    }
}

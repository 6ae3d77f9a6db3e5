//! What came out, as it is written with `--json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// A sample in which something else used more of the machine than this says nothing.
pub const OTHER_SHARE_MAX: f64 = 0.15;

/// One measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Version of this form.
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// `release`, or `debug`, whose figures say nothing.
    pub profile: String,
    /// When it was begun, RFC 3339.
    pub date: String,
    /// How it was called.
    pub command: String,
    /// Where.
    pub machine: Machine,
    /// `sqlite` or `postgres`.
    pub store: String,
    /// Engines on the store.
    pub nodes: usize,
    /// Users that were there.
    pub users: u64,
    /// What the machine can do at all.
    pub bare: Bare,
    /// How long starts took.
    pub starts: Starts,
    /// Resident memory of an engine before the first request, in MiB.
    pub idle_mib: f64,
    /// Size of the program, in MiB.
    pub binary_mib: f64,
    /// Everything that was put under load.
    pub rows: Vec<Row>,
    /// What was done when more was asked than can be done, by flow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overload: Vec<Overload>,
    /// What was to be reached, and what was.
    pub goals: Vec<Goal>,
}

/// The parts of a flow alone, on the same machine in the same run. Medians.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Bare {
    /// Hashes per second on all cores, in each of the samples beside the rows.
    pub hashes_per_second: Vec<f64>,
    /// RS256 signatures per second on one core.
    pub signatures_per_second: f64,
    /// Durable commits of one row per second, by connections.
    pub commits_per_second: BTreeMap<usize, f64>,
    /// Answers per second of a bare HTTP server to 64 connections of the same generator.
    pub echoes_per_second: f64,
    /// What the generator spends on one of them, in milliseconds of CPU.
    pub echo_generator_ms: f64,
    /// What the bare server spends on one of them.
    pub echo_server_ms: f64,
}

/// From the start of a process to the line that says it is ready, in milliseconds: medians.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Starts {
    /// `regain demo` in a new directory.
    pub demo_fresh_ms: f64,
    /// `regain demo` in one that was used before.
    pub demo_used_ms: f64,
    /// `regain serve` on a database that was used before.
    pub serve_used_ms: f64,
}

/// One thing under load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// `recover`, `sign-in`, `light`, or what it is beside.
    pub name: String,
    /// Closed loops; 0 where clients arrive by `rate`.
    pub clients: usize,
    /// Arrivals per second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rate: Option<f64>,
    /// Hashes of one operation.
    pub hashes_per_operation: u32,
    /// Each sample.
    pub samples: Vec<Sample>,
    /// Latencies over all samples.
    pub latencies: Vec<Latency>,
    /// What went wrong, and how often.
    pub errors: BTreeMap<String, u64>,
}

/// One sample of a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Length.
    pub seconds: f64,
    /// Whole flows per second.
    pub per_second: f64,
    /// HTTP requests per second.
    pub requests_per_second: f64,
    /// Mails that the relay took, per second.
    pub mails_per_second: f64,
    /// Flows that failed.
    pub errors: u64,
    /// Bare hashes per second just before and just after, mean of both; 0 where nothing is hashed.
    pub bare_hashes_per_second: f64,
    /// CPU of one operation, in milliseconds.
    pub cpu_ms: CpuOfOperation,
    /// Share of all cores that something else used.
    pub other_share: f64,
    /// The most that an engine had resident, in MiB.
    pub peak_mib: f64,
}

impl Sample {
    /// Whether nothing disturbed it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.other_share <= OTHER_SHARE_MAX
    }
}

/// Who spent what on one operation, in milliseconds of CPU.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct CpuOfOperation {
    /// All engines, hashing included.
    pub engine: f64,
    /// The engines without their hashing threads.
    pub engine_beyond_hash: f64,
    /// This generator and its mail relay.
    pub generator: f64,
    /// The database server.
    pub database: f64,
}

/// One flow, asked for at multiples of what the engine can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Overload {
    /// `recover`, `sign-in` or `light`.
    pub flow: String,
    /// Whole flows per second of clients that wait for each other: what can be done.
    pub capacity_per_second: f64,
    /// How long their requests took.
    pub at_capacity: Latency,
    /// The most that an engine had resident meanwhile, in MiB: hashes on all its cores included.
    pub memory_mib: f64,
    /// Cores of the engines; the clients have the others.
    pub engine_cores: usize,
    /// From little to far too much.
    pub points: Vec<Point>,
}

/// One multiple.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// Of what can be done.
    pub factor: f64,
    /// Clients that came, per second.
    pub offered_per_second: f64,
    /// Whole flows per second.
    pub done_per_second: f64,
    /// Requests that were let in, from being sent to their answer.
    pub admitted: Latency,
    /// Requests that were sent away with 503.
    pub refused: Latency,
    /// 99 % of the requests for tokens took no longer; 0 where there were none.
    pub token_p99_ms: f64,
    /// The most that an engine had resident, in MiB.
    pub peak_mib: f64,
    /// Connections that clients had open.
    pub connections: u64,
    /// Why flows did not get to their end, and how often.
    pub errors: BTreeMap<String, u64>,
}

/// How long one step took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// The step.
    pub step: String,
    /// How often.
    pub count: u64,
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// 95 % took no longer.
    pub p95_ms: f64,
    /// 99 % took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Something to be reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// Its number.
    pub id: String,
    /// What is measured.
    pub measure: String,
    /// What came out; `None` when it was not measured.
    pub value: Option<f64>,
    /// Unit of the value.
    pub unit: String,
    /// The bound.
    pub bound: f64,
    /// Whether more is better.
    pub at_least: bool,
    /// What that comes to.
    pub verdict: Verdict,
}

/// Whether a goal is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is.
    Met,
    /// It is not.
    Missed,
    /// This run did not measure it.
    NotMeasured,
    /// Something else used the machine: the value says nothing.
    Unsound,
}

impl Row {
    /// Median over the samples of something in them.
    #[must_use]
    pub fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(of).collect())
    }

    /// Hashes of this row per bare hash: how much of what the machine can do is used.
    #[must_use]
    pub fn of_bare_hashes(&self) -> f64 {
        self.median(|sample| {
            if sample.bare_hashes_per_second > 0.0 {
                sample.per_second * f64::from(self.hashes_per_operation)
                    / sample.bare_hashes_per_second
            } else {
                0.0
            }
        })
    }

    /// Whether nothing disturbed any sample.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.samples.iter().all(Sample::is_sound)
    }

    /// The latency of a step.
    #[must_use]
    pub fn latency(&self, step: &str) -> Option<&Latency> {
        self.latencies.iter().find(|latency| latency.step == step)
    }
}

/// The one in the middle; the lower of two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "the values are exact")]

    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}

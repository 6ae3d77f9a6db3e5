//! What is to be reached (`docs/performance.md`), held against what was measured.

use crate::plan::Flow;
use crate::report::{Bare, Goal, Latency, Report, Row, Verdict};
use crate::rows::{WITH_HISTORY, WITH_HISTORY_CLIENTS, WITH_LIMITS, beside_hashing};
use crate::tally::{MAIL_ACCEPTED, WHOLE_FLOW};

/// Memory of one hashing thread, in MiB.
const ARENA_MIB: f64 = 19.0;

/// All goals that a run can be held against.
pub(crate) fn of(report: &Report) -> Vec<Goal> {
    let row = |name: &str, clients| find(&report.rows, name, clients);
    let recover = |clients| row(Flow::Recover.as_str(), clients);
    let mut goals = vec![
        at_least("P1", "recoveries at 64 clients ÷ bare hashes", 0.88)
            .of(recover(64), Row::of_bare_hashes),
        at_least(
            "P1",
            "the same at 16 with a history of 4, comparisons counted",
            0.88,
        )
        .of(row(WITH_HISTORY, WITH_HISTORY_CLIENTS), Row::of_bare_hashes),
        at_least("P1", "the same as the first, every limit in force", 0.88)
            .of(row(WITH_LIMITS, 64), Row::of_bare_hashes),
        at_most("P2", "CPU per recovery beyond the hash", 3.0, "ms").of(recover(64), |row| {
            row.median(|sample| sample.cpu_ms.engine_beyond_hash)
        }),
        at_least("P3", "sign-ins at 64 clients ÷ bare hashes, RS256", 0.90)
            .of(row(Flow::SignIn.as_str(), 64), Row::of_bare_hashes),
        light_rate(report),
    ];
    goals.extend(latencies(report));
    let arenas = ARENA_MIB * f64::from(u32::try_from(report.machine.cores).unwrap_or(1));
    goals.extend([
        at_most("P6", "regain demo, fresh", 500.0, "ms").with(report.starts.demo_fresh_ms),
        at_most("P6", "regain demo, used before", 60.0, "ms").with(report.starts.demo_used_ms),
        at_most("P6", "regain serve, used before", 30.0, "ms").with(report.starts.serve_used_ms),
        at_most("P7", "resident memory, idle", 20.0, "MiB").with(report.idle_mib),
        at_most(
            "P7",
            "the same under 64 clients, beyond the hash arenas",
            60.0,
            "MiB",
        )
        .of(recover(64), |row| {
            row.median(|sample| sample.peak_mib) - arenas
        }),
        at_most("P8", "stripped binary", 25.0, "MiB").with(report.binary_mib),
        at_most(
            "P14",
            "mail accepted, p95, 8 recoveries at once",
            300.0,
            "ms",
        )
        .of_latency(recover(8), MAIL_ACCEPTED, |latency| latency.p95_ms),
    ]);
    goals
}

fn light_rate(report: &Report) -> Goal {
    let row = find(&report.rows, Flow::Light.as_str(), 64);
    let rate = |row: &Row| row.median(|sample| sample.requests_per_second);
    if report.store == "sqlite" {
        let goal = at_least("P4", "light requests per second at 64 clients", 6_000.0);
        return goal.in_unit("/s").of(row, rate);
    }
    let goal = at_least(
        "P4",
        "light requests ÷ single-row commits at 32 connections",
        0.5,
    );
    match commits(&report.bare, 32) {
        Some(commits) => goal.of(row, |row| rate(row) / commits),
        None => goal,
    }
}

fn commits(bare: &Bare, connections: usize) -> Option<f64> {
    let commits = bare.commits_per_second.get(&connections).copied();
    commits.filter(|commits| *commits > 0.0)
}

fn latencies(report: &Report) -> Vec<Goal> {
    let recover = |clients| find(&report.rows, Flow::Recover.as_str(), clients);
    let whole = WHOLE_FLOW;
    vec![
        at_most("P5", "whole recovery at 1 client, p50", 32.0, "ms").of_latency(
            recover(1),
            whole,
            |latency| latency.p50_ms,
        ),
        at_most("P5", "whole recovery at 1 client, p99", 50.0, "ms").of_latency(
            recover(1),
            whole,
            |latency| latency.p99_ms,
        ),
        at_most("P5", "whole recovery at 8 clients, p99", 140.0, "ms").of_latency(
            recover(8),
            whole,
            |latency| latency.p99_ms,
        ),
        at_most(
            "P5",
            "slowest light step while 64 clients hash, p99",
            5.0,
            "ms",
        )
        .of(named(&report.rows, &beside_hashing(64)), |row| {
            slowest(row, |latency| latency.p99_ms)
        }),
        at_most("P5", "slowest light step at rest, p50", 1.0, "ms")
            .of(find(&report.rows, Flow::Light.as_str(), 1), |row| {
                slowest(row, |latency| latency.p50_ms)
            }),
    ]
}

/// The slowest request of a row of light steps.
fn slowest(row: &Row, of: impl Fn(&Latency) -> f64) -> f64 {
    let requests = row
        .latencies
        .iter()
        .filter(|latency| ![WHOLE_FLOW, MAIL_ACCEPTED].contains(&latency.step.as_str()));
    requests.map(of).fold(0.0, f64::max)
}

fn find<'a>(rows: &'a [Row], name: &str, clients: usize) -> Option<&'a Row> {
    rows.iter()
        .find(|row| row.name == name && row.clients == clients && row.rate.is_none())
}

fn named<'a>(rows: &'a [Row], name: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.name == name)
}

fn at_least(id: &str, measure: &str, bound: f64) -> Goal {
    Goal {
        id: id.to_owned(),
        measure: measure.to_owned(),
        value: None,
        unit: String::new(),
        bound,
        at_least: true,
        verdict: Verdict::NotMeasured,
    }
}

fn at_most(id: &str, measure: &str, bound: f64, unit: &str) -> Goal {
    Goal {
        at_least: false,
        ..at_least(id, measure, bound).in_unit(unit)
    }
}

impl Goal {
    fn in_unit(self, unit: &str) -> Self {
        Self {
            unit: unit.to_owned(),
            ..self
        }
    }

    fn with(mut self, value: f64) -> Self {
        let met = if self.at_least {
            value >= self.bound
        } else {
            value <= self.bound
        };
        self.value = Some(value);
        self.verdict = if met { Verdict::Met } else { Verdict::Missed };
        self
    }

    /// Errors in a row are a goal missed, whatever the figures say.
    fn of(self, row: Option<&Row>, value: impl Fn(&Row) -> f64) -> Self {
        let Some(row) = row else { return self };
        let mut goal = self.with(value(row));
        if !row.errors.is_empty() {
            goal.verdict = Verdict::Missed;
        } else if !row.is_sound() {
            goal.verdict = Verdict::Unsound;
        }
        goal
    }

    fn of_latency(self, row: Option<&Row>, step: &str, value: fn(&Latency) -> f64) -> Self {
        match row.and_then(|row| row.latency(step)) {
            Some(latency) => {
                let value = value(latency);
                self.of(row, |_| value)
            }
            None => self,
        }
    }
}

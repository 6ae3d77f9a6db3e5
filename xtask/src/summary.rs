//! Counting what passed and what failed, and the last line that people and scripts look for.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::command::say;

struct Row {
    name: String,
    passed: u64,
    failed: u64,
    skipped: u64,
    took: Duration,
}

/// Everything that was run so far.
pub(crate) struct Summary {
    rows: Vec<Row>,
    started: Instant,
    last: Instant,
}

impl Summary {
    pub(crate) fn start() -> Self {
        let now = now();
        Self {
            rows: Vec::new(),
            started: now,
            last: now,
        }
    }

    /// Runs one check that passes or fails as a whole. True when it passed.
    pub(crate) fn step(
        &mut self,
        name: &str,
        what: &str,
        work: impl FnOnce() -> Result<()>,
    ) -> bool {
        say(&format!("== {name}: {what}"));
        let outcome = work();
        if let Err(error) = &outcome {
            say(&format!("FAILED {name}: {error:#}"));
        }
        let passed = outcome.is_ok();
        self.count(name, u64::from(passed), u64::from(!passed), 0);
        passed
    }

    /// Adds the counts of a suite that has just ended.
    pub(crate) fn count(&mut self, name: &str, passed: u64, failed: u64, skipped: u64) {
        let now = now();
        let took = now.duration_since(self.last);
        self.last = now;
        self.rows.push(Row {
            name: name.to_owned(),
            passed,
            failed,
            skipped,
            took,
        });
    }

    /// Prints the table and, as the last line, `N passed, N failed`. True when nothing failed.
    pub(crate) fn finish(&self) -> bool {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        say("");
        for row in &self.rows {
            say(&format!(
                "{:<28} {:>5} passed {:>4} failed {:>4} skipped {:>7.1} s",
                row.name,
                row.passed,
                row.failed,
                row.skipped,
                row.took.as_secs_f64()
            ));
            passed += row.passed;
            failed += row.failed;
            skipped += row.skipped;
        }
        let took = now().duration_since(self.started).as_secs();
        say(&format!(
            "total {} min {:02} s, {skipped} skipped",
            took / 60,
            took % 60
        ));
        say(&format!("{passed} passed, {failed} failed"));
        failed == 0
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "times of a test run for the person who reads it"
)]
fn now() -> Instant {
    Instant::now()
}

//! What the machine can do at all: each part of a flow alone, without an engine around it.

pub(crate) mod commits;
pub(crate) mod hash;
pub(crate) mod postgres;
pub(crate) mod signature;

use std::time::Duration;

use crate::clock::Stopwatch;
use crate::error::BenchError;

/// Does something over and over on this thread, and says how often per second.
fn repeat(
    sample: Duration,
    mut work: impl FnMut() -> Result<(), BenchError>,
) -> Result<f64, BenchError> {
    let (mut count, watch) = (0, Stopwatch::start());
    while watch.now() < sample {
        work()?;
        count += 1;
    }
    Ok(count_as_f64(count) / watch.now().as_secs_f64())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a few seconds are far below 2^52"
)]
pub(crate) fn count_as_f64(count: u64) -> f64 {
    count as f64
}

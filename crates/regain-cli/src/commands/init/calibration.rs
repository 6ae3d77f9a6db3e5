//! How much a password hash may cost on this machine (P-01): towards 100 ms, never below the
//! floor, and bounded above so that a fast machine does not lock out its slower siblings.

use regain_server::{HashSettings, hash_now};
use regain_types::{Clock as _, Secret, SystemClock};

use crate::failure::Failure;

/// What one hash should take.
const TARGET_MILLISECONDS: u64 = 100;
/// Where the measurement starts: the default, and the least with one pass.
const MEMORY_KIB: u32 = 47_104;
/// More memory than this would make a few sign-ins at once expensive.
const MEMORY_KIB_MAX: u32 = 131_072;
/// More passes than this never come out, however fast the machine is.
const PASSES_MAX: u32 = 4;
/// Hashes whose fastest counts: others were disturbed.
const SAMPLES: usize = 3;

/// The cost that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// Memory in KiB.
    pub(super) memory_kib: u32,
    /// Passes.
    pub(super) passes: u32,
    /// What a hash at this cost takes here, about.
    pub(super) milliseconds: u64,
}

/// Measures, on the thread that asks.
///
/// # Errors
/// A [`Failure`] when nothing can be hashed at all.
pub(super) fn measure() -> Result<Cost, Failure> {
    let clock = SystemClock::new();
    let password = Secret::new("a password to measure with".to_owned());
    let settings = HashSettings {
        memory_kib: MEMORY_KIB,
        passes: 1,
        ..HashSettings::FLOOR
    };
    let mut fastest = u64::MAX;
    for _ in 0..SAMPLES {
        let before = clock.monotonic();
        hash_now(&password, settings)
            .map_err(|error| Failure::failed(format!("cannot hash a password: {error}")))?;
        let taken = clock.monotonic().saturating_sub(before).as_micros();
        fastest = fastest.min(u64::try_from(taken).unwrap_or(u64::MAX));
    }
    Ok(choose(fastest))
}

/// The cost for a machine on which the default takes so many microseconds.
fn choose(microseconds: u64) -> Cost {
    let microseconds = microseconds.max(1);
    let target = TARGET_MILLISECONDS * 1_000;
    let wanted = u64::from(MEMORY_KIB).saturating_mul(target) / microseconds;
    let memory_kib = u32::try_from(wanted)
        .unwrap_or(MEMORY_KIB_MAX)
        .clamp(MEMORY_KIB, MEMORY_KIB_MAX)
        // Whole mebibytes read better, and 47,104 is one of them.
        / 1_024
        * 1_024;
    let one_pass =
        (microseconds.saturating_mul(u64::from(memory_kib)) / u64::from(MEMORY_KIB)).max(1);
    let passes = u32::try_from(target / one_pass)
        .unwrap_or(PASSES_MAX)
        .clamp(1, PASSES_MAX);
    Cost {
        memory_kib,
        passes,
        milliseconds: (one_pass.saturating_mul(u64::from(passes)) / 1_000).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_machine_stays_at_the_floor_and_a_fast_one_below_the_ceiling() {
        // T-P1: calibration is bounded on both sides.
        let slow = choose(900_000);
        assert_eq!((slow.memory_kib, slow.passes), (47_104, 1));
        assert_eq!(slow.milliseconds, 900);
        let fast = choose(1);
        assert_eq!((fast.memory_kib, fast.passes), (131_072, 4));
        assert_eq!(choose(0), choose(1));
    }

    #[test]
    fn the_cost_comes_close_to_the_target() {
        for microseconds in [20_000, 30_000, 45_000, 70_000, 99_000] {
            let cost = choose(microseconds);
            assert!(
                (50..=110).contains(&cost.milliseconds),
                "{microseconds}: {cost:?}"
            );
        }
    }
}

//! What a step may cost, where it can be counted exactly: no noise of a machine moves these figures
//! (`docs/performance.md`).

mod allocations;
mod round_trips;

//! Tests of the SQLite store through its public surface.

#[cfg(test)]
mod backend;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod corrupt_rows;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod disk_full;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod opening;
// Its shim is loaded as Linux loads one.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod power_loss;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod volume;

//! The built program at the command line: what it prints, where, and what it ends with.

#[cfg(test)]
mod administration;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod disk_full;
#[cfg(test)]
mod pepper;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod program;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod users;
#[cfg(test)]
mod visitor;
#[cfg(test)]
#[path = "../../../regain-store-sqlite/tests/it/volume.rs"]
mod volume;

//! Tests of the PostgreSQL store through its public surface.

#[cfg(test)]
mod backend;
#[cfg(test)]
mod conformance;

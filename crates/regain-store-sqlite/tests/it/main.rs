//! Tests of the SQLite store through its public surface.

mod backend;
mod conformance;

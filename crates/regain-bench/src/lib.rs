//! `regain bench`: how fast this engine is on this machine, and how far from what the machine can
//! do at all.
//!
//! It starts the engine as a process of its own, as in production, and drives it over HTTP with
//! connections that are kept, as clients do; mails go to a relay inside this process, from which the
//! codes are read. Beside that, **in the same run**, it times what nothing built on this machine can
//! beat: bare password hashes, signatures, durable commits and HTTP answers. Only the ratio of the
//! two says something about the engine; absolute figures say something about the machine.
//!
//! What it is not: a client library (`regain-sdk` is), or a judge of what flows may do. It knows the
//! wire as text, because whoever parses documents measures the parser.
//!
//! Begin with [`Plan`] (what is asked), [`Bench`] (what is done) and [`Report`] (what came out).

mod bare;
mod bench;
mod clock;
mod cores;
mod deployment;
mod echo;
mod engine;
mod error;
mod goals;
mod http;
mod journey;
mod load;
mod machine;
mod overload;
mod people;
mod plan;
mod process;
mod report;
mod rows;
mod sink;
mod table;
mod tally;

pub use bench::Bench;
pub use deployment::{CLIENT_ID, Variant};
pub use echo::serve_echo;
pub use error::BenchError;
pub use machine::Machine;
pub use people::add_people;
pub use plan::{Flow, Plan};
pub use report::{
    Bare, CpuOfOperation, Goal, Latency, OTHER_SHARE_MAX, Overload, Point, Report, Row, Sample,
    Starts, Verdict,
};
pub use table::table;

//! What is asked of a measurement.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// What clients do over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// "Forgot password?" with the code from the mail, a new password, and tokens: one hash, two
    /// signatures, two mails.
    Recover,
    /// Name, password, tokens: one hash, two signatures.
    SignIn,
    /// A recovery as far as the right code, and a poll: every step of it that hashes nothing.
    Light,
}

impl Flow {
    /// As it is written on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recover => "recover",
            Self::SignIn => "sign-in",
            Self::Light => "light",
        }
    }
}

/// A measurement.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program `regain`; also started as the bare HTTP server.
    pub program: PathBuf,
    /// How the person called it, for the report.
    pub command: String,
    /// Where the deployment and the scratch files are put. It decides which disk is measured.
    pub directory: PathBuf,
    /// A store that is there already, such as `postgres://…`; a SQLite file in the directory unless
    /// given.
    pub store: Option<String>,
    /// Engines on that store.
    pub nodes: usize,
    /// Users that are there before the first request.
    pub users: u64,
    /// What is measured.
    pub flows: Vec<Flow>,
    /// Clients at once, one row each.
    pub clients: Vec<usize>,
    /// Arrivals per second of additional rows whose clients do not wait for answers before the next
    /// one comes.
    pub rate: Option<f64>,
    /// Whether, instead of everything else, clients come at multiples of what the engine can do.
    pub overload: bool,
    /// Length of one sample.
    pub sample: Duration,
    /// Samples of each row; the median counts.
    pub repetitions: usize,
}

impl Plan {
    /// Whether the store is a file of this measurement.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.store.is_none()
    }
}

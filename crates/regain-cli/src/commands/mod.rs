//! Every command, one file each.

mod demo;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;

/// What `regain` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Options),
}

impl Command {
    /// What is logged where the operator said nothing.
    pub(crate) fn log_filter(&self) -> &'static str {
        match self {
            Self::Demo(_) => "warn",
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// A [`Failure`] in one line.
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Demo(options) => demo::run(options).await,
        }
    }
}

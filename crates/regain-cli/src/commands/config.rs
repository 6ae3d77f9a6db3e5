//! `regain config check` and `regain config show`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::ConfigFile;
use crate::failure::{Exit, Failure};
use crate::{config, print, say};

/// Check the configuration, or show what is in force
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Print every problem of the configuration, one per line; exit code 2 if there is one
    Check(ConfigFile),
    /// Print every value in force; secrets are not shown
    Show(ShowOptions),
}

/// Options of `config show`.
#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    #[command(flatten)]
    file: ConfigFile,
    /// Say behind each value where it came from: a file, a variable, the default
    #[arg(long)]
    origin: bool,
}

/// Runs one of them.
pub(crate) fn run(action: Action) -> Result<ExitCode, Failure> {
    match action {
        Action::Check(file) => Ok(check(&file)),
        Action::Show(options) => {
            let sources = config::sources(&options.file.config, None)?;
            for line in config::show(&sources, options.origin) {
                print(&line);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(file: &ConfigFile) -> ExitCode {
    match config::load(&file.config, None) {
        Ok(configuration) => {
            for warning in configuration.warnings() {
                say(&format!("warning: {warning}"));
            }
            print(&format!("{}: no problems found", file.config.display()));
            ExitCode::SUCCESS
        }
        Err(broken) => {
            for line in broken.lines() {
                say(&line);
            }
            Exit::Unusable.into()
        }
    }
}

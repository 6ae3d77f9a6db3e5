//! What goes to the log, and how it looks.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Options that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Logging {
    /// What to log on stderr: a level (error, warn, info, debug) or filters such as
    /// `warn,regain_server=debug`. Unless set: info for `serve` and `app`, warn for the rest.
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Logging")]
    log: Option<String>,
    /// Text for people, or one JSON object per line for machines.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        help_heading = "Logging"
    )]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Json,
    Text,
}

impl Logging {
    /// Starts the log. `preset` holds where the operator said nothing.
    ///
    /// # Errors
    /// A [`Failure`] when the filter is none.
    pub(crate) fn start(&self, preset: &str) -> Result<(), Failure> {
        let wanted = self.log.as_deref().unwrap_or(preset);
        let filter = EnvFilter::try_new(wanted).map_err(|_| {
            Failure::unusable(format!(
                "--log {wanted:?} is no filter: give a level such as info, or warn,regain_server=debug"
            ))
        })?;
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        let started = match self.log_format {
            LogFormat::Json => log
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .try_init(),
            LogFormat::Text => log.with_ansi(is_terminal()).try_init(),
        };
        started.map_err(|error| Failure::failed(format!("the log cannot start: {error}")))
    }
}

fn is_terminal() -> bool {
    use std::io::IsTerminal as _;
    std::io::stderr().is_terminal()
}

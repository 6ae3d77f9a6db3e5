//! `regain migrate`: brings the database to the schema of this program.

use std::process::ExitCode;

use clap::Args;

use super::ConfigFile;
use crate::failure::Failure;
use crate::{config, database, print};

/// Make the database, or bring its schema up to date
///
/// `regain serve` does the same at its start. Running it again changes nothing.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// Another database than the configuration's, such as `sqlite:/var/lib/regain.db`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Migrates.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let configuration = config::load(&options.file.config, options.database.as_deref())?;
    let path = configuration.store.path();
    let migrated = regain_store_sqlite::migrate(path).map_err(|error| database::refused(&error))?;
    print(&if migrated.from == migrated.to {
        format!(
            "{} is up to date (migration {})",
            path.display(),
            migrated.to
        )
    } else {
        format!(
            "{} went from migration {} to {}",
            path.display(),
            migrated.from,
            migrated.to
        )
    });
    Ok(ExitCode::SUCCESS)
}

//! `regain migrate`: brings the database to the schema of this program.

use std::process::ExitCode;

use clap::Args;

use super::ConfigFile;
use crate::failure::Failure;
use crate::{config, print};

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
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let configuration = config::load(&options.file.config, options.database.as_deref())?;
    let store = &configuration.store;
    let migrated = store.migrate().await?;
    print(&if migrated.from == migrated.to {
        format!("{store} is up to date (migration {})", migrated.to)
    } else {
        format!(
            "{store} went from migration {} to {}",
            migrated.from, migrated.to
        )
    });
    Ok(ExitCode::SUCCESS)
}

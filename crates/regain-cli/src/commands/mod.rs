//! Every command, one file each.

mod app;
mod backup;
mod bench;
mod clients;
mod config;
mod demo;
mod doctor;
mod healthcheck;
mod init;
pub(crate) mod keys;
mod mail;
mod migrate;
mod restore;
mod serve;
mod users;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// What `regain` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Options),
    Serve(serve::Options),
    App(app::Options),
    Init(init::Options),
    Migrate(migrate::Options),
    #[command(subcommand)]
    Config(config::Action),
    #[command(subcommand)]
    Users(users::Action),
    #[command(subcommand)]
    Clients(clients::Action),
    #[command(subcommand)]
    Keys(keys::Action),
    #[command(subcommand)]
    Mail(mail::Action),
    Backup(backup::Options),
    Restore(restore::Options),
    Doctor(doctor::Options),
    Healthcheck(healthcheck::Options),
    Bench(bench::Options),
}

impl Command {
    /// What is logged where the operator said nothing.
    pub(crate) fn log_filter(&self) -> &'static str {
        match self {
            Self::App(_) | Self::Serve(_) => "info",
            Self::Backup(_)
            | Self::Bench(_)
            | Self::Clients(_)
            | Self::Config(_)
            | Self::Demo(_)
            | Self::Doctor(_)
            | Self::Healthcheck(_)
            | Self::Init(_)
            | Self::Keys(_)
            | Self::Mail(_)
            | Self::Migrate(_)
            | Self::Restore(_)
            | Self::Users(_) => "warn",
        }
    }

    /// Whether it runs for long with secrets of people in memory. The demo has none.
    pub(crate) fn holds_secrets(&self) -> bool {
        matches!(self, Self::App(_) | Self::Serve(_))
    }

    /// Does it.
    ///
    /// # Errors
    /// A [`Failure`] in one line.
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::App(options) => app::run(options).await,
            Self::Backup(options) => backup::run(options).await,
            Self::Bench(options) => bench::run(options).await,
            Self::Clients(action) => clients::run(action).await,
            Self::Config(action) => config::run(action),
            Self::Demo(options) => demo::run(options).await,
            Self::Doctor(options) => doctor::run(options).await,
            Self::Healthcheck(options) => healthcheck::run(options).await,
            Self::Init(options) => init::run(&options),
            Self::Keys(action) => keys::run(action).await,
            Self::Mail(action) => mail::run(action),
            Self::Migrate(options) => migrate::run(options).await,
            Self::Restore(options) => restore::run(options).await,
            Self::Serve(options) => serve::run(options).await,
            Self::Users(action) => users::run(action).await,
        }
    }
}

/// Where the configuration is; for every command that works on a deployment.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "regain.toml")]
    pub(crate) config: PathBuf,
}

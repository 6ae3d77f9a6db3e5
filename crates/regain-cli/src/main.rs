//! The program `regain`: it reads what the operator decided, picks a store and a way for mails to
//! leave, and hands both to the server and the web app. Nothing else in the workspace reads files
//! of configuration, the environment or the command line.
//!
//! What it is not: no rule about flows, tokens or pages stands here. Each file in `commands` is one
//! command, each in `config` one section of `regain.toml`.

mod backup;
mod certificate;
mod commands;
mod config;
mod database;
mod deployment;
mod engine;
mod failure;
mod listeners;
mod logging;
mod no_relay;
mod pepper_file;
mod private_files;
mod progress;
mod ready;
mod stopping;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;

use commands::Command;
use failure::Failure;
use logging::Logging;
use mimalloc::MiMalloc;

/// Requests allocate on whichever thread has them, and free on another: with the system's allocator
/// the threads wait for each other (`docs/decisions/0019-what-a-profile-asked-for.md`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A self-hosted identity engine for account recovery and sign-in, for apps written against the
/// Okta Identity Engine (IDX) protocol. Regain is not affiliated with Okta.
#[derive(Debug, Parser)]
#[command(name = "regain", version, about, arg_required_else_help = true)]
#[command(after_help = "\
To look around:            regain demo
To run it for real:        regain init ./regain, then regain serve --config regain/regain.toml
Exit codes:                0 fine, 1 failed, 2 wrong usage or configuration")]
struct Cli {
    #[command(flatten)]
    logging: Logging,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(failure) => {
            say(&format!("regain: {failure}"));
            failure.exit().into()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    cli.logging.start(cli.command.log_filter())?;
    if cli.command.holds_secrets() {
        keep_out_of_core_dumps();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))?;
    runtime.block_on(cli.command.run())
}

/// Passwords and keys are in memory: no core dump and no other process of this user may have it
/// (K-04). Where the system does not let us, the service works all the same.
fn keep_out_of_core_dumps() {
    let nobody = rustix::process::DumpableBehavior::NotDumpable;
    if let Err(error) = rustix::process::set_dumpable_behavior(nobody) {
        tracing::warn!(%error, "core dumps of this process may hold secrets");
    }
}

/// Tells people something: text for them goes to stderr, stdout belongs to scripts.
pub(crate) fn say(text: &str) {
    // Nobody is left to be told when stderr is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints what was asked for.
pub(crate) fn print(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

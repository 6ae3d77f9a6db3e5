//! Checks, tests and generated files of the workspace: what a shell script would hide.
//!
//! `cargo xtask check` is the fast part, `cargo xtask test` is everything, `cargo xtask crash` is
//! the long form of one of its tests, `cargo xtask gen` writes the generated files, `cargo xtask deps` shows the direction of dependencies alone.

mod budgets;
mod command;
mod compatibility;
mod crash;
mod dependencies;
mod file_sizes;
mod generated;
mod install;
mod lint;
mod release;
mod rust_tests;
mod snippets;
mod suites;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::summary::Summary;

const USAGE: &str = "\
usage: cargo xtask <command>

  check                fmt, clippy, unit and doc tests, dependency direction, file sizes, generated files
  test [--no-install]  everything of check, then real clients, a real mail server and a real browser
  crash [--kills N] [--store sqlite|postgres]
                       kill -9 of the engine under load, N times (1000), and what must hold afterwards
  budgets [--record]   instructions of each step of the engine, beside what is recorded; needs valgrind
  gen                  write docs/compatibility.md and the code in the guide
  deps                 the direction of dependencies alone
  release              the archive that is handed out, in dist/
  release-test [--program FILE]
                       the archive, run in an empty Debian; needs root, debootstrap and systemd; with
                       --program it packs one that was built elsewhere";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check(),
        ["test"] => test(install::Missing::Install),
        ["test", "--no-install"] => test(install::Missing::NameAndStop),
        ["gen"] => repository()
            .and_then(|root| generated::write(&root))
            .map(|()| true),
        ["budgets"] => repository()
            .and_then(|root| budgets::run(&root, budgets::Figures::Compare))
            .map(|()| true),
        ["budgets", "--record"] => repository()
            .and_then(|root| budgets::run(&root, budgets::Figures::Record))
            .map(|()| true),
        ["crash", rest @ ..] => {
            let Some(options) = crash::Options::parse(rest) else {
                command::say(USAGE);
                return ExitCode::from(2);
            };
            repository().and_then(|root| crash::run(&root, &options).map(|()| true))
        }
        ["release"] => repository()
            .and_then(|root| release::build(&root, None))
            .map(|_| true),
        ["release-test"] => release_test(None),
        ["release-test", "--program", program] => release_test(Some(Path::new(program))),
        ["deps"] => repository().and_then(|root| dependencies_alone(&root)),
        _ => {
            command::say(USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            command::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The fast part. True when everything passed.
fn check() -> Result<bool> {
    let root = repository()?;
    let mut summary = Summary::start();
    lint::run(&root, &mut summary);
    rust_tests::run(&root, &mut summary);
    Ok(summary.finish())
}

/// Everything. True when everything passed.
fn test(missing: install::Missing) -> Result<bool> {
    let root = repository()?;
    let tools = install::ensure(&root, missing)?;
    let mut summary = Summary::start();
    let built = summary.step(
        "build",
        "the binary `regain` and the programs of the examples",
        || {
            // With the workspace's features, as the tests: other ones would compile everything twice.
            let arguments = ["build", "--workspace", "--bins", "--examples"];
            command::run(&root, "cargo", &arguments)
        },
    );
    lint::run(&root, &mut summary);
    rust_tests::run(&root, &mut summary);
    summary.step("budgets", "instructions of each step of the engine", || {
        budgets::run(&root, budgets::Figures::Compare)
    });
    if built {
        for options in &crash::Options::SHORT {
            summary.step("crash", &options.title(), || crash::run(&root, options));
        }
        suites::run(&root, &tools, &mut summary);
    } else {
        summary.count("real clients and browser", 0, 1, 0);
    }
    Ok(summary.finish())
}

/// Builds the archive and runs it where nothing else is.
fn release_test(program: Option<&Path>) -> Result<bool> {
    let root = repository()?;
    let tools = install::ensure(&root, install::Missing::Install)?;
    release::ensure_tools(&root)?;
    let archive = release::build(&root, program)?;
    let mut summary = Summary::start();
    suites::run_packaging(&root, &tools, &archive, &mut summary);
    Ok(summary.finish())
}

fn dependencies_alone(root: &Path) -> Result<bool> {
    let faults = dependencies::faults(root)?;
    for fault in &faults {
        command::say(fault);
    }
    if faults.is_empty() {
        command::say("the direction of dependencies holds");
    }
    Ok(faults.is_empty())
}

/// The root of the repository: the parent of this crate.
fn repository() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask has no parent")?;
    if !root.join("Cargo.lock").is_file() {
        bail!("{} is not the root of the workspace", root.display());
    }
    Ok(root.to_path_buf())
}

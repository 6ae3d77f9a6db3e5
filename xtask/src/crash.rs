//! `kill -9` of the engine under load (T-R1): a test of `regain-cli` that takes too long for every
//! run, short or long.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const TEST: &str = "crash::t_r1_kills_under_load_lose_nothing_that_was_acknowledged";

/// Where the engine under test keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    /// A server of the test's own, which lives on while the engine is killed.
    Postgres,
}

impl Store {
    fn parse(word: &str) -> Option<Self> {
        [Self::Sqlite, Self::Postgres]
            .into_iter()
            .find(|store| store.name() == word)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// How often, and on what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    kills: u32,
    store: Store,
}

impl Options {
    /// What `cargo xtask test` runs: well below a minute each.
    pub(crate) const SHORT: [Self; 2] = [
        Self {
            kills: 45,
            store: Store::Sqlite,
        },
        Self {
            kills: 30,
            store: Store::Postgres,
        },
    ];

    /// Reads `--kills N` and `--store NAME`; nothing when it is something else.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let mut options = Self {
            kills: 1_000,
            store: Store::Sqlite,
        };
        for pair in words.chunks(2) {
            match pair {
                ["--kills", number] => options.kills = number.parse().ok()?,
                ["--store", name] => options.store = Store::parse(name)?,
                _ => return None,
            }
        }
        Some(options)
    }

    /// For the list of what was run.
    pub(crate) fn title(&self) -> String {
        format!("kill -9 of the engine under load, on {}", self.store.name())
    }
}

/// Runs the test, with its figures on the terminal.
///
/// # Errors
/// When it cannot be started, or fails.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let status = Command::new("cargo")
        .current_dir(root)
        // With the workspace's features, as all other tests: other ones would compile it all anew.
        .args(["test", "--workspace", "--test", "it", "--"])
        .args(["--exact", TEST, "--ignored", "--nocapture"])
        .env("REGAIN_CRASH_KILLS", options.kills.to_string())
        .env("REGAIN_CRASH_STORE", options.store.name())
        .stdin(Stdio::null())
        .status()
        .context("could not start cargo")?;
    if !status.success() {
        let Options { kills, store } = options;
        bail!("the test of {kills} kills on {store:?} ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_and_store_are_read_in_any_order() {
        let options = |kills, store| Some(Options { kills, store });
        assert_eq!(Options::parse(&[]), options(1_000, Store::Sqlite));
        assert_eq!(Options::parse(&["--kills", "7"]), options(7, Store::Sqlite));
        assert_eq!(
            Options::parse(&["--store", "postgres"]),
            options(1_000, Store::Postgres)
        );
        for words in [
            ["--store", "postgres", "--kills", "7"],
            ["--kills", "7", "--store", "postgres"],
        ] {
            assert_eq!(Options::parse(&words), options(7, Store::Postgres));
        }
        for wrong in [
            &["--kills"][..],
            &["--kills", "x"],
            &["7"],
            &["--kills", "7", "x"],
            &["--store", "oracle"],
            &["--store"],
        ] {
            assert_eq!(Options::parse(wrong), None, "{wrong:?}");
        }
    }
}

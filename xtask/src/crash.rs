//! `kill -9` of the engine under load (T-R1): a test of `regain-cli` that takes too long for every
//! run, short or long.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const TEST: &str = "crash::t_r1_kills_under_load_lose_nothing_that_was_acknowledged";

/// How often.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    kills: u32,
}

impl Options {
    /// What `cargo xtask test` runs: well below a minute.
    pub(crate) const SHORT: Self = Self { kills: 45 };

    /// Reads `--kills N`; nothing when it is something else.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        match words {
            [] => Some(Self { kills: 1_000 }),
            ["--kills", number] => number.parse().ok().map(|kills| Self { kills }),
            _ => None,
        }
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
        .stdin(Stdio::null())
        .status()
        .context("could not start cargo")?;
    if !status.success() {
        bail!("the test of {} kills ended with {status}", options.kills);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_kills_is_read() {
        assert_eq!(Options::parse(&[]), Some(Options { kills: 1_000 }));
        assert_eq!(
            Options::parse(&["--kills", "7"]),
            Some(Options { kills: 7 })
        );
        for wrong in [
            &["--kills"][..],
            &["--kills", "x"],
            &["7"],
            &["--kills", "7", "x"],
        ] {
            assert_eq!(Options::parse(wrong), None, "{wrong:?}");
        }
    }
}

//! The checks that need no test: format, lints, dependency direction, sizes, generated files.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::{self, say};
use crate::summary::Summary;
use crate::{dependencies, file_sizes, generated};

/// Runs every check; a failed one does not keep the others from running.
pub(crate) fn run(root: &Path, summary: &mut Summary) {
    summary.step("format", "cargo fmt --check", || {
        command::run(root, "cargo", &["fmt", "--all", "--", "--check"])
    });
    summary.step("lints", "cargo clippy, warnings are errors", || {
        let arguments = [
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ];
        command::run(root, "cargo", &arguments)
    });
    summary.step("dependency direction", "who may use whom", || {
        no_faults(&dependencies::faults(root)?)
    });
    summary.step("file sizes", "no source file above 600 lines", || {
        no_faults(&file_sizes::faults(root)?)
    });
    summary.step("generated files", "equal to their source", || {
        no_faults(&generated::faults(root)?)
    });
    if command::first_line("cargo", &["deny", "--version"]).is_some() {
        summary.step("licences and advisories", "cargo deny", || {
            command::run(
                root,
                "cargo",
                &[
                    "deny",
                    "--workspace",
                    "check",
                    "bans",
                    "licenses",
                    "sources",
                ],
            )
        });
    } else {
        say("== licences: left out, because cargo-deny is not installed");
    }
}

fn no_faults(faults: &[String]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    for fault in faults {
        say(&format!("  {fault}"));
    }
    bail!("{} found", faults.len())
}

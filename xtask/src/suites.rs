//! The suites in `e2e/`: unmodified clients, a real mail server, a real browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{self, say};
use crate::install::Tools;
use crate::summary::Summary;

/// Folders of `e2e/`, in the order in which they run: what fails fast comes first.
const SUITES: &[&str] = &[
    "commands",
    "operations",
    "http",
    "sdk",
    "mail",
    "crash",
    "nodes",
    "failover",
    "browser",
    "widget",
    "guide",
];

/// Those that run once more with every engine on PostgreSQL.
const ON_BOTH_STORES: &[&str] = &["http", "sdk", "browser"];

/// Test files that run at the same time; each starts its own engine.
const FILES_AT_ONCE: &str = "2";

/// A test file that takes longer has hung.
const FILE_TIMEOUT_MS: &str = "900000";

/// Runs every suite; one that fails does not keep the others from running.
pub(crate) fn run(root: &Path, tools: &Tools, summary: &mut Summary) {
    for suite in SUITES {
        count_suite(root, tools, &Suite::on_sqlite(suite), summary);
        if ON_BOTH_STORES.contains(suite) {
            let again = Suite {
                store: "postgres",
                ..Suite::on_sqlite(suite)
            };
            count_suite(root, tools, &again, summary);
        }
    }
}

/// A folder of tests and what they run on.
struct Suite<'a> {
    folder: &'a str,
    /// What the rig's engines keep their data in.
    store: &'static str,
    /// The release archive, for the suite that looks at it.
    archive: Option<&'a Path>,
}

impl<'a> Suite<'a> {
    fn on_sqlite(folder: &'a str) -> Self {
        Self {
            folder,
            store: "sqlite",
            archive: None,
        }
    }
}

/// Runs the suite of the release archive.
pub(crate) fn run_packaging(root: &Path, tools: &Tools, archive: &Path, summary: &mut Summary) {
    let suite = Suite {
        archive: Some(archive),
        ..Suite::on_sqlite("packaging")
    };
    count_suite(root, tools, &suite, summary);
}

fn count_suite(root: &Path, tools: &Tools, suite: &Suite<'_>, summary: &mut Summary) {
    let name = match suite.store {
        "sqlite" => format!("e2e {}", suite.folder),
        store => format!("e2e {} on {store}", suite.folder),
    };
    say(&format!("== {name}"));
    match run_suite(root, tools, suite) {
        Ok(counts) => summary.count(&name, counts.passed, counts.failed, counts.skipped),
        Err(error) => {
            say(&format!("FAILED {name}: {error:#}"));
            summary.count(&name, 0, 1, 0);
        }
    }
}

fn run_suite(root: &Path, tools: &Tools, suite: &Suite<'_>) -> Result<Counts> {
    let folder = root.join("e2e");
    let files = test_files(&folder.join(suite.folder))?;
    if files.is_empty() {
        bail!("no test files");
    }
    let out = folder.join("out");
    std::fs::create_dir_all(&out).context("e2e/out")?;
    let report = out.join(format!("{}-{}.jsonl", suite.folder, suite.store));
    let status = Command::new(&tools.node)
        .current_dir(&folder)
        .args([
            "--test",
            "--test-concurrency",
            FILES_AT_ONCE,
            "--test-timeout",
            FILE_TIMEOUT_MS,
        ])
        .args([
            "--test-reporter",
            "spec",
            "--test-reporter-destination",
            "stdout",
        ])
        .args([
            "--test-reporter",
            "./rig/json-lines-reporter.js",
            "--test-reporter-destination",
        ])
        .arg(&report)
        .args(files)
        .envs(suite.archive.map(|archive| ("REGAIN_ARCHIVE", archive)))
        .env("REGAIN_TEST_STORE", suite.store)
        .env("REGAIN_BIN", command::built(root, "debug/regain")?)
        .env("CHROMIUM", &tools.chromium)
        .stdin(Stdio::null())
        .status()
        .context("could not start node")?;
    let text = std::fs::read_to_string(&report).context("the report of the suite")?;
    let mut counts = Counts::of(&text)?;
    if !status.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.to_str().is_some_and(|name| name.ends_with(".test.js")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Counts the lines of the reporter `e2e/rig/json-lines-reporter.js`: one per test.
    fn of(report: &str) -> Result<Self> {
        let mut counts = Self::default();
        for line in report.lines() {
            let test: Value = serde_json::from_str(line).context("the report of the suite")?;
            match test.get("outcome").and_then(Value::as_str) {
                Some("passed") => counts.passed += 1,
                Some("skipped") => counts.skipped += 1,
                _ => counts.failed += 1,
            }
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_that_is_not_known_counts_as_failed() {
        let text = "{\"outcome\":\"passed\"}\n{\"outcome\":\"skipped\"}\n{\"outcome\":\"?\"}\n";
        assert_eq!(
            Counts::of(text).unwrap(),
            Counts {
                passed: 1,
                failed: 1,
                skipped: 1
            }
        );
    }

    #[test]
    fn a_report_that_breaks_off_is_an_error() {
        assert!(Counts::of("{\"outcome\":\"pas").is_err());
    }
}

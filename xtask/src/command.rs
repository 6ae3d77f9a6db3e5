//! Running other programs and talking to the person at the terminal.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Where cargo has put what it built, also with a target directory of the person's choice.
///
/// # Errors
/// When cargo does not say.
pub(crate) fn built(root: &Path, path: &str) -> Result<PathBuf> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps"];
    let metadata: Value = serde_json::from_str(&output(root, "cargo", &arguments)?.text)?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    Ok(Path::new(target.context("cargo metadata has no target directory")?).join(path))
}

/// Says one line to the person at the terminal.
///
/// A closed terminal is no reason to stop a test run, so a failed write is ignored.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// Runs a program that writes to the terminal itself.
///
/// # Errors
/// When it cannot be started or does not exit with 0.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("could not start `{program}`"))?;
    if !status.success() {
        bail!("`{program} {}` ended with {status}", arguments.join(" "));
    }
    Ok(())
}

/// What a program printed on stdout, and whether it exited with 0.
pub(crate) struct Output {
    /// Everything it printed on stdout, decoded leniently.
    pub(crate) text: String,
    /// Whether the exit code was 0.
    pub(crate) success: bool,
}

/// Runs a program and keeps its stdout; stderr goes to the terminal.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn output(folder: &Path, program: &str, arguments: &[&str]) -> Result<Output> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start `{program}`"))?;
    Ok(Output {
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        success: output.status.success(),
    })
}

/// The first line that a program prints on stdout, or nothing when it is not there or fails.
pub(crate) fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()
        .map(str::to_owned)
}

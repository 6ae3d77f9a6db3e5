//! No source file grows beyond what a reader takes in.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command;

/// Lines of a source file at which the check fails; 400 is what to aim for.
const LINES_MAX: usize = 600;

const SOURCES: &[&str] = &["rs", "js", "css", "html", "sql"];

/// Every file that is too long, as a sentence.
///
/// # Errors
/// When the list of files or a file cannot be read.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let listing = command::output(root, "git", &["ls-files"])?;
    if !listing.success {
        bail!("`git ls-files` failed");
    }
    let mut faults = Vec::new();
    for name in listing.text.lines() {
        let path = root.join(name);
        let is_source = Path::new(name)
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| SOURCES.contains(&extension));
        // A file that was deleted but is still in the index has no size to judge.
        if !is_source || !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| name.to_owned())?;
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{name} has {lines} lines"));
        }
    }
    Ok(faults)
}

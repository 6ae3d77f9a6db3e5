//! Files that are written by `cargo xtask gen` and checked in.

use std::path::Path;

use anyhow::{Context, Result};

use crate::command::say;
use crate::{compatibility, snippets};

const COMPATIBILITY: &str = "docs/compatibility.md";

/// Pages that carry code cut from tested files.
const PAGES_WITH_CODE: &[&str] = &["docs/guide/password-recovery.md"];

/// Writes every generated file anew.
///
/// # Errors
/// When a source cannot be read or names something that does not exist.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (name, wanted) in all(root)? {
        let path = root.join(&name);
        if std::fs::read_to_string(&path).ok().as_ref() != Some(&wanted) {
            std::fs::write(&path, wanted).with_context(|| name.clone())?;
            say(&format!("wrote {name}"));
        }
    }
    Ok(())
}

/// Every generated file that differs from what its source gives, and every row without its proof.
///
/// # Errors
/// When a source cannot be read.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let mut faults = compatibility::faults(root)?;
    for (name, wanted) in all(root)? {
        if std::fs::read_to_string(root.join(&name)).ok() != Some(wanted) {
            faults.push(format!("{name} is out of date: run `cargo xtask gen`"));
        }
    }
    Ok(faults)
}

fn all(root: &Path) -> Result<Vec<(String, String)>> {
    let mut files = vec![(COMPATIBILITY.to_owned(), compatibility::page(root)?)];
    for name in PAGES_WITH_CODE {
        let text = std::fs::read_to_string(root.join(name)).with_context(|| (*name).to_owned())?;
        files.push(((*name).to_owned(), snippets::fill(root, &text)?));
    }
    Ok(files)
}

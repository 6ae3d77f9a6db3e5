//! What the tests need besides Rust, and how it gets onto the machine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{self, say};

/// What to do with something that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Say it and install it.
    Install,
    /// Say it and stop.
    NameAndStop,
}

/// Programs that the suites start.
pub(crate) struct Tools {
    /// Node, version 20 or newer.
    pub(crate) node: PathBuf,
    /// A Chromium or Chrome.
    pub(crate) chromium: PathBuf,
}

/// Oldest Node that the clients and the tests run on.
const NODE_MAJOR_MIN: u32 = 20;

const CHROMIUM_NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// Looks for everything, installs what is missing or names it.
///
/// # Errors
/// When something is missing and may not or cannot be installed.
pub(crate) fn ensure(root: &Path, missing: Missing) -> Result<Tools> {
    let packages = missing_packages();
    let modules = modules_are_stale(root);
    let runtime = !packages.contains(&"nodejs") && node(root).is_none();
    let mut wanted: Vec<String> = packages
        .iter()
        .map(|name| format!("Debian: {name}"))
        .collect();
    if runtime {
        wanted.push(format!(
            "npm: a Node of version {NODE_MAJOR_MIN} or newer, in e2e/runtime"
        ));
    }
    if modules {
        wanted.push("npm: the packages of e2e/package-lock.json, in e2e/node_modules".to_owned());
    }
    if !wanted.is_empty() {
        say("The tests need, and this machine lacks:");
        for line in &wanted {
            say(&format!("  {line}"));
        }
        if missing == Missing::NameAndStop {
            bail!("{} missing, and --no-install was given", wanted.len());
        }
        say("Installing it now.");
    }
    if !packages.is_empty() {
        install_packages(root, &packages)?;
    }
    let node = match node(root) {
        Some(node) => node,
        None => install_runtime(root)?,
    };
    if modules {
        npm_ci(root, "e2e")?;
    }
    let chromium = chromium().context("Chromium is still missing")?;
    Ok(Tools { node, chromium })
}

fn missing_packages() -> Vec<&'static str> {
    let mut packages = Vec::new();
    if command::first_line("node", &["--version"]).is_none() {
        packages.push("nodejs");
    }
    if command::first_line("npm", &["--version"]).is_none() {
        packages.push("npm");
    }
    if chromium().is_none() {
        // Without fonts Chromium draws pages of boxes.
        packages.extend(["chromium", "fonts-dejavu-core"]);
    }
    if command::first_line("openssl", &["version"]).is_none() {
        packages.push("openssl");
    }
    if command::first_line("valgrind", &["--version"]).is_none() {
        packages.push("valgrind");
    }
    if !has_postgres() {
        packages.push("postgresql");
    }
    packages
}

/// Whether there is a PostgreSQL server, where Debian puts it or where `pg_config` says.
fn has_postgres() -> bool {
    let installed = std::fs::read_dir("/usr/lib/postgresql").is_ok_and(|versions| {
        versions
            .flatten()
            .any(|version| version.path().join("bin/initdb").is_file())
    });
    let elsewhere = || {
        command::first_line("pg_config", &["--bindir"])
            .is_some_and(|folder| Path::new(&folder).join("initdb").is_file())
    };
    installed || elsewhere()
}

fn chromium() -> Option<PathBuf> {
    let mut names = CHROMIUM_NAMES.iter();
    names
        .find(|name| command::first_line(name, &["--version"]).is_some())
        .map(PathBuf::from)
}

/// A Node that is new enough: the machine's, else the one of `e2e/runtime`.
fn node(root: &Path) -> Option<PathBuf> {
    let own = runtime_binary(root);
    [PathBuf::from("node"), own].into_iter().find(|program| {
        let version = program
            .to_str()
            .and_then(|name| command::first_line(name, &["--version"]));
        version
            .as_deref()
            .and_then(major)
            .is_some_and(|major| major >= NODE_MAJOR_MIN)
    })
}

/// The 20 of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn runtime_binary(root: &Path) -> PathBuf {
    let machine = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x64"
    };
    root.join(format!(
        "e2e/runtime/node_modules/node-linux-{machine}/bin/node"
    ))
}

fn install_runtime(root: &Path) -> Result<PathBuf> {
    npm_ci(root, "e2e/runtime")?;
    node(root).context("npm brought no Node that runs here")
}

/// Whether `e2e/node_modules` is absent or older than the lock file.
fn modules_are_stale(root: &Path) -> bool {
    let changed = |name: &str| std::fs::metadata(root.join(name)).and_then(|file| file.modified());
    match (
        changed("e2e/node_modules/.package-lock.json"),
        changed("e2e/package-lock.json"),
    ) {
        (Ok(installed), Ok(locked)) => installed < locked,
        _ => true,
    }
}

fn npm_ci(root: &Path, folder: &str) -> Result<()> {
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    command::run(&root.join(folder), "npm", &arguments)
}

/// Installs packages of the system.
///
/// # Errors
/// When that needs root, or fails.
pub(crate) fn install_packages(root: &Path, packages: &[&str]) -> Result<()> {
    let mut install = vec!["apt-get", "install", "--yes", "--no-install-recommends"];
    install.extend(packages);
    let by_hand = format!("apt-get update && {}", install.join(" "));
    if command::first_line("apt-get", &["--version"]).is_none() {
        bail!("this is no Debian-like system; install what is named above by hand");
    }
    let prefix: &[&str] = if command::first_line("id", &["-u"]).as_deref() == Some("0") {
        &[]
    } else if command::first_line("sudo", &["-n", "id", "-u"]).is_some() {
        &["sudo", "-n"]
    } else {
        bail!("this needs root; run as root: {by_hand}");
    };
    for tail in [vec!["apt-get", "update"], install] {
        let words: Vec<&str> = prefix
            .iter()
            .copied()
            .chain(["env", "DEBIAN_FRONTEND=noninteractive"])
            .chain(tail)
            .collect();
        let (program, arguments) = words.split_first().context("an empty command")?;
        command::run(root, program, arguments)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8"), Some(8));
        assert_eq!(major("20.1.0"), None);
    }
}

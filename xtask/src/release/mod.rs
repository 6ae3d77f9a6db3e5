//! The archive that is handed out: one program, its papers, and what an operator starts from.

mod licences;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{self, say};
use crate::install;

/// The program may weigh so much, stripped.
const BINARY_BYTES_MAX: u64 = 25 * 1_024 * 1_024;
/// How what is handed out is compiled: smaller, and slower to build than `release`.
const PROFILE: &str = "dist";
const PLATFORM: &str = "x86_64-linux-gnu";
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// What `regain init` measures; the example has the defaults.
const EXAMPLE: [(&str, &str); 3] = [
    ("@MEMORY_KIB@", "47104"),
    ("@PASSES@", "1"),
    ("@MILLISECONDS@", "100"),
];

/// Builds the program, unless it was built elsewhere, and packs it. Gives the archive.
///
/// # Errors
/// When something does not build, is too large, or has no licence.
pub(crate) fn build(root: &Path, built: Option<&Path>) -> Result<PathBuf> {
    let metadata = metadata(root)?;
    let version = licences::version_of(&metadata, "regain-cli")?;
    let binary = match built {
        Some(binary) => binary.to_owned(),
        None => compile(root, &metadata)?,
    };
    check_size(&binary)?;

    let name = format!("regain-{version}-{PLATFORM}");
    let dist = root.join("dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).context("the folder of an earlier archive")?;
    }
    stage(root, &binary, &folder, &metadata)?;
    let archive = pack(root, &dist, &name)?;
    say(&format!("{}", archive.display()));
    Ok(archive)
}

fn compile(root: &Path, metadata: &Value) -> Result<PathBuf> {
    say("== release build");
    let options = ["--profile", PROFILE, "--locked", "--package", "regain-cli"];
    let arguments = [&["build"][..], &options[..]].concat();
    command::run(root, "cargo", &arguments)?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    let target = target.context("cargo metadata has no target directory")?;
    Ok(Path::new(target).join(PROFILE).join("regain"))
}

/// What the test of the archive needs, installed where it is missing.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn ensure_tools(root: &Path) -> Result<()> {
    let mut missing = Vec::new();
    if command::first_line("debootstrap", &["--version"]).is_none() {
        missing.push("debootstrap");
    }
    if command::first_line("systemd-analyze", &["--version"]).is_none() {
        missing.push("systemd");
    }
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("Installing {}", missing.join(", ")));
    install::install_packages(root, &missing)
}

fn metadata(root: &Path) -> Result<Value> {
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        TARGET,
    ];
    Ok(serde_json::from_str(
        &command::output(root, "cargo", &arguments)?.text,
    )?)
}

fn check_size(binary: &Path) -> Result<()> {
    let bytes = fs::metadata(binary)
        .with_context(|| binary.display().to_string())?
        .len();
    say(&format!("the program has {bytes} bytes"));
    if bytes > BINARY_BYTES_MAX {
        bail!(
            "{} has {bytes} bytes, more than {BINARY_BYTES_MAX}",
            binary.display()
        );
    }
    Ok(())
}

fn stage(root: &Path, binary: &Path, folder: &Path, metadata: &Value) -> Result<()> {
    fs::create_dir_all(folder.join("docs/guide"))?;
    let mut files = vec![
        (binary.to_owned(), "regain"),
        (root.join("LICENSE"), "LICENSE"),
        (root.join("CHANGELOG.md"), "CHANGELOG.md"),
        (root.join("packaging/README.md"), "README.md"),
        (root.join("packaging/regain.service"), "regain.service"),
        (
            root.join("packaging/regain.sysusers.conf"),
            "regain.sysusers.conf",
        ),
        (root.join("docs/backup.md"), "docs/backup.md"),
        (root.join("docs/configuration.md"), "docs/configuration.md"),
        (
            root.join("docs/mail-templates.md"),
            "docs/mail-templates.md",
        ),
        (root.join("docs/users.md"), "docs/users.md"),
        (
            root.join("docs/guide/operating.md"),
            "docs/guide/operating.md",
        ),
    ];
    for (from, to) in files.drain(..) {
        fs::copy(&from, folder.join(to)).with_context(|| from.display().to_string())?;
    }
    let template = root.join("crates/regain-cli/src/commands/init/regain.toml");
    let mut example = fs::read_to_string(&template).context("the template of regain init")?;
    for (mark, value) in EXAMPLE {
        example = example.replace(mark, value);
    }
    fs::write(folder.join("regain.example.toml"), example)?;
    let parts = licences::parts(root, metadata, "regain-cli")?;
    fs::write(
        folder.join("THIRD-PARTY-LICENSES.txt"),
        licences::text(root, &parts)?,
    )?;
    fs::write(folder.join("regain.cdx.json"), licences::sbom(&parts)?)?;
    Ok(())
}

/// Packs with fixed owners, order and times: the same contents give the same archive.
fn pack(root: &Path, dist: &Path, name: &str) -> Result<PathBuf> {
    let committed = command::output(root, "git", &["log", "-1", "--format=%ct"])?;
    let time = match committed.text.trim() {
        "" => "0",
        seconds => seconds,
    };
    let file = format!("{name}.tar.gz");
    let mtime = format!("--mtime=@{time}");
    let arguments = [
        "--create",
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mode=u+rwX,go+rX,go-w",
        &mtime,
        "--use-compress-program=gzip -9n",
        "--file",
        &file,
        name,
    ];
    command::run(dist, "tar", &arguments)?;
    let sum = command::output(dist, "sha256sum", &[&file])?;
    fs::write(dist.join(format!("{file}.sha256")), sum.text)?;
    Ok(dist.join(file))
}

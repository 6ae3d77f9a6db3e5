//! The parts of the program, and the papers that they come with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Beginnings of the names of files that hold a licence or a notice.
const PAPERS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"];

/// A crate that is compiled into the program.
#[derive(Debug)]
pub(crate) struct Part {
    name: String,
    version: String,
    licence: String,
    repository: Option<String>,
    /// SHA-256 of the crate as the registry has it.
    checksum: Option<String>,
    folder: PathBuf,
}

/// The version of a package.
///
/// # Errors
/// When there is no such package.
pub(crate) fn version_of(metadata: &Value, name: &str) -> Result<String> {
    let package = packages(metadata)
        .find(|package| package.get("name").and_then(Value::as_str) == Some(name))
        .with_context(|| format!("no package {name}"))?;
    text_of(package, "version")
}

/// Every foreign crate that the program `root_name` is made of; not those that only build or test it.
///
/// # Errors
/// When a crate names no licence.
pub(crate) fn parts(root: &Path, metadata: &Value, root_name: &str) -> Result<Vec<Part>> {
    let checksums = checksums(root)?;
    let ids = reached(metadata, root_name)?;
    let mut parts = Vec::new();
    for package in packages(metadata) {
        let id = text_of(package, "id")?;
        // What has no source is ours.
        if !ids.contains(&id) || package.get("source").is_none_or(Value::is_null) {
            continue;
        }
        let (name, version) = (text_of(package, "name")?, text_of(package, "version")?);
        let Some(licence) = package.get("license").and_then(Value::as_str) else {
            bail!("{name} {version} names no licence");
        };
        let manifest = PathBuf::from(text_of(package, "manifest_path")?);
        let folder = manifest.parent().context("a manifest has a folder")?;
        let checksum = checksums.get(&(name.clone(), version.clone())).cloned();
        parts.push(Part {
            licence: licence.to_owned(),
            repository: package
                .get("repository")
                .and_then(Value::as_str)
                .map(str::to_owned),
            folder: folder.to_owned(),
            checksum,
            name,
            version,
        });
    }
    parts.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(parts)
}

/// All papers in one text; each paper once, below the names of those that it belongs to.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn text(root: &Path, parts: &[Part]) -> Result<String> {
    let mut text = String::from(
        "The program regain holds parts of others. Their names, licences and papers follow.\n\n",
    );
    let mut papers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in parts {
        let title = format!("{} {}", part.name, part.version);
        let repository = part.repository.as_deref().unwrap_or("");
        writeln!(text, "{title}: {} {repository}", part.licence)?;
        for paper in papers_in(&part.folder)? {
            papers.entry(paper).or_default().push(title.clone());
        }
    }
    let list = root.join("crates/regain-engine/src/policy/COMMON_PASSWORDS.md");
    let list = fs::read_to_string(&list).context("the papers of the common passwords")?;
    papers
        .entry(list)
        .or_default()
        .push("the list of common passwords".to_owned());
    let line = "-".repeat(100);
    for (paper, of) in papers {
        write!(
            text,
            "\n{line}\n{}\n{line}\n\n{}\n",
            of.join("\n"),
            paper.trim_end()
        )?;
    }
    Ok(text)
}

/// The parts in the form of `CycloneDX` 1.5.
///
/// # Errors
/// When the JSON cannot be written.
pub(crate) fn sbom(parts: &[Part]) -> Result<String> {
    let components: Vec<Value> = parts.iter().map(component).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "name": "regain",
            "version": env!("CARGO_PKG_VERSION"),
            "licenses": [{ "expression": "Apache-2.0" }],
        }},
        "components": components,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

fn component(part: &Part) -> Value {
    let purl = format!("pkg:cargo/{}@{}", part.name, part.version);
    let hashes: Vec<Value> = part
        .checksum
        .iter()
        .map(|sum| json!({ "alg": "SHA-256", "content": sum }))
        .collect();
    json!({
        "type": "library",
        "bom-ref": purl,
        "name": part.name,
        "version": part.version,
        "purl": purl,
        // An older way to write "or", which is no expression.
        "licenses": [{ "expression": part.licence.replace('/', " OR ") }],
        "hashes": hashes,
    })
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    let list = metadata.get("packages").and_then(Value::as_array);
    list.into_iter().flatten()
}

fn text_of(value: &Value, key: &str) -> Result<String> {
    let text = value.get(key).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("cargo metadata has no {key}"))
}

/// The ids of all packages that the root uses when it runs, through others too.
fn reached(metadata: &Value, root_name: &str) -> Result<BTreeSet<String>> {
    let nodes = metadata
        .pointer("/resolve/nodes")
        .and_then(Value::as_array)
        .context("cargo metadata resolves nothing")?;
    let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in nodes {
        let deps = node.get("deps").and_then(Value::as_array);
        let mut normal = Vec::new();
        for dep in deps.into_iter().flatten() {
            let kinds = dep.get("dep_kinds").and_then(Value::as_array);
            let runs = |kind: &Value| kind.get("kind").is_none_or(Value::is_null);
            if kinds.into_iter().flatten().any(runs) {
                normal.push(text_of(dep, "pkg")?);
            }
        }
        uses.insert(text_of(node, "id")?, normal);
    }
    let root = packages(metadata)
        .find(|package| package.get("name").and_then(Value::as_str) == Some(root_name))
        .context("no such package")?;
    let mut reached = BTreeSet::new();
    let mut waiting = vec![text_of(root, "id")?];
    while let Some(id) = waiting.pop() {
        if reached.insert(id.clone()) {
            waiting.extend(uses.get(&id).cloned().unwrap_or_default());
        }
    }
    Ok(reached)
}

fn papers_in(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if entry.file_type()?.is_file() && PAPERS.iter().any(|paper| name.starts_with(paper)) {
            files.push(entry.path());
        }
    }
    files.sort();
    files
        .iter()
        .map(|file| {
            let bytes = fs::read(file).with_context(|| file.display().to_string())?;
            Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
        })
        .collect()
}

/// The checksums of `Cargo.lock`, which has one table per package.
fn checksums(root: &Path) -> Result<BTreeMap<(String, String), String>> {
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("Cargo.lock")?;
    let mut sums = BTreeMap::new();
    for table in lock.split("[[package]]") {
        let value = |key: &str| {
            let start = format!("{key} = \"");
            let line = table.lines().find_map(|line| line.strip_prefix(&start));
            line.map(|rest| rest.trim_end_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(sum)) =
            (value("name"), value("version"), value("checksum"))
        {
            sums.insert((name, version), sum);
        }
    }
    Ok(sums)
}

//! `docs/compatibility.md`: what of the protocol works, and which test proves it.
//!
//! The source is `docs/compatibility.txt`. A line in brackets opens a section; a row is
//! `name | status | file :: test`; an indented line adds one more test to the row above.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

const SOURCE: &str = "docs/compatibility.txt";

/// What a row may say about itself.
const STATUSES: &[&str] = &["works", "partly", "not yet"];

const HEAD: &str = "\
# Compatibility

<!-- Written by `cargo xtask gen` from compatibility.txt; edit that file. -->

What of the protocol works, and the test that proves it. *works*: as the clients expect it; *partly*: the
test says how far; *not yet*: never advertised. Regain is not affiliated with Okta.
";

#[derive(Debug, PartialEq, Eq)]
struct Section {
    title: String,
    rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    status: String,
    proofs: Vec<Proof>,
}

#[derive(Debug, PartialEq, Eq)]
struct Proof {
    file: String,
    test: String,
}

/// The page as its source gives it.
///
/// # Errors
/// When the source is missing or a line of it cannot be read.
pub(crate) fn page(root: &Path) -> Result<String> {
    let mut page = HEAD.to_owned();
    for section in read(root)? {
        write!(
            page,
            "\n## {}\n\n| what | status | proved by |\n|---|---|---|\n",
            section.title
        )?;
        for row in section.rows {
            let proofs: Vec<String> = row
                .proofs
                .iter()
                .map(|proof| format!("[{}](../{})", readable(&proof.test), proof.file))
                .collect();
            writeln!(
                page,
                "| {} | {} | {} |",
                row.name,
                row.status,
                proofs.join("<br>")
            )?;
        }
    }
    Ok(page)
}

/// The name of a test as people read it: one that runs for each client is written as a template.
fn readable(test: &str) -> String {
    test.replace("${kind.name}", "each auth-js")
        .replace("${generation.name}", "each generation")
}

/// Every row that claims to work without a test, and every test that does not exist.
///
/// # Errors
/// When the source is missing or a line of it cannot be read.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for row in read(root)?.into_iter().flat_map(|section| section.rows) {
        if row.status != "not yet" && row.proofs.is_empty() {
            faults.push(format!("{SOURCE}: `{}` names no test", row.name));
        }
        for proof in row.proofs {
            let holds = std::fs::read_to_string(root.join(&proof.file))
                .is_ok_and(|text| holds_test(&proof.file, &text, &proof.test));
            if !holds {
                let Proof { file, test } = proof;
                faults.push(format!(
                    "{SOURCE}: `{}`: no test `{test}` in {file}",
                    row.name
                ));
            }
        }
    }
    Ok(faults)
}

fn read(root: &Path) -> Result<Vec<Section>> {
    parse(&std::fs::read_to_string(root.join(SOURCE)).context(SOURCE)?)
}

fn parse(text: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let fault = || format!("{SOURCE} line {}: {line}", index + 1);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            sections.push(Section {
                title: title.to_owned(),
                rows: Vec::new(),
            });
            continue;
        }
        let rows = &mut sections.last_mut().with_context(fault)?.rows;
        if line.starts_with(' ') {
            rows.last_mut()
                .with_context(fault)?
                .proofs
                .push(proof(line).with_context(fault)?);
        } else {
            rows.push(row(line).with_context(fault)?);
        }
    }
    Ok(sections)
}

fn row(line: &str) -> Result<Row> {
    let mut parts = line.splitn(3, " | ").map(str::trim);
    let name = parts.next().unwrap_or_default().to_owned();
    let status = parts.next().context("the row has no status")?.to_owned();
    if !STATUSES.contains(&status.as_str()) {
        bail!("`{status}` is none of {STATUSES:?}");
    }
    let proofs = parts.next().map(proof).transpose()?.into_iter().collect();
    Ok(Row {
        name,
        status,
        proofs,
    })
}

fn proof(words: &str) -> Result<Proof> {
    let (file, test) = words
        .split_once(" :: ")
        .context("a proof is `file :: test`")?;
    Ok(Proof {
        file: file.trim().to_owned(),
        test: test.trim().to_owned(),
    })
}

/// Whether a file of Rust or JavaScript holds a test of this name.
fn holds_test(file: &str, source: &str, test: &str) -> bool {
    if Path::new(file)
        .extension()
        .is_some_and(|extension| extension == "rs")
    {
        return source.contains(&format!("fn {test}("));
    }
    ["'", "\"", "`"]
        .iter()
        .any(|quote| source.contains(&format!("{quote}{test}{quote}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_sections_and_further_proofs_are_read() {
        let text =
            "# why\n[Remediations]\nidentify | works | a.rs :: b\n  c.js :: d e\nskip | not yet\n";
        let sections = parse(text).unwrap();
        assert_eq!(sections.len(), 1);
        assert_eq!(sections[0].rows.len(), 2);
        assert_eq!(sections[0].rows[0].proofs[1].test, "d e");
        assert_eq!(sections[0].rows[1].status, "not yet");
    }

    #[test]
    fn an_unknown_status_is_refused() {
        assert!(parse("[X]\nidentify | perhaps | a.rs :: b\n").is_err());
    }

    #[test]
    fn a_test_is_found_by_its_declaration_only() {
        assert!(holds_test(
            "a.rs",
            "fn code_is_single_use() {",
            "code_is_single_use"
        ));
        assert!(!holds_test(
            "a.rs",
            "// code_is_single_use",
            "code_is_single_use"
        ));
        assert!(holds_test(
            "a.js",
            "test('a code works once', …",
            "a code works once"
        ));
        assert!(!holds_test(
            "a.js",
            "test('a code works once more', …",
            "a code works once"
        ));
    }
}

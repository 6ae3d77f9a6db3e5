//! Holds `docs/security-tests.md` against the tests that there are, so that it cannot rot.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Rows of the catalogue that the recovery of a password must pass.
const REQUIRED: [&str; 14] = [
    "T-C2", "T-C3", "T-C4", "T-C5", "T-C8", "T-E1", "T-E3", "T-E7", "T-S1", "T-S2", "T-S3", "T-S4",
    "T-S8", "T-S9",
];
/// Files of this crate whose tests carry the name of a row.
const NAMED: [&str; 2] = ["tests/it/security", "tests/it/idx"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cells of the table rows below a heading.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = page.split_once(heading).expect("the heading is there");
    let section = rest.split("\n## ").next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|---"))
        .skip(1)
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// `file :: test` of a cell, each of which must exist.
fn proofs(cell: &str) -> Vec<(String, String)> {
    cell.split("<br>")
        .map(|proof| {
            let (file, test) = proof
                .trim()
                .trim_matches('`')
                .split_once(" :: ")
                .unwrap_or_else(|| panic!("`{proof}` is no `file :: test`"));
            (file.to_owned(), test.to_owned())
        })
        .collect()
}

fn assert_exists(file: &str, test: &str) {
    let source = std::fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("{file}"));
    if Path::new(file).extension().is_some_and(|it| it == "js") {
        let quoted = ["'", "`"].map(|quote| format!("it({quote}{test}{quote},"));
        assert!(
            quoted.iter().any(|it| source.contains(it)),
            "{test} in {file}"
        );
        return;
    }
    let found = source.match_indices(&format!("fn {test}(")).count();
    assert_eq!(found, 1, "{test} in {file}");
    let (before, _) = source.split_once(&format!("fn {test}(")).unwrap();
    let marked = before.lines().rev().take(4).any(|line| {
        line.trim_start().starts_with("#[test]") || line.trim_start().starts_with("#[tokio::test")
    });
    let in_proptest = source.contains("proptest! {");
    assert!(marked || in_proptest, "{test} in {file} is no test");
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/security-tests.md")).unwrap()
}

#[test]
fn every_row_names_tests_that_exist() {
    let rows = table(&page(), "## Rows of the catalogue");
    let ids: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    for id in REQUIRED {
        assert!(ids.contains(id), "{id} is missing");
    }
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        for (file, test) in proofs(&row[2]) {
            assert_exists(&file, &test);
        }
        assert!(!row[3].is_empty(), "{row:?}");
    }
}

#[test]
fn every_test_with_the_name_of_a_row_is_listed() {
    let page = page();
    let mut named = 0;
    for directory in NAMED {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        for entry in std::fs::read_dir(directory).unwrap() {
            let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let declared =
                |line: &str| line.starts_with("fn t_") || line.starts_with("async fn t_");
            let lines = source.lines().filter(|line| declared(line));
            for line in lines.filter_map(|line| line.split_once("fn t_")) {
                let test = format!("t_{}", line.1.split('(').next().unwrap());
                assert!(
                    page.contains(&format!(" :: {test}`")),
                    "{test} is not listed"
                );
                named += 1;
            }
        }
    }
    assert!(named > 10, "{named}");
}

#[test]
fn every_flaw_that_was_tried_is_caught_by_a_test_that_exists() {
    let rows = table(&page(), "## Flaws tried");
    assert!(rows.len() >= 20, "{}", rows.len());
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
        for (file, test) in proofs(&row[2]) {
            assert_exists(&file, &test);
        }
    }
}

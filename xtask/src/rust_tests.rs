//! Unit, property, conformance, HTTP and doc tests, counted.

use std::path::Path;

use crate::command::{self, say};
use crate::summary::Summary;

/// Runs all Rust tests; shows what failed.
pub(crate) fn run(root: &Path, summary: &mut Summary) {
    for (name, arguments) in [
        (
            "rust tests",
            &["test", "--workspace", "--all-targets", "--no-fail-fast"][..],
        ),
        (
            "doc tests",
            &["test", "--workspace", "--doc", "--no-fail-fast"][..],
        ),
    ] {
        say(&format!("== {name}: cargo {}", arguments.join(" ")));
        let (mut counts, success) = match command::output(root, "cargo", arguments) {
            Ok(output) => {
                if !output.success {
                    say(&without_passed(&output.text));
                }
                (Counts::of(&output.text), output.success)
            }
            Err(error) => {
                say(&format!("{error:#}"));
                (Counts::default(), false)
            }
        };
        if !success && counts.failed == 0 {
            counts.failed = 1; // It did not compile, or a test process died.
        }
        summary.count(name, counts.passed, counts.failed, counts.ignored);
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Adds up the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn of(text: &str) -> Self {
        let mut counts = Self::default();
        for line in text
            .lines()
            .filter_map(|line| line.strip_prefix("test result: "))
        {
            for part in line.split([';', '.']) {
                let mut words = part.split_whitespace();
                let number = words.next().and_then(|word| word.parse::<u64>().ok());
                match (number, words.next()) {
                    (Some(number), Some("passed")) => counts.passed += number,
                    (Some(number), Some("failed")) => counts.failed += number,
                    (Some(number), Some("ignored")) => counts.ignored += number,
                    _ => {}
                }
            }
        }
        counts
    }
}

/// The output without the lines of tests that passed.
fn without_passed(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !(line.starts_with("test ") && line.ends_with(" ... ok")))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
running 2 tests
test a ... ok
test b ... FAILED

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 1.20s
";

    #[test]
    fn counts_are_added_over_all_test_programs() {
        assert_eq!(
            Counts::of(TEXT),
            Counts {
                passed: 13,
                failed: 1,
                ignored: 3
            }
        );
    }

    #[test]
    fn a_failed_test_stays_visible() {
        let shown = without_passed(TEXT);
        assert!(shown.contains("test b ... FAILED"));
        assert!(!shown.contains("test a ... ok"));
    }
}

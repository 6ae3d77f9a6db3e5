//! Instructions of each step of the engine, counted by callgrind: a figure that no noise of a machine
//! moves, held against the one that was recorded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::{self, say};

/// Where the figures are recorded.
const RECORD: &str = "crates/regain-engine/examples/steps/instructions.txt";
const HEADER: &str = "\
# Instructions of each step of the engine, its document included, in a development build.
# `cargo xtask budgets` compares, `cargo xtask budgets --record` writes: say in the commit what for.
";
const PROGRAM: &str = "debug/examples/steps";
/// More than this beside the record is a change that somebody should know of; less, too, so that the
/// next one is seen.
const TOLERANCE_PERCENT: u64 = 5;
/// The difference of two runs is that of the steps alone, without the start of the program.
const FEW: u64 = 20;
const MANY: u64 = 120;

/// What to do with the figures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figures {
    /// Hold them against the record.
    Compare,
    /// Make them the record.
    Record,
}

/// Counts, and compares or records.
///
/// # Errors
/// When valgrind is missing, something does not run, or a step costs something else than recorded.
pub(crate) fn run(root: &Path, figures: Figures) -> Result<()> {
    if command::first_line("valgrind", &["--version"]).is_none() {
        bail!("valgrind is missing: apt-get install valgrind");
    }
    // With the workspace's features, as everything else: other ones would compile it once more.
    let build = ["build", "--workspace", "--example", "steps"];
    command::run(root, "cargo", &build)?;
    let mut counted = BTreeMap::new();
    let program = command::built(root, PROGRAM)?.display().to_string();
    for step in command::output(root, &program, &[])?.text.lines() {
        let few = count(root, &program, (step, FEW))?;
        let many = count(root, &program, (step, MANY))?;
        counted.insert(step.to_owned(), many.saturating_sub(few) / (MANY - FEW));
    }
    let record = root.join(RECORD);
    if figures == Figures::Record {
        std::fs::write(&record, text(&counted)).context(RECORD)?;
        return Ok(());
    }
    let recorded = std::fs::read_to_string(&record).context(RECORD)?;
    let faults = faults(&read(&recorded)?, &counted);
    for fault in &faults {
        say(fault);
    }
    if faults.is_empty() {
        say(&format!("{} steps cost what is recorded", counted.len()));
        return Ok(());
    }
    bail!("instructions differ from {RECORD}; if that is meant: cargo xtask budgets --record");
}

/// Instructions of the program when it takes a step so often.
fn count(root: &Path, program: &str, (step, times): (&str, u64)) -> Result<u64> {
    let times = times.to_string();
    let log = Path::new(program).with_extension("callgrind.log");
    let log_option = format!("--log-file={}", log.display());
    let arguments = [
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        &log_option,
        program,
        step,
        &times,
    ];
    if !command::output(root, "valgrind", &arguments)?.success {
        bail!(
            "valgrind could not run {step}; its words are in {}",
            log.display()
        );
    }
    let log = std::fs::read_to_string(&log).context("the log of valgrind")?;
    collected(&log).with_context(|| format!("valgrind counted nothing of {step}"))
}

/// The number of the line `==1== Collected : 123`.
fn collected(log: &str) -> Option<u64> {
    let (_, rest) = log.split_once("Collected :")?;
    rest.lines().next()?.trim().parse().ok()
}

fn text(counted: &BTreeMap<String, u64>) -> String {
    let mut text = HEADER.to_owned();
    for (step, count) in counted {
        // Writing into a string does not fail.
        let _ = writeln!(text, "{step}: {count}");
    }
    text
}

fn read(text: &str) -> Result<BTreeMap<String, u64>> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (step, count) = line.split_once(": ").context(RECORD)?;
            Ok((step.to_owned(), count.parse().context(RECORD)?))
        })
        .collect()
}

fn faults(recorded: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>) -> Vec<String> {
    let mut faults = Vec::new();
    for (step, count) in counted {
        match recorded.get(step) {
            None => faults.push(format!("{step}: {count}, and nothing is recorded")),
            Some(known) if count.abs_diff(*known) * 100 > known * TOLERANCE_PERCENT => {
                faults.push(format!("{step}: {count}, recorded {known}"));
            }
            Some(_) => {}
        }
    }
    let gone = recorded.keys().filter(|step| !counted.contains_key(*step));
    faults.extend(gone.map(|step| format!("{step} is recorded, and there is no such step")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        let owned = list
            .iter()
            .map(|(step, count)| ((*step).to_owned(), *count));
        owned.collect()
    }

    #[test]
    fn a_twentieth_more_or_less_is_no_fault() {
        let recorded = steps(&[("a", 1_000)]);
        for (count, fine) in [(950, true), (1_050, true), (949, false), (1_051, false)] {
            let faults = faults(&recorded, &steps(&[("a", count)]));
            assert_eq!(faults.is_empty(), fine, "{count}");
        }
    }

    #[test]
    fn steps_that_came_or_went_are_faults() {
        let (old, new) = (steps(&[("a", 1), ("b", 1)]), steps(&[("a", 1), ("c", 1)]));
        assert_eq!(
            faults(&old, &new),
            [
                "c: 1, and nothing is recorded",
                "b is recorded, and there is no such step"
            ]
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let counted = steps(&[("new password", 12), ("answer", 3)]);
        assert_eq!(read(&text(&counted)).unwrap(), counted);
        assert!(read("nonsense").is_err());
    }

    #[test]
    fn valgrind_says_how_many() {
        let log = "==7== Events    : Ir\n==7== Collected : 4200\n==7==\n";
        assert_eq!(collected(log), Some(4_200));
        assert_eq!(collected("==7== nothing"), None);
    }
}

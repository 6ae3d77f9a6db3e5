//! Takes one step of a flow so many times: `cargo xtask budgets` counts the instructions of it.
//!
//! Usage: `steps` lists the steps; `steps NAME COUNT` takes one.

mod script;

use std::io::{self, Write as _};
use std::process::ExitCode;

use script::Script;

fn main() -> ExitCode {
    let script = Script::new();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = io::stdout().lock();
    if arguments.is_empty() {
        let names = script.cases().into_iter().map(|case| case.name);
        let listed = names.map(|name| writeln!(out, "{name}"));
        return status(listed.collect::<io::Result<()>>().is_ok());
    }
    let [name, count] = arguments.as_slice() else {
        return ExitCode::from(2);
    };
    let Ok(count) = count.parse::<u32>() else {
        return ExitCode::from(2);
    };
    let cases = script.cases();
    let Some(case) = cases.iter().find(|case| case.name == name) else {
        return ExitCode::from(2);
    };
    let bytes: usize = (0..count).map(|_| script.take(case)).sum();
    // What came out is used, so that nothing is left out of the work.
    status(writeln!(out, "{bytes} bytes of documents").is_ok())
}

fn status(fine: bool) -> ExitCode {
    if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

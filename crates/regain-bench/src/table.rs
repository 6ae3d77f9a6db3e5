//! The report for people.

use std::fmt::Write as _;

use crate::report::{Goal, OTHER_SHARE_MAX, Overload, Report, Row, Verdict, median};
use crate::tally::WHOLE_FLOW;

/// The whole report as text.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut out, report);
    out
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    let machine = &report.machine;
    writeln!(
        out,
        "regain {} ({}), {}, {} node(s), {} users\n{}; {} cores, {} MiB, Linux {}; {}\n{}\n",
        report.version,
        report.profile,
        report.store,
        report.nodes,
        report.users,
        machine.processor,
        machine.cores,
        machine.memory_mib,
        machine.kernel,
        report.date,
        report.command,
    )?;
    if report.overload.is_empty() {
        bare(out, report)?;
        rows(out, report)?;
        steps(out, report)?;
    } else {
        overload(out, &report.overload)?;
    }
    goals(out, &report.goals)?;
    if report.profile != "release" {
        writeln!(
            out,
            "\nThis is a {} build: its figures say nothing.",
            report.profile
        )?;
    }
    Ok(())
}

fn bare(out: &mut String, report: &Report) -> std::fmt::Result {
    let bare = &report.bare;
    writeln!(out, "What the machine can do at all")?;
    writeln!(
        out,
        "  argon2id 19456/2/1, all cores   {:>9.1} /s",
        median(bare.hashes_per_second.clone())
    )?;
    writeln!(
        out,
        "  RS256 signatures, one core      {:>9.1} /s",
        bare.signatures_per_second
    )?;
    for (connections, rate) in &bare.commits_per_second {
        writeln!(
            out,
            "  durable commits of one row, {connections:<3} {rate:>9.1} /s"
        )?;
    }
    writeln!(
        out,
        "  bare HTTP answers, 64 clients   {:>9.1} /s   (CPU: server {:.3} ms, generator {:.3} ms)\n",
        bare.echoes_per_second, bare.echo_server_ms, bare.echo_generator_ms
    )
}

fn rows(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        out,
        "{:<28} {:>7} {:>9} {:>17} {:>9} {:>7} {:>8} {:>8} {:>8} {:>8} {:>6} {:>6}",
        "",
        "clients",
        "flows/s",
        "[min .. max]",
        "requests/s",
        "÷ bare",
        "p50 ms",
        "p99 ms",
        "CPU ms",
        "- hash",
        "peak",
        "errors"
    )?;
    for row in &report.rows {
        let rates = || row.samples.iter().map(|sample| sample.per_second);
        let (low, high) = (
            rates().fold(f64::INFINITY, f64::min),
            rates().fold(0.0, f64::max),
        );
        let whole = row.latency(WHOLE_FLOW);
        let clients = row
            .rate
            .map_or_else(|| row.clients.to_string(), |rate| format!("{rate}/s"));
        writeln!(
            out,
            "{:<28} {clients:>7} {:>9.1} {:>17} {:>9.0} {:>7} {:>8.1} {:>8.1} {:>8.2} {:>8.2} {:>6.0} {:>6}{}",
            row.name,
            row.median(|sample| sample.per_second),
            format!("[{low:.1} .. {high:.1}]"),
            row.median(|sample| sample.requests_per_second),
            ratio(row),
            whole.map_or(0.0, |latency| latency.p50_ms),
            whole.map_or(0.0, |latency| latency.p99_ms),
            row.median(|sample| sample.cpu_ms.engine),
            row.median(|sample| sample.cpu_ms.engine_beyond_hash),
            row.median(|sample| sample.peak_mib),
            row.errors.values().sum::<u64>(),
            if row.is_sound() { "" } else { "  unsound" },
        )?;
    }
    if report.rows.iter().any(|row| !row.is_sound()) {
        writeln!(
            out,
            "unsound: something else used more than {:.0} % of the cores",
            OTHER_SHARE_MAX * 100.0
        )?;
    }
    for row in &report.rows {
        for (what, count) in &row.errors {
            writeln!(
                out,
                "error: {} at {} clients: {count} x {what}",
                row.name, row.clients
            )?;
        }
    }
    writeln!(out)
}

fn ratio(row: &Row) -> String {
    if row.hashes_per_operation == 0 {
        "-".to_owned()
    } else {
        format!("{:.3}", row.of_bare_hashes())
    }
}

fn steps(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "Steps, p50 / p99 in ms")?;
    for row in &report.rows {
        let clients = row
            .rate
            .map_or_else(|| row.clients.to_string(), |rate| format!("{rate}/s"));
        let steps: Vec<String> = row
            .latencies
            .iter()
            .map(|step| format!("{} {:.2}/{:.2}", step.step, step.p50_ms, step.p99_ms))
            .collect();
        writeln!(out, "  {}, {clients}: {}", row.name, steps.join(", "))?;
    }
    writeln!(out)
}

fn overload(out: &mut String, flows: &[Overload]) -> std::fmt::Result {
    for flow in flows {
        writeln!(
            out,
            "{}: {:.1} flows/s can be done by {} core(s), p99 {:.1} ms, {:.0} MiB; clients have the others\n{:>8} {:>10} {:>9} {:>10} {:>10} {:>9} {:>10} {:>10} {:>8} {:>11}",
            flow.flow,
            flow.capacity_per_second,
            flow.engine_cores,
            flow.at_capacity.p99_ms,
            flow.memory_mib,
            "times",
            "offered/s",
            "done/s",
            "p50 ms",
            "p99 ms",
            "refused",
            "p99 ms",
            "token p99",
            "peak MiB",
            "connections"
        )?;
        for point in &flow.points {
            writeln!(
                out,
                "{:>8} {:>10.1} {:>9.1} {:>10.1} {:>10.1} {:>9} {:>10.1} {:>10.1} {:>8.0} {:>11}",
                point.factor,
                point.offered_per_second,
                point.done_per_second,
                point.admitted.p50_ms,
                point.admitted.p99_ms,
                point.refused.count,
                point.refused.p99_ms,
                point.token_p99_ms,
                point.peak_mib,
                point.connections
            )?;
        }
        let errors = flow.points.iter().flat_map(|point| {
            let of_point = point.errors.iter();
            of_point.map(|(what, count)| (point.factor, what, count))
        });
        for (factor, what, count) in errors {
            writeln!(out, "not done at {factor} times: {count} x {what}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn goals(out: &mut String, goals: &[Goal]) -> std::fmt::Result {
    writeln!(out, "Goals")?;
    for goal in goals {
        let value = goal
            .value
            .map_or_else(|| "-".to_owned(), |value| number(value, &goal.unit));
        let sign = if goal.at_least { "≥" } else { "≤" };
        let verdict = match goal.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "MISSED",
            Verdict::NotMeasured => "not measured",
            Verdict::Unsound => "unsound",
        };
        writeln!(
            out,
            "  {:<4} {:<60} {value:>12}   {sign} {:<12} {verdict}",
            goal.id,
            goal.measure,
            number(goal.bound, &goal.unit),
        )?;
    }
    Ok(())
}

fn number(value: f64, unit: &str) -> String {
    if unit.is_empty() {
        format!("{value:.3}")
    } else if unit == "/s" {
        format!("{value:.0} /s")
    } else {
        format!("{value:.1} {unit}")
    }
}

//! `regain bench`, as short as it can be: its figures say nothing, but every flow must work.

use std::fs;

use regain_bench::{Report, Verdict};

use crate::program::{assert_one_line, run, stderr, stdout};

#[test]
fn every_flow_is_driven_and_reported() {
    let directory = tempfile::tempdir().unwrap();
    let (data, json) = (directory.path(), directory.path().join("bench.json"));
    let (data, json) = (data.to_str().unwrap(), json.to_str().unwrap());
    let measured = run(&[
        "bench",
        "--repetitions",
        "1",
        "--seconds",
        "0.4",
        "--users",
        "800",
        "--clients",
        "2",
        "--rate",
        "5",
        "--data",
        data,
        "--json",
        json,
    ]);
    assert!(measured.status.success(), "{}", stderr(&measured));
    let report: Report = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let names: Vec<_> = report
        .rows
        .iter()
        .map(|row| (row.name.as_str(), row.clients))
        .collect();
    assert_eq!(
        names,
        [
            ("recover", 2),
            ("recover", 0),
            ("sign-in", 2),
            ("sign-in", 0),
            ("light", 2),
            ("light", 0),
            ("light beside 2 recoveries", 0),
            ("recover, history of 4", 2),
            ("recover, all limits", 2),
        ]
    );
    for row in &report.rows {
        // A busy machine refuses to hash (503), and nothing else.
        for what in row.errors.keys() {
            assert!(what.contains(" 503 "), "{}: {what}", row.name);
        }
        let steps: u64 = row.latencies.iter().map(|step| step.count).sum();
        assert!(steps > 0, "{} did nothing", row.name);
    }
    assert!(
        report
            .bare
            .commits_per_second
            .values()
            .all(|rate| *rate > 0.0)
    );
    assert!(report.bare.echoes_per_second > 0.0 && report.bare.signatures_per_second > 0.0);
    let p1 = report.goals.iter().find(|goal| goal.id == "P1").unwrap();
    assert_eq!(
        p1.verdict,
        Verdict::NotMeasured,
        "nobody asked for 64 clients"
    );
    let table = stdout(&measured);
    assert!(table.contains("What the machine can do at all"), "{table}");
}

#[test]
fn overload_is_driven_to_ten_times_what_can_be_done() {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("bench.json");
    let (data, json) = (directory.path().to_str().unwrap(), json.to_str().unwrap());
    let short = ["--seconds", "0.3", "--users", "800", "--clients", "2"];
    let rest = ["--flows", "light", "--data", data, "--json", json];
    let measured = run(&[&["bench", "--overload"], &short[..], &rest].concat());
    assert!(measured.status.success(), "{}", stderr(&measured));
    let report: Report = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert!(report.rows.is_empty());
    let [light] = &report.overload[..] else {
        panic!("one flow")
    };
    assert_eq!(light.flow, "light");
    let factors: Vec<f64> = light.points.iter().map(|point| point.factor).collect();
    assert_eq!(factors, [0.5, 1.0, 2.0, 5.0, 10.0]);
    assert!(light.points.iter().all(|point| point.admitted.count > 0));
    let ids: Vec<&str> = report.goals.iter().map(|goal| goal.id.as_str()).collect();
    assert_eq!(ids, ["R-11", "R-11", "R-11", "R-12"]);
    let table = stdout(&measured);
    assert!(table.contains("light: "), "{table}");
}

#[test]
fn what_cannot_be_measured_is_refused_in_one_line() {
    for (args, word) in [
        (&["--users", "10"][..], "800 users"),
        (&["--repetitions", "0"][..], "sample"),
        (&["--clients", "0"][..], "clients"),
        (&["--nodes", "2"][..], "--store"),
    ] {
        let refused = run(&[&["bench"], args].concat());
        assert!(!refused.status.success());
        let code = refused.status.code().unwrap();
        assert_one_line(&refused, code, &[word]);
    }
}

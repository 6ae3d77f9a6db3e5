//! What the engine does when far more is asked than it can do: clients that come at
//! multiples of what it can do, whether or not those before them are done, and do not come back.

use std::rc::Rc;

use crate::bare::count_as_f64;
use crate::journey::Site;
use crate::load;
use crate::plan::{Flow, Plan};
use crate::process::Watched;
use crate::report::{Goal, Overload, Point, Verdict};
use crate::rows;
use crate::tally::latency;

/// Of what the engine can do; the first is no load, and the second the measure of the others.
const FACTORS: [f64; 5] = [0.5, 1.0, 2.0, 5.0, 10.0];
/// Each sample takes other people than the one before.
const PEOPLE_PER_SAMPLE: u64 = 997;
/// What a connection that is open and idle has resident: its buffer for reading, and its task.
const CONNECTION_MIB: f64 = 16.0 / 1_024.0;

/// Measures one flow: what can be done at all, and then what is done when more is asked.
pub(crate) async fn measure(
    plan: &Plan,
    flow: Flow,
    (site, watched): (&Rc<Site>, &Watched),
    engine_cores: usize,
    say: &dyn Fn(&str),
) -> Overload {
    let clients = plan.clients.iter().copied().max().unwrap_or(1);
    let mut all = rows::load_of(plan, flow, clients, None);
    let closed = load::run(site, &all, watched).await;
    let first = count_as_f64(closed.tally.done) / closed.seconds;
    say(&format!(
        "{}: {first:.1}/s at {clients} clients",
        flow.as_str()
    ));
    let mut points = Vec::new();
    for (turn, factor) in (1..).zip(FACTORS) {
        let rate = (first * factor).max(1.0);
        all = rows::load_of(plan, flow, 0, Some(rate));
        all.crowd = all.crowd.from(turn * PEOPLE_PER_SAMPLE);
        let measured = load::run(site, &all, watched).await;
        let token = measured.tally.p99_ms("token");
        let tally = measured.tally;
        let point = Point {
            factor,
            offered_per_second: rate,
            done_per_second: count_as_f64(tally.done) / measured.seconds,
            admitted: latency("admitted", tally.admitted),
            refused: latency("refused", tally.refused),
            token_p99_ms: token,
            peak_mib: measured.peak_mib,
            connections: measured.connections,
            errors: tally.errors,
        };
        say(&format!(
            "{} at {factor} times that: {:.1}/s",
            flow.as_str(),
            point.done_per_second
        ));
        points.push(point);
    }
    // Machines drift while they are measured.
    all = rows::load_of(plan, flow, clients, None);
    let again = load::run(site, &all, watched).await;
    let last = count_as_f64(again.tally.done) / again.seconds;
    Overload {
        flow: flow.as_str().to_owned(),
        capacity_per_second: f64::midpoint(first, last),
        at_capacity: latency("admitted", closed.tally.admitted),
        memory_mib: closed.peak_mib,
        engine_cores,
        points,
    }
}

/// What promise, held against what came out.
pub(crate) fn goals(overloads: &[Overload]) -> Vec<Goal> {
    overloads.iter().flat_map(goals_of).collect()
}

fn goals_of(overload: &Overload) -> Vec<Goal> {
    let Some(most) = overload.points.last() else {
        return Vec::new();
    };
    let connections = CONNECTION_MIB * count_as_f64(most.connections);
    let flow = &overload.flow;
    let ratio = |value: f64, of: f64| if of > 0.0 { value / of } else { f64::INFINITY };
    let mut goals = vec![
        goal(
            "R-11",
            format!("{flow}, ten times too much: done / what can be done"),
            (
                ratio(most.done_per_second, overload.capacity_per_second),
                "",
            ),
            (0.8, true),
        ),
        goal(
            "R-11",
            format!("{flow}: p99 of what is let in / p99 at capacity"),
            (ratio(most.admitted.p99_ms, overload.at_capacity.p99_ms), ""),
            (2.0, false),
        ),
        goal(
            "R-11",
            format!("{flow}: p99 of being sent away"),
            (most.refused.p99_ms, "ms"),
            (100.0, false),
        ),
        goal(
            "R-12",
            format!("{flow}: memory / (at capacity, and 16 KiB per connection)"),
            (ratio(most.peak_mib, overload.memory_mib + connections), ""),
            (1.1, false),
        ),
    ];
    if most.token_p99_ms > 0.0 {
        goals.push(goal(
            "R-12",
            format!("{flow}: p99 of the token endpoint meanwhile"),
            (most.token_p99_ms, "ms"),
            (50.0, false),
        ));
    }
    goals
}

fn goal(
    id: &str,
    measure: String,
    (value, unit): (f64, &str),
    (bound, at_least): (f64, bool),
) -> Goal {
    let is_met = if at_least {
        value >= bound
    } else {
        value <= bound
    };
    Goal {
        id: id.to_owned(),
        measure,
        value: Some(value),
        unit: unit.to_owned(),
        bound,
        at_least,
        verdict: if is_met {
            Verdict::Met
        } else {
            Verdict::Missed
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(factor: f64, done_per_second: f64, p99_us: u32) -> Point {
        Point {
            factor,
            offered_per_second: factor * 100.0,
            done_per_second,
            admitted: latency("admitted", vec![p99_us]),
            refused: latency("refused", vec![20_000]),
            token_p99_ms: 10.0,
            peak_mib: 50.0,
            connections: 64,
            errors: std::collections::BTreeMap::new(),
        }
    }

    fn verdicts(points: Vec<Point>) -> Vec<Verdict> {
        let overload = Overload {
            flow: "sign-in".to_owned(),
            capacity_per_second: 100.0,
            at_capacity: latency("admitted", vec![9_000]),
            memory_mib: 48.0,
            engine_cores: 1,
            points,
        };
        let goals = goals(&[overload]);
        goals.iter().map(|goal| goal.verdict).collect()
    }

    #[test]
    fn the_last_point_is_held_against_the_capacity() {
        let good = verdicts(vec![
            point(0.5, 50.0, 1_000),
            point(1.0, 99.0, 9_000),
            point(10.0, 80.0, 18_000),
        ]);
        assert_eq!(good, [Verdict::Met; 5]);
        let bad = verdicts(vec![point(1.0, 99.0, 9_000), point(10.0, 79.0, 18_001)]);
        assert_eq!(bad[..2], [Verdict::Missed, Verdict::Missed]);
        assert_eq!(verdicts(Vec::new()), []);
    }
}

//! Which rows a plan asks for, and the samples of each.

use std::rc::Rc;

use crate::bare::{count_as_f64, hash};
use crate::deployment::Variant;
use crate::error::BenchError;
use crate::journey::Site;
use crate::load::{self, Load, Measured};
use crate::people::Crowd;
use crate::plan::{Flow, Plan};
use crate::process::Watched;
use crate::report::{CpuOfOperation, Row, Sample};
use crate::tally::Tally;

/// A bare rate is taken before and after each sample, each as long as this part of it.
const BARE_PART: u32 = 4;
/// Clients of rows with something special about them.
const MANY: usize = 64;
/// Light flows per second beside 64 clients that hash: few, so that they change nothing.
const PROBES_PER_SECOND: f64 = 10.0;

/// Row of light steps while so many others hash.
pub(crate) fn beside_hashing(clients: usize) -> String {
    format!("light beside {clients} recoveries")
}

/// Row of recoveries that compare earlier passwords.
pub(crate) const WITH_HISTORY: &str = "recover, history of 4";

pub(crate) const WITH_HISTORY_CLIENTS: usize = 16;
/// Row of recoveries with every limit in force.
pub(crate) const WITH_LIMITS: &str = "recover, all limits";

/// One row to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Todo {
    pub(crate) name: String,
    pub(crate) variant: Variant,
    load: Load,
    /// A load that goes on beside it.
    beside: Option<Load>,
}

/// Everything that a plan asks for; rows of one variant follow each other.
pub(crate) fn of(plan: &Plan) -> Vec<Todo> {
    let mut rows = Vec::new();
    for flow in &plan.flows {
        for clients in &plan.clients {
            rows.push(todo(plan, *flow, *clients, None));
        }
        if let Some(rate) = plan.rate {
            rows.push(todo(plan, *flow, 0, Some(rate)));
        }
    }
    let recovers = plan.flows.contains(&Flow::Recover);
    let most = plan.clients.iter().copied().max().unwrap_or(MANY);
    if recovers && plan.flows.contains(&Flow::Light) {
        let probe = todo(plan, Flow::Light, 0, Some(PROBES_PER_SECOND));
        rows.push(Todo {
            name: beside_hashing(most),
            beside: Some(todo(plan, Flow::Recover, most, None).load),
            ..probe
        });
    }
    if recovers {
        // As many as leave a password the time that it may take: each of them is five hashes.
        let mut row = todo(plan, Flow::Recover, most.min(WITH_HISTORY_CLIENTS), None);
        WITH_HISTORY.clone_into(&mut row.name);
        row.variant = Variant::History;
        row.load.crowd = Crowd::with_history(plan.users);
        rows.push(row);
        let mut row = todo(plan, Flow::Recover, most, None);
        WITH_LIMITS.clone_into(&mut row.name);
        row.variant = Variant::Limits;
        row.load.crowd = Crowd::counted(plan.users);
        rows.push(row);
    }
    rows
}

fn todo(plan: &Plan, flow: Flow, clients: usize, rate: Option<f64>) -> Todo {
    Todo {
        name: flow.as_str().to_owned(),
        variant: Variant::Plain,
        load: load_of(plan, flow, clients, rate),
        beside: None,
    }
}

/// The load of a flow with nothing special about it.
pub(crate) fn load_of(plan: &Plan, flow: Flow, clients: usize, rate: Option<f64>) -> Load {
    let crowd = match flow {
        Flow::Light => Crowd::starting(plan.users),
        Flow::Recover => Crowd::recovering(plan.users),
        Flow::SignIn => Crowd::signing_in(plan.users),
    };
    Load {
        flow,
        crowd,
        clients,
        rate,
        sample: plan.sample,
    }
}

impl Todo {
    /// The row, without samples yet.
    pub(crate) fn row(&self) -> Row {
        Row {
            name: self.name.clone(),
            clients: self.load.clients,
            rate: self.load.rate,
            hashes_per_operation: match self.load.flow {
                Flow::Light => 0,
                Flow::Recover => self.variant.hashes_per_recovery(),
                Flow::SignIn => 1,
            },
            samples: Vec::new(),
            latencies: Vec::new(),
            errors: std::collections::BTreeMap::new(),
        }
    }

    /// Takes one sample; latencies go to `tally`.
    pub(crate) async fn sample(
        &self,
        site: &Rc<Site>,
        watched: &Watched,
        (offset, cores): (u64, usize),
        tally: &mut Tally,
    ) -> Result<Sample, BenchError> {
        let hashes = self.load.flow != Flow::Light;
        let bare = || {
            if hashes {
                hash::per_second(self.load.sample / BARE_PART)
            } else {
                Ok(0.0)
            }
        };
        let before = bare()?;
        let load = Load {
            crowd: self.load.crowd.from(offset),
            ..self.load.clone()
        };
        let beside = self.beside.clone().map(|load| {
            let other = Rc::new(site.with_a_tally_of_its_own());
            load::beside(&other, &load)
        });
        let measured = load::run(site, &load, watched).await;
        drop(beside);
        let after = bare()?;
        let bare = f64::midpoint(before, after);
        Ok(judged(measured, bare, cores, tally))
    }
}

fn judged(measured: Measured, bare: f64, cores: usize, tally: &mut Tally) -> Sample {
    let Measured {
        tally: mine,
        seconds,
        used,
        peak_mib,
        mails,
        ..
    } = measured;
    let per_operation = |cpu: f64| 1_000.0 * cpu / count_as_f64(mine.done.max(1));
    let sample = Sample {
        seconds,
        per_second: count_as_f64(mine.done) / seconds,
        requests_per_second: count_as_f64(mine.requests) / seconds,
        mails_per_second: count_as_f64(mails) / seconds,
        errors: mine.error_count(),
        bare_hashes_per_second: bare,
        cpu_ms: CpuOfOperation {
            engine: per_operation(used.engine),
            engine_beyond_hash: per_operation(used.engine - used.hash),
            generator: per_operation(used.generator),
            database: per_operation(used.database),
        },
        other_share: used.other() / seconds / f64::from(u32::try_from(cores).unwrap_or(1)),
        peak_mib,
    };
    tally.absorb(mine);
    sample
}

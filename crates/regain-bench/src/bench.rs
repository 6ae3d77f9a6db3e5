//! A measurement from its first file to its report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use regain_types::{Clock as _, Entropy as _, SystemClock, SystemEntropy};
use tokio::task::LocalSet;

use crate::bare::{commits, count_as_f64, postgres, signature};
use crate::clock::Stopwatch;
use crate::cores::Halves;
use crate::deployment::{Deployment, Variant};
use crate::engine::{self, Nodes};
use crate::error::{BenchError, Doing as _};
use crate::goals;
use crate::journey::Site;
use crate::machine::Machine;
use crate::overload;
use crate::people::USERS_MIN;
use crate::plan::Plan;
use crate::process::{Watched, resident_mib};
use crate::report::{Bare, Overload, Report, Row, Starts, median};
use crate::rows::{self, Todo};
use crate::sink::{self, Inbox};
use crate::tally::Tally;

const FORMAT: u32 = 1;
/// Starts of each kind; the median counts.
const STARTS: usize = 3;
/// Samples of bare commits; the median counts.
const COMMIT_SAMPLES: usize = 3;
/// Connections to PostgreSQL at once.
const CONNECTIONS: [usize; 3] = [1, 8, 32];
/// How long an engine is left alone before its idle memory is read.
const SETTLE: Duration = Duration::from_secs(2);
/// Between samples: mails that are still on their way arrive.
const PAUSE: Duration = Duration::from_millis(300);
/// Each sample takes other people than the one before.
const PEOPLE_PER_SAMPLE: u64 = 997;
const BYTES_PER_MIB: f64 = 1_048_576.0;

/// A deployment that is ready to be measured.
#[derive(Debug)]
pub struct Bench {
    plan: Plan,
    deployment: Deployment,
}

impl Bench {
    /// Writes the deployment's files. Its users come next, by [`crate::add_people`].
    ///
    /// # Errors
    /// [`BenchError::Failed`] for a plan that measures nothing, [`BenchError::Io`] when the
    /// directory cannot be written.
    pub fn prepare(plan: Plan) -> Result<Self, BenchError> {
        let too_few = |what: &str| Err(BenchError::Failed(what.to_owned()));
        if plan.users < USERS_MIN {
            return too_few("at least 800 users are needed, so that no two clients meet in one");
        }
        if plan.repetitions == 0 || plan.sample < Duration::from_millis(100) {
            return too_few("one sample of 0.1 seconds at least");
        }
        let clients = plan.clients.iter().copied();
        if clients.clone().any(|clients| clients == 0) || clients.max().unwrap_or(0) > 100 {
            return too_few("1 to 100 clients");
        }
        if plan
            .rate
            .is_some_and(|rate| !(0.1..=10_000.0).contains(&rate))
        {
            return too_few("a rate of 0.1 to 10000 per second");
        }
        let deployment = Deployment::write(&plan)?;
        Ok(Self { plan, deployment })
    }

    /// The deployment's configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.deployment.config()
    }

    /// Measures; says now and then what it is at. Blocks the thread for as long as it takes.
    ///
    /// # Errors
    /// [`BenchError`] when something cannot be started or timed; flows that fail are figures of the
    /// report.
    pub fn run(&self, say: &dyn Fn(&str)) -> Result<Report, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing("no thread for the generator")?;
        LocalSet::new().block_on(&runtime, self.measure(say))
    }

    async fn measure(&self, say: &dyn Fn(&str)) -> Result<Report, BenchError> {
        let plan = &self.plan;
        let (watch, inbox) = (Stopwatch::start(), Inbox::default());
        let relay = sink::start(inbox.clone(), watch.clone())
            .await
            .doing("the mail relay of the measurement")?;
        let ground = Ground {
            bench: self,
            watch,
            inbox,
            relay,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        };
        let mut report = Report {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            profile: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            }
            .to_owned(),
            date: SystemClock::new().now().to_string(),
            command: plan.command.clone(),
            machine: Machine::read(),
            store: if plan.is_sqlite() {
                "sqlite"
            } else {
                "postgres"
            }
            .to_owned(),
            nodes: plan.nodes.max(1),
            users: plan.users,
            bare: Bare::default(),
            starts: Starts::default(),
            idle_mib: 0.0,
            binary_mib: size_mib(&plan.program)?,
            rows: Vec::new(),
            overload: Vec::new(),
            goals: Vec::new(),
        };
        if plan.overload {
            report.overload = ground.overload(say).await?;
            report.goals = overload::goals(&report.overload);
            return Ok(report);
        }
        say("signatures, commits and HTTP answers alone");
        report.bare = ground.bare().await?;
        say("starts");
        (report.starts, report.idle_mib) = ground.starts().await?;
        report.rows = ground.rows(say).await?;
        let samples = report.rows.iter().flat_map(|row| &row.samples);
        report.bare.hashes_per_second = samples
            .map(|sample| sample.bare_hashes_per_second)
            .filter(|rate| *rate > 0.0)
            .collect();
        report.goals = goals::of(&report);
        Ok(report)
    }
}

/// What a measurement stands on.
struct Ground<'a> {
    bench: &'a Bench,
    watch: Stopwatch,
    inbox: Inbox,
    relay: std::net::SocketAddr,
    cores: usize,
}

impl Ground<'_> {
    fn start(&self, variant: Variant) -> Result<Nodes, BenchError> {
        let Bench { plan, deployment } = self.bench;
        let where_to = (plan.nodes, self.relay);
        Nodes::start(&plan.program, deployment, variant, where_to, &self.watch)
    }

    async fn bare(&self) -> Result<Bare, BenchError> {
        let Bench { plan, deployment } = self.bench;
        let mut bare = Bare {
            signatures_per_second: signature::per_second(plan.sample / 4)?,
            ..Bare::default()
        };
        bare.commits_per_second = self.commits().await?;
        let (server, address) = engine::start_echo(&plan.program, deployment, &self.watch)?;
        let watched = Watched {
            engines: vec![server.pid()],
            database: None,
        };
        let echoed = crate::load::echo(address, plan.sample / 2, &watched, &self.watch).await?;
        server.stop(&self.watch).await;
        let count = count_as_f64(echoed.count.max(1));
        bare.echoes_per_second = count / echoed.seconds;
        bare.echo_generator_ms = 1_000.0 * echoed.used.generator / count;
        bare.echo_server_ms = 1_000.0 * echoed.used.engine / count;
        Ok(bare)
    }

    async fn commits(&self) -> Result<BTreeMap<usize, f64>, BenchError> {
        let Bench { plan, deployment } = self.bench;
        let sample = plan.sample / 4;
        let connections = if plan.is_sqlite() {
            &[1][..]
        } else {
            &CONNECTIONS
        };
        let mut medians = BTreeMap::new();
        for connections in connections {
            let mut rates = Vec::new();
            for _ in 0..COMMIT_SAMPLES {
                rates.push(match &plan.store {
                    Some(url) => postgres::per_second(url, *connections, sample).await?,
                    None => commits::sqlite_per_second(&deployment.directory, sample)?,
                });
            }
            medians.insert(*connections, median(rates));
        }
        Ok(medians)
    }

    async fn database(&self) -> Result<Option<u32>, BenchError> {
        match &self.bench.plan.store {
            Some(url) => postgres::first_process(url).await,
            None => Ok(None),
        }
    }

    async fn starts(&self) -> Result<(Starts, f64), BenchError> {
        let Bench { plan, deployment } = self.bench;
        // The first start makes the signing key.
        self.start(Variant::Plain)?.stop(&self.watch).await;
        let mut serve = Vec::new();
        for _ in 0..STARTS {
            let nodes = self.start(Variant::Plain)?;
            serve.extend(nodes.running.iter().map(|node| ms(node.ready_after)));
            nodes.stop(&self.watch).await;
        }
        let (mut fresh, mut used) = (Vec::new(), Vec::new());
        for number in 0..STARTS {
            let data = deployment.path(&format!("demo-{number}"));
            for times in [&mut fresh, &mut used] {
                let demo = engine::time_demo(&plan.program, deployment, &data, &self.watch);
                times.push(ms(demo.await?));
            }
        }
        let nodes = self.start(Variant::Plain)?;
        tokio::time::sleep(SETTLE).await;
        let idle = idle_mib(&nodes);
        nodes.stop(&self.watch).await;
        let starts = Starts {
            demo_fresh_ms: median(fresh),
            demo_used_ms: median(used),
            serve_used_ms: median(serve),
        };
        Ok((starts, idle))
    }

    async fn overload(&self, say: &dyn Fn(&str)) -> Result<Vec<Overload>, BenchError> {
        let plan = &self.bench.plan;
        let mut overloads = Vec::new();
        let cores = Halves::of_this_machine()?;
        for flow in &plan.flows {
            let nodes = cores.start(|| self.start(Variant::Plain))?;
            let site = Rc::new(self.site(&nodes, Variant::Plain)?);
            let watched = Watched {
                engines: nodes.pids(),
                database: self.database().await?,
            };
            let place = (&site, &watched);
            overloads.push(overload::measure(plan, *flow, place, cores.engine_cores, say).await);
            nodes.stop(&self.watch).await;
        }
        Ok(overloads)
    }

    async fn rows(&self, say: &dyn Fn(&str)) -> Result<Vec<Row>, BenchError> {
        let todo = rows::of(&self.bench.plan);
        let mut rows: Vec<(Row, Tally)> = todo
            .iter()
            .map(|todo| (todo.row(), Tally::default()))
            .collect();
        let database = self.database().await?;
        let mut taken = 0;
        for round in 1..=self.bench.plan.repetitions {
            for variant in [Variant::Plain, Variant::History, Variant::Limits] {
                if !todo.iter().any(|todo| todo.variant == variant) {
                    continue;
                }
                let nodes = self.start(variant)?;
                let (site, watched) = (
                    Rc::new(self.site(&nodes, variant)?),
                    Watched {
                        engines: nodes.pids(),
                        database,
                    },
                );
                for (todo, (row, tally)) in todo.iter().zip(&mut rows) {
                    if todo.variant != variant {
                        continue;
                    }
                    taken += 1;
                    self.sample(
                        todo,
                        (row, tally),
                        (&site, &watched),
                        taken * PEOPLE_PER_SAMPLE,
                    )
                    .await?;
                    say(&progress(round, row));
                }
                nodes.stop(&self.watch).await;
            }
        }
        Ok(rows
            .into_iter()
            .map(|(mut row, tally)| {
                row.errors.clone_from(&tally.errors);
                row.latencies = tally.latencies();
                row
            })
            .collect())
    }

    async fn sample(
        &self,
        todo: &Todo,
        (row, tally): (&mut Row, &mut Tally),
        (site, watched): (&Rc<Site>, &Watched),
        offset: u64,
    ) -> Result<(), BenchError> {
        tokio::time::sleep(PAUSE).await;
        let place = (offset, self.cores);
        row.samples
            .push(todo.sample(site, watched, place, tally).await?);
        Ok(())
    }

    fn site(&self, nodes: &Nodes, variant: Variant) -> Result<Site, BenchError> {
        let mut salt = [0; 8];
        SystemEntropy.fill(&mut salt);
        if nodes.addresses.is_empty() {
            return Err(BenchError::Failed("no engine was started".to_owned()));
        }
        Ok(Site::new(
            nodes.addresses.clone(),
            (self.inbox.clone(), self.watch.clone()),
            u64::from_le_bytes(salt),
            variant,
        ))
    }
}

fn progress(round: usize, row: &Row) -> String {
    let sample = row.samples.last();
    let (rate, errors) = sample.map_or((0.0, 0), |sample| (sample.per_second, sample.errors));
    format!(
        "round {round}: {} at {} clients: {rate:.1}/s, {errors} errors",
        row.name, row.clients
    )
}

/// What the largest engine has resident.
fn idle_mib(nodes: &Nodes) -> f64 {
    let sizes = nodes.pids().into_iter().map(resident_mib);
    sizes.fold(0.0, f64::max)
}

fn size_mib(program: &Path) -> Result<f64, BenchError> {
    let file = std::fs::metadata(program).doing(&program.display().to_string())?;
    Ok(count_as_f64(file.len()) / BYTES_PER_MIB)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

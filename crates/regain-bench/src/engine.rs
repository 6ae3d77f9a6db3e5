//! Engines as processes of their own, in production mode, and the bare HTTP server beside them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Stopwatch;
use crate::deployment::{Deployment, Variant, addresses};
use crate::error::{BenchError, Doing as _};

const LOG_FILE: &str = "engine.log";
/// How long a process may take to end after it was asked.
const ENDING: Duration = Duration::from_secs(25);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A process that is gone when this is.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// From the start to the first line on stdout.
    pub(crate) ready_after: Duration,
    first_line: String,
}

impl Running {
    /// Starts a program and waits for its first line.
    ///
    /// # Errors
    /// When it ends before; its last words are in `log`.
    fn start(mut command: Command, log: &Path, watch: &Stopwatch) -> Result<Self, BenchError> {
        let what = log.display().to_string();
        let words = File::options()
            .create(true)
            .append(true)
            .open(log)
            .doing(&what)?;
        let from = watch.now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(words)
            .spawn()
            .doing("the program does not start")?;
        let mut first_line = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout)
                .read_line(&mut first_line)
                .doing("its first line")?;
        }
        let running = Self {
            child,
            ready_after: watch.since(from),
            first_line,
        };
        if running.first_line.trim().is_empty() {
            return Err(BenchError::Failed(format!(
                "the program ended before it was ready: {}",
                last_words(log)
            )));
        }
        Ok(running)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, and waits; meanwhile the relay takes the mails that are still on their way.
    pub(crate) async fn stop(mut self, watch: &Stopwatch) {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            // It may be gone already.
            let _ = kill_process(pid, Signal::TERM);
        }
        let from = watch.now();
        while watch.since(from) < ENDING && matches!(self.child.try_wait(), Ok(None)) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}

/// Engines on one store.
#[derive(Debug)]
pub(crate) struct Nodes {
    pub(crate) running: Vec<Running>,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Nodes {
    /// Starts them, one after the other.
    ///
    /// # Errors
    /// When one does not become ready.
    pub(crate) fn start(
        program: &Path,
        deployment: &Deployment,
        variant: Variant,
        (count, relay): (usize, SocketAddr),
        watch: &Stopwatch,
    ) -> Result<Self, BenchError> {
        let mut nodes = Self {
            running: Vec::new(),
            addresses: Vec::new(),
        };
        for _ in 0..count.max(1) {
            let address = free_address()?;
            let first = nodes.addresses.first().copied().unwrap_or(address);
            let mut command = bare_command(program);
            command
                .args(["serve", "--config"])
                .arg(deployment.config())
                .envs(addresses(address, first, relay))
                .envs(variant.environment().iter().copied());
            let log = deployment.path(LOG_FILE);
            nodes.running.push(Running::start(command, &log, watch)?);
            nodes.addresses.push(address);
        }
        Ok(nodes)
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.running.iter().map(Running::pid).collect()
    }

    pub(crate) async fn stop(self, watch: &Stopwatch) {
        for node in self.running {
            node.stop(watch).await;
        }
    }
}

/// Starts `regain demo` on free ports, says how long that took, and stops it.
///
/// # Errors
/// When it does not become ready.
pub(crate) async fn time_demo(
    program: &Path,
    deployment: &Deployment,
    data: &Path,
    watch: &Stopwatch,
) -> Result<Duration, BenchError> {
    let mut command = bare_command(program);
    command
        .args(["demo", "--engine-port", "0", "--app-port", "0", "--data"])
        .arg(data);
    let running = Running::start(command, &deployment.path(LOG_FILE), watch)?;
    let took = running.ready_after;
    running.stop(watch).await;
    Ok(took)
}

/// Starts the bare HTTP server.
///
/// # Errors
/// When it does not become ready.
pub(crate) fn start_echo(
    program: &Path,
    deployment: &Deployment,
    watch: &Stopwatch,
) -> Result<(Running, SocketAddr), BenchError> {
    let mut command = bare_command(program);
    command.args(["bench", "--serve-echo"]);
    let running = Running::start(command, &deployment.path(LOG_FILE), watch)?;
    let port =
        running.first_line.trim().parse().map_err(|_| {
            BenchError::Failed("the bare HTTP server does not say its port".to_owned())
        })?;
    Ok((running, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}

/// Without the settings of whoever measures.
fn bare_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REGAIN__") {
            command.env_remove(name);
        }
    }
    command
}

fn free_address() -> Result<SocketAddr, BenchError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .doing("no free port")
}

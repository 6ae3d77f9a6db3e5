//! Runs the program, and a deployment for it to run on.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use regain_store_postgres::testing::{Cluster, TestDatabase};
use tempfile::TempDir;

/// The program as it was built with the tests; `REGAIN_BIN` names another one.
pub(crate) fn regain(args: &[&str]) -> Command {
    let other = std::env::var_os("REGAIN_BIN");
    let program = other.unwrap_or_else(|| env!("CARGO_BIN_EXE_regain").into());
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REGAIN__")) {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
    regain(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Fails unless the command ended with `code` and one line on stderr that holds every word.
pub(crate) fn assert_one_line(output: &Output, code: i32, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} in {text}");
    }
    assert!(output.stdout.is_empty(), "{}", stdout(output));
}

/// Where a deployment keeps its data.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

impl Store {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// A deployment as `init` leaves it, on a port of its own.
pub(crate) struct Deployment {
    pub(crate) directory: TempDir,
    pub(crate) port: u16,
    /// Dropped with it.
    database: Option<TestDatabase>,
}

impl Deployment {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = run(&["init", directory.path().to_str().unwrap()]);
        assert!(made.status.success(), "{}", stderr(&made));
        let port = free_port();
        let deployment = Self {
            directory,
            port,
            database: None,
        };
        deployment.edit(|text| {
            // The cheapest hash that is allowed: nothing here is about its cost. And no load balancer
            // looks, but where a test says so.
            let text = text.replace("8400", &port.to_string());
            let text = text.replace("# stop_grace_seconds = 5", "stop_grace_seconds = 0");
            let from = text.find("memory_kib").unwrap();
            let to = text.find("# workers").unwrap();
            format!(
                "{}memory_kib = 19456\npasses = 2\n{}",
                &text[..from],
                &text[to..]
            )
        });
        deployment
    }

    /// The same on a store, which is empty.
    pub(crate) fn on(store: Store) -> Self {
        let mut deployment = Self::new();
        if let Store::Postgres = store {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let cluster = Cluster::shared().unwrap();
            let database = runtime.unwrap().block_on(cluster.empty()).unwrap();
            deployment.store_at(database.url());
            deployment.database = Some(database);
        }
        deployment
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn config(&self) -> String {
        self.path("regain.toml").display().to_string()
    }

    pub(crate) fn edit(&self, change: impl FnOnce(String) -> String) {
        let file = self.path("regain.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, change(text)).unwrap();
    }

    /// Keeps its data elsewhere.
    pub(crate) fn store_at(&self, url: &str) {
        self.edit(|text| {
            let line = text
                .lines()
                .find(|line| line.starts_with("url = \"sqlite:"));
            text.replace(line.unwrap(), &format!("url = \"{url}\""))
        });
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        run(&[args, &["--config", &self.config()]].concat())
    }

    pub(crate) fn create_user(&self, login: &str, password: &str) -> Output {
        let config = self.config();
        let mut child = regain(&["users", "create", "--login", login, "--password-stdin"])
            .args(["--config", &config])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(format!("{password}\n").as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }
}

/// A running process: gone with the test, however it ends.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) ready: serde_json::Value,
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = regain(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Ok(ready) = serde_json::from_str(&line) else {
            let _ = child.kill();
            panic!("no ready line but {line:?}");
        };
        Self { child, ready }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap_or_default()
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.terminate();
        self.child.wait().unwrap().code()
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The status line of an answer over plain HTTP.
pub(crate) fn status_of(origin: &str, method: &str, path: &str) -> String {
    let address = origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// An answer over plain HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it says when to come back.
    pub(crate) retries: bool,
    /// Null when it is no JSON.
    pub(crate) json: serde_json::Value,
}

/// Posts a body of a content type; without a content type it is a GET.
pub(crate) fn call(origin: &str, path: &str, content_type: &str, body: &str) -> Answer {
    let address = origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let method = if content_type.is_empty() {
        "GET"
    } else {
        "POST"
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: application/json\r\n\
         Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let retries = head.to_ascii_lowercase().contains("\r\nretry-after: ");
    let json = serde_json::from_str(body).unwrap_or_default();
    Answer {
        status,
        retries,
        json,
    }
}

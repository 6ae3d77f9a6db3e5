//! The program under test, with its configuration and its database.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::client::{CLIENT, REDIRECT_URI};
use super::http::{self, Body};
use super::rows::Database;
use super::storm::Storm;
use crate::program::{Deployment, regain};

/// How long mails may take to go out when nothing disturbs them.
const MAILS_PATIENCE: Duration = Duration::from_mins(1);

/// The deployment, and how its engine is started.
pub(super) struct Engine {
    deployment: Deployment,
    database: Database,
    relay: Option<SocketAddr>,
}

impl Engine {
    pub(super) async fn prepare(on: &str) -> Self {
        let deployment = Deployment::new();
        deployment.edit(|text| {
            format!(
                "{text}\n[[clients]]\nid = \"{CLIENT}\"\nlabel = \"Crash test\"\n\
                 redirect_uris = [\"{REDIRECT_URI}\"]\n"
            )
        });
        let database = match on {
            "sqlite" => Database::Sqlite(deployment.path("regain.db")),
            "postgres" => Database::postgres().await,
            _ => panic!("there is no store {on:?}"),
        };
        Self {
            deployment,
            database,
            relay: None,
        }
    }

    pub(super) fn mail_to(&mut self, relay: SocketAddr) {
        self.relay = Some(relay);
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.deployment.port))
    }

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    /// Starts it and says how long that took, until it was ready.
    pub(super) async fn start(&self, storm: &Storm, dev: bool) -> Duration {
        let config = self.deployment.config();
        let url = self.database.url();
        let mut args = vec!["serve", "--config", &config, "--database", &url];
        if dev {
            args.push("--dev");
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.deployment.path("log"))
            .unwrap();
        let relay = self.relay.unwrap();
        let mut command = regain(&args);
        command
            .env("REGAIN__MAIL__SMTP__HOST", "127.0.0.1")
            .env("REGAIN__MAIL__SMTP__PORT", relay.port().to_string())
            .env("REGAIN__MAIL__SMTP__TLS", "none")
            // Few people do what many do elsewhere.
            .env("REGAIN__LIMITS__DANGER_VOLUME_LIMITS", "off")
            // So do their wrong codes: short codes would be closed for the whole org.
            .env("REGAIN__LIMITS__TENANT_SHORT_WRONG_24H", "100000")
            .stdout(Stdio::piped())
            .stderr(log);
        let started = storm.clock();
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let ready = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            line
        });
        let line = ready.await.unwrap();
        let took = storm.clock().saturating_sub(started);
        if !line.contains("\"ready\"") {
            let log = std::fs::read_to_string(self.deployment.path("log")).unwrap();
            panic!("it does not start any more: {log}");
        }
        storm.rise(child);
        took
    }

    /// Ends it in peace.
    pub(super) async fn stop(&self, storm: &Storm) {
        let Some(mut child) = storm.engine() else {
            return;
        };
        let pid = child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(asked.success());
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
        assert_eq!(ended.await.unwrap().code(), Some(0));
        let log = std::fs::read_to_string(self.deployment.path("log")).unwrap();
        if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
            storm.fault(&format!("the log tells of a panic: {line}"));
        }
    }

    /// Moves the clock; the engine was started for development.
    pub(super) async fn advance(&self, seconds: u64) {
        let body = Body::Json(json!({"advance_seconds": seconds}));
        let answer = http::post(self.address(), "/dev/clock", &body, || {}).await;
        assert_eq!(answer.expect("an answer").status, 200);
    }

    /// Waits until no mail waits.
    pub(super) async fn wait_for_mails(&self, storm: &Arc<Storm>) {
        let until = storm.clock() + MAILS_PATIENCE;
        while self.database.waiting().await > 0 {
            if storm.clock() > until {
                let left = self.database.waiting().await;
                return storm.fault(&format!("{left} mails never leave"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

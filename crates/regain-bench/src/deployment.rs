//! The files of the deployment that is measured, and what differs between its rows.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use regain_types::{MasterKey, SystemEntropy};
use serde::Serialize;

use crate::bare::hash::{MEMORY_KIB, PASSES};
use crate::error::{BenchError, Doing as _};
use crate::people::HISTORY;
use crate::plan::Plan;

/// The app in whose name everything is asked: public, as apps in browsers are.
pub const CLIENT_ID: &str = "bench";
/// An app with a secret, which tells the addresses of its users: every user is somebody of their own.
pub(crate) const SERVER_CLIENT_ID: &str = "bench-server";
/// Of a deployment that nobody else can reach, and that is gone afterwards.
pub(crate) const SERVER_CLIENT_SECRET: &str = "bench-only-0123456789";
/// Where its flows would lead back to.
pub(crate) const REDIRECT_URI: &str = "http://localhost:1/callback";
const CONFIG_FILE: &str = "regain.toml";
const MASTER_KEY_FILE: &str = "master.key";

/// One machine is one address: what protects from a crowd would be all that is measured.
const UNLIMITED: (&str, &str) = ("REGAIN__LIMITS__DANGER_VOLUME_LIMITS", "off");

/// What differs between the rows of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// As the peers are measured: no earlier passwords are compared.
    Plain,
    /// Four passwords are compared with the new one, as by default.
    History,
    /// As plain, with every limit in force; users come from addresses of their own, which an app with
    /// a secret tells, so that nobody reaches a limit.
    Limits,
}

impl Variant {
    /// Hashes of one recovery.
    pub(crate) const fn hashes_per_recovery(self) -> u32 {
        match self {
            Self::Limits | Self::Plain => 1,
            Self::History => 1 + HISTORY,
        }
    }

    /// What its engines are told beyond the configuration file.
    pub(crate) const fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Plain => &[("REGAIN__PASSWORD__HISTORY", "0"), UNLIMITED],
            Self::History => &[("REGAIN__PASSWORD__HISTORY", "4"), UNLIMITED],
            Self::Limits => &[
                ("REGAIN__PASSWORD__HISTORY", "0"),
                // The one limit that is of the org and not of a person: counted, never reached.
                ("REGAIN__LIMITS__MAILS_PER_HOUR", "10000000"),
            ],
        }
    }
}

/// Where everything of a measurement lies.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) directory: PathBuf,
}

impl Deployment {
    /// Writes the configuration and a master key.
    ///
    /// # Errors
    /// [`BenchError::Io`] with the path.
    pub(crate) fn write(plan: &Plan) -> Result<Self, BenchError> {
        let deployment = Self {
            directory: plan.directory.clone(),
        };
        fs::create_dir_all(&plan.directory).doing(&plan.directory.display().to_string())?;
        let key = MasterKey::random(&mut SystemEntropy).encode();
        private(&deployment.path(MASTER_KEY_FILE), key.expose())?;
        let store = plan.store.as_deref().unwrap_or("sqlite:regain.db");
        private(&deployment.config(), &configuration(store))?;
        Ok(deployment)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path(CONFIG_FILE)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

fn private(path: &Path, text: &str) -> Result<(), BenchError> {
    let what = path.display().to_string();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .doing(&what)?;
    file.write_all(text.as_bytes()).doing(&what)
}

/// Addresses come by the environment, since each start finds its own.
fn configuration(store: &str) -> String {
    format!(
        r#"# Written by `regain bench`.
[store]
url = {store:?}
[keys]
master_key_file = "{MASTER_KEY_FILE}"
[mail]
from = "Bench <no-reply@bench.example>"
[mail.smtp]
host = "127.0.0.1"
tls = "none"
[hash]
memory_kib = {MEMORY_KIB}
passes = {PASSES}
[[clients]]
id = "{CLIENT_ID}"
redirect_uris = ["{REDIRECT_URI}"]
[[clients]]
id = "{SERVER_CLIENT_ID}"
secret = "{SERVER_CLIENT_SECRET}"
redirect_uris = ["{REDIRECT_URI}"]
"#
    )
}

/// What a node is told beyond the configuration file and its variant.
pub(crate) fn addresses(
    node: SocketAddr,
    first: SocketAddr,
    relay: SocketAddr,
) -> Vec<(String, String)> {
    vec![
        (
            "REGAIN__SERVER__PUBLIC_URL".to_owned(),
            format!("http://localhost:{}", first.port()),
        ),
        ("REGAIN__SERVER__LISTEN".to_owned(), format!("[\"{node}\"]")),
        // Nobody looks whether it is ready.
        (
            "REGAIN__SERVER__STOP_GRACE_SECONDS".to_owned(),
            "0".to_owned(),
        ),
        (
            "REGAIN__MAIL__SMTP__PORT".to_owned(),
            relay.port().to_string(),
        ),
    ]
}

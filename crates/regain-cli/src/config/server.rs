//! `[server]`: where people reach the engine, and where it listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regain_server::{Network, ServerTls, TlsError};
use serde::{Deserialize, Serialize};
use url::Url;

use super::problem::Problems;
use crate::failure::reason;

/// With what comes after it, a stop stays well below the 40 s that our unit and image allow for it.
const STOP_GRACE_SECONDS_MAX: i64 = 15;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Where apps and browsers reach the engine: scheme, host, port. Every URL that leaves the
    /// engine begins with it, whatever a request says (B3).
    pub(crate) public_url: String,
    /// Addresses with ports to listen on.
    pub(crate) listen: Vec<String>,
    /// Addresses or networks of proxies whose `X-Forwarded-For` is believed (B2).
    pub(crate) trusted_proxies: Vec<String>,
    /// Where `/metrics` and `/health/ready` with reasons are: an address with a port, or a port
    /// alone for 127.0.0.1 (H-09). Without it there is no such listener.
    pub(crate) metrics_listen: Option<String>,
    /// How long connections are still accepted after SIGTERM, with `/health/ready` red: until load
    /// balancers have seen it.
    pub(crate) stop_grace_seconds: i64,
    /// The certificate of `listen`. Without it a proxy in front ends TLS.
    pub(crate) tls: Option<TlsFiles>,
}

/// `[server.tls]`: files in PEM.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// The certificate, and those that lead from it to one that clients trust.
    pub(crate) certificate: String,
    /// Its private key.
    pub(crate) key: String,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            public_url: "http://localhost:8400".to_owned(),
            listen: vec!["127.0.0.1:8400".to_owned()],
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            stop_grace_seconds: 5,
            tls: None,
        }
    }
}

/// The section, checked.
#[derive(Debug, Default)]
pub(crate) struct CheckedServer {
    pub(crate) public_url: String,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) stop_grace: Duration,
    pub(crate) tls: Option<Arc<ServerTls>>,
}

impl Server {
    /// Checks the values.
    pub(crate) fn check(&self, directory: &Path, problems: &mut Problems<'_>) -> CheckedServer {
        CheckedServer {
            public_url: origin("server.public_url", &self.public_url, problems),
            listen: listen("server.listen", &self.listen, problems),
            trusted_proxies: self
                .trusted_proxies
                .iter()
                .filter_map(|text| {
                    let parsed = Network::parse(text);
                    if parsed.is_none() {
                        let message =
                            format!("{text:?} is no address or network such as 10.0.0.0/8");
                        problems.add("server.trusted_proxies", message);
                    }
                    parsed
                })
                .collect(),
            metrics_listen: self
                .metrics_listen
                .as_deref()
                .and_then(|text| port_or_address("server.metrics_listen", text, problems)),
            stop_grace: problems
                .within(
                    "server.stop_grace_seconds",
                    self.stop_grace_seconds,
                    0..=STOP_GRACE_SECONDS_MAX,
                )
                .map_or(Duration::ZERO, Duration::from_secs),
            tls: self
                .tls
                .as_ref()
                .and_then(|files| self.load(files, directory, problems)),
        }
    }
}

impl Server {
    fn load(
        &self,
        files: &TlsFiles,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Option<Arc<ServerTls>> {
        if self.public_url.starts_with("http://") {
            problems.add(
                "server.public_url",
                "must begin with https:// where [server.tls] is set",
            );
        }
        let certificate = directory.join(&files.certificate);
        let key = directory.join(&files.key);
        match ServerTls::load(&certificate, &key) {
            Ok(tls) => Some(Arc::new(tls)),
            Err(error) if error.is_about_key() => {
                let message = format!("{}: {}", key.display(), tls_error(&error));
                problems.add("server.tls.key", message);
                None
            }
            Err(error) => {
                let message = format!("{}: {}", certificate.display(), tls_error(&error));
                problems.add("server.tls.certificate", message);
                None
            }
        }
    }
}

/// What is wrong with a certificate or a key, in our words.
pub(crate) fn tls_error(error: &TlsError) -> String {
    match error {
        TlsError::CertificateUnreadable(cause) | TlsError::KeyUnreadable(cause) => {
            format!("cannot be read: {}", reason(cause))
        }
        other => other.to_string(),
    }
}

/// An origin without a slash at its end, as browsers write it; empty when it is none.
pub(crate) fn origin(key: &str, text: &str, problems: &mut Problems<'_>) -> String {
    let parsed = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    parsed.map_or_else(
        || {
            problems.add(
                key,
                format!("must be an origin such as https://id.example.com (no path), not {text:?}"),
            );
            String::new()
        },
        |url| url.origin().ascii_serialization(),
    )
}

fn listen(key: &str, texts: &[String], problems: &mut Problems<'_>) -> Vec<SocketAddr> {
    if texts.is_empty() {
        problems.add(
            key,
            "must name an address at least, such as [\"127.0.0.1:8400\"]",
        );
    }
    texts
        .iter()
        .filter_map(|text| socket_address(key, text, problems))
        .collect()
}

/// An address with a port, or a port of this machine alone.
fn port_or_address(key: &str, text: &str, problems: &mut Problems<'_>) -> Option<SocketAddr> {
    match text.parse::<u16>() {
        Ok(port) => Some((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => socket_address(key, text, problems),
    }
}

/// An address with a port.
pub(crate) fn socket_address(
    key: &str,
    text: &str,
    problems: &mut Problems<'_>,
) -> Option<SocketAddr> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        problems.add(
            key,
            format!(
                "must be addresses with a port such as 127.0.0.1:8400 or [::1]:8400, not {text:?}"
            ),
        );
    }
    parsed
}

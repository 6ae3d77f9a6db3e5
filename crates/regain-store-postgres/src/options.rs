//! Where the database is and how it is talked to: `postgres://…`, with PostgreSQL's own
//! parameters and a few of ours.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::connecting::Tls;
use crate::tls;

/// Connections that one node opens at most.
const POOL_SIZE: usize = 16;
/// How long an operation may take, waiting for a connection included: a request is answered within
/// the second, with 503 when it must be.
const TIMEOUT: Duration = Duration::from_millis(950);
/// How long one host may take to let us in; longer where operations may take longer.
const HOST_PATIENCE: Duration = Duration::from_secs(1);

/// What is wrong with a database URL. It never holds the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {problem}")]
pub struct OptionsError {
    parameter: String,
    problem: String,
}

impl OptionsError {
    pub(crate) fn new(parameter: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            parameter: parameter.into(),
            problem: problem.into(),
        }
    }
}

/// Where the database is and how it is talked to.
#[derive(Clone)]
pub struct Options {
    config: Config,
    verify: bool,
    roots: Option<PathBuf>,
    prepare: bool,
    pool_size: usize,
    timeout: Duration,
}

impl Options {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?PARAMETERS`; relative paths in
    /// it are relative to where the process runs.
    ///
    /// # Errors
    /// As [`Options::parse_in`].
    pub fn parse(url: &str) -> Result<Self, OptionsError> {
        Self::parse_in(url, Path::new(""))
    }

    /// Reads `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?PARAMETERS`; relative paths in
    /// it are relative to `directory`.
    ///
    /// Beside PostgreSQL's own parameters: `password_file` (a file that holds the password),
    /// `sslmode` also `verify-full`, with `sslrootcert`, `prepare=off` (behind a pooler that keeps no
    /// statements), `pool_size`, `timeout_ms`.
    ///
    /// # Errors
    /// [`OptionsError`] names the parameter and says what is wrong.
    pub fn parse_in(url: &str, directory: &Path) -> Result<Self, OptionsError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut own = Own::default();
        let mut theirs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !own.take(&name, &value)? {
                theirs.append_pair(&name, &value);
            }
        }
        // A space is `+` in forms and `%20` in these URLs.
        let theirs = theirs.finish().replace('+', "%20");
        let mut config: Config = format!("{base}?{theirs}")
            .parse()
            .map_err(|error| OptionsError::new("the database URL", told_without_secrets(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(OptionsError::new("the database URL", "names no host"));
        }
        if config.get_dbname().is_none() {
            return Err(OptionsError::new("the database URL", "names no database"));
        }
        if let Some(mode) = own.ssl_mode {
            config.ssl_mode(mode);
        }
        if let Some(path) = own.password_file.map(|path| directory.join(path)) {
            let password = std::fs::read_to_string(&path).map_err(|error| {
                let told = format!("{} cannot be read: {error}", path.display());
                OptionsError::new("password_file", told)
            })?;
            config.password(password.trim_end_matches(['\r', '\n']));
        }
        if config.get_application_name().is_none() {
            config.application_name("regain");
        }
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(Self {
            config,
            verify: own.verify,
            roots: own.roots.map(|path| directory.join(path)),
            prepare: own.prepare.unwrap_or(true),
            pool_size: own.pool_size.unwrap_or(POOL_SIZE),
            timeout: own.timeout.unwrap_or(TIMEOUT),
        })
    }

    /// Whether a password is named.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// Takes a password that comes from elsewhere than the URL.
    pub fn set_password(&mut self, password: &str) {
        self.config.password(password);
    }

    /// Whether somebody between here and the server could read or change what is sent: it crosses
    /// a network, and the server does not prove who it is.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let far = self.config.get_hosts().iter().any(|host| match host {
            Host::Tcp(name) => !["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
            #[cfg(unix)]
            Host::Unix(_) => false,
        });
        far && !self.verify
    }

    /// How long an operation may take, waiting for a connection included.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn prepare(&self) -> bool {
        self.prepare
    }

    pub(crate) fn pool_size(&self) -> usize {
        self.pool_size
    }

    pub(crate) fn tls(&self) -> Result<Tls, OptionsError> {
        tls::connector(self.verify, self.roots.as_deref())
    }

    /// Each host's share of the time in which an operation has to be done.
    pub(crate) fn patience_with_a_host(&self) -> Duration {
        let hosts = u32::try_from(self.config.get_hosts().len()).unwrap_or(u32::MAX);
        let most = HOST_PATIENCE.max(self.timeout / 4);
        most.min(self.timeout * 4 / 5 / hosts.max(1))
    }

    /// One configuration for each host, in their order.
    pub(crate) fn hosts(&self) -> Vec<Config> {
        let hosts = self.config.get_hosts().iter().enumerate();
        hosts
            .map(|(index, host)| {
                let mut config = Config::new();
                match host {
                    Host::Tcp(name) => config.host(name),
                    #[cfg(unix)]
                    Host::Unix(path) => config.host_path(path),
                };
                let ports = self.config.get_ports();
                config.port(ports.get(index).or(ports.first()).copied().unwrap_or(5_432));
                if let Some(address) = self.config.get_hostaddrs().get(index) {
                    config.hostaddr(*address);
                }
                self.share(&mut config);
                config
            })
            .collect()
    }

    /// What holds for every host.
    fn share(&self, config: &mut Config) {
        let ours = &self.config;
        if let Some(user) = ours.get_user() {
            config.user(user);
        }
        if let Some(password) = ours.get_password() {
            config.password(password);
        }
        if let Some(name) = ours.get_dbname() {
            config.dbname(name);
        }
        if let Some(options) = ours.get_options() {
            config.options(options);
        }
        if let Some(name) = ours.get_application_name() {
            config.application_name(name);
        }
        config
            .ssl_mode(ours.get_ssl_mode())
            .ssl_negotiation(ours.get_ssl_negotiation())
            .channel_binding(ours.get_channel_binding())
            .target_session_attrs(ours.get_target_session_attrs())
            .keepalives(ours.get_keepalives())
            .keepalives_idle(ours.get_keepalives_idle().min(Duration::from_secs(30)))
            .tcp_user_timeout(self.timeout * 2)
            .connect_timeout(self.patience_with_a_host());
    }
}

impl fmt::Display for Options {
    /// The database without its user and password: for people and logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        let ports = self.config.get_ports();
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            if let Some(port) = ports.get(index).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Options({self})")
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
            && self.verify == other.verify
            && self.roots == other.roots
            && self.prepare == other.prepare
            && self.pool_size == other.pool_size
            && self.timeout == other.timeout
    }
}

impl Eq for Options {}

/// The parameters that the client library does not know.
#[derive(Default)]
struct Own {
    ssl_mode: Option<SslMode>,
    verify: bool,
    roots: Option<PathBuf>,
    password_file: Option<PathBuf>,
    prepare: Option<bool>,
    pool_size: Option<usize>,
    timeout: Option<Duration>,
}

impl Own {
    /// Takes a parameter, if it is one of these.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, OptionsError> {
        match name {
            "sslmode" => {
                let (mode, verify) = match value {
                    "disable" => (SslMode::Disable, false),
                    "prefer" => (SslMode::Prefer, false),
                    "require" => (SslMode::Require, false),
                    "verify-full" => (SslMode::Require, true),
                    _ => {
                        let known = "must be disable, prefer, require or verify-full";
                        return Err(OptionsError::new(name, known));
                    }
                };
                self.ssl_mode = Some(mode);
                self.verify = verify;
            }
            "sslrootcert" => self.roots = Some(Path::new(value).to_owned()),
            "password_file" => self.password_file = Some(Path::new(value).to_owned()),
            "prepare" => {
                self.prepare = Some(match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(OptionsError::new(name, "must be on or off")),
                });
            }
            "pool_size" => {
                let size = value.parse().ok().filter(|size| (1..=1_000).contains(size));
                let problem = || OptionsError::new(name, "must be a number from 1 to 1000");
                self.pool_size = Some(size.ok_or_else(problem)?);
            }
            "timeout_ms" => {
                let millis = value.parse().ok().filter(|ms| (100..=600_000).contains(ms));
                let problem = || OptionsError::new(name, "must be a number from 100 to 600000");
                self.timeout = Some(Duration::from_millis(millis.ok_or_else(problem)?));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What the client library says about a URL. It names parameters, never their values.
fn told_without_secrets(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests;

//! How a client is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::client::IdxClient;
use crate::http_client::HttpClient;
use crate::system::{Clock, SystemClock};
use crate::{Secret, Transport};

/// Time to connect, unless set.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a request with its answer, unless set.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Difference of clocks that is tolerated in tokens, unless set.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_mins(5);
/// Most forms that one call posts by itself, unless set.
pub(crate) const AUTO_STEPS_MAX: u8 = 8;

/// How the client proves that it is itself.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// It has no secret; PKCE alone protects it.
    #[default]
    Public,
    /// The secret in the `Authorization` header.
    SecretBasic(Secret),
    /// The secret in the body.
    SecretPost(Secret),
}

/// Time limits of the default transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect.
    pub connect: Duration,
    /// For the whole request.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: CONNECT_TIMEOUT,
            request: REQUEST_TIMEOUT,
        }
    }
}

/// A set-up that passed its checks.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// As given, without a slash at the end.
    pub(crate) issuer: String,
    /// `…/oauth2` or `…/oauth2/{id}`: what `/v1/interact` is appended to.
    pub(crate) oauth_base: String,
    /// What `/idp/idx/introspect` is appended to.
    pub(crate) idx_base: String,
    /// Forms are posted to this origin only.
    pub(crate) origin: url::Origin,
    pub(crate) client_id: String,
    pub(crate) auth: ClientAuth,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) clock_skew: Duration,
    pub(crate) auto_steps_max: u8,
}

/// Why a client could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not an absolute `http` or `https` URL without query and fragment.
    #[error("{what} {value:?} is not a usable URL")]
    Url {
        /// `issuer` or `redirect_uri`.
        what: &'static str,
        /// What was given.
        value: String,
    },
    /// A host of the vendor's administration pages.
    #[error("the issuer's host {0:?} is for administrators; leave out \"-admin\"")]
    AdminHost(String),
    /// Something that has no default.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The default transport could not be made.
    #[error("the HTTP client cannot be made: {0}")]
    Transport(String),
}

/// Collects the settings of an [`IdxClient`].
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct ConfigBuilder {
    issuer: String,
    client_id: Option<String>,
    auth: ClientAuth,
    redirect_uri: Option<String>,
    scopes: Vec<String>,
    timeouts: Timeouts,
    clock_skew: Duration,
    auto_steps_max: u8,
    clock: Arc<dyn Clock>,
    transport: Option<Arc<dyn Transport>>,
}

impl ConfigBuilder {
    pub(crate) fn new(issuer: String) -> Self {
        Self {
            issuer,
            client_id: None,
            auth: ClientAuth::Public,
            redirect_uri: None,
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            timeouts: Timeouts::default(),
            clock_skew: CLOCK_SKEW,
            auto_steps_max: AUTO_STEPS_MAX,
            clock: Arc::new(SystemClock),
            transport: None,
        }
    }

    /// The client's id; required.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// The client's secret, sent in the body as the vendor's SDKs do.
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.auth = ClientAuth::SecretPost(secret.into());
        self
    }

    /// How the client proves that it is itself; [`ClientAuth::Public`] unless set.
    pub fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.auth = auth;
        self
    }

    /// The registered redirect URI; required.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// What the tokens are for; `openid email` unless set.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Time limits of the default transport.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Difference of clocks that is tolerated in tokens; 300 s unless set.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Most forms that one call posts by itself; 8 unless set.
    pub fn auto_steps_max(mut self, steps: u8) -> Self {
        self.auto_steps_max = steps;
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another transport: a test's script, or a client with a proxy of its own.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Checks the settings and makes the client. No request is sent.
    ///
    /// # Errors
    /// When a setting is missing or unusable.
    pub fn build(self) -> Result<IdxClient, ConfigError> {
        let issuer = checked_url("issuer", &self.issuer)?;
        if issuer
            .host_str()
            .is_some_and(|host| host.contains("-admin.okta"))
        {
            return Err(ConfigError::AdminHost(
                issuer.host_str().unwrap_or_default().to_owned(),
            ));
        }
        let redirect_uri = self
            .redirect_uri
            .ok_or(ConfigError::Missing("redirect_uri"))?;
        let redirect = Url::parse(&redirect_uri);
        if !redirect.is_ok_and(|url| url.fragment().is_none()) {
            return Err(ConfigError::Url {
                what: "redirect_uri",
                value: redirect_uri,
            });
        }
        let text = self.issuer.trim_end_matches('/').to_owned();
        let (idx_base, oauth_base) = match text.split_once("/oauth2") {
            Some((before, _)) => (before.to_owned(), text.clone()),
            None => (text.clone(), format!("{text}/oauth2")),
        };
        let config = Config {
            issuer: text,
            oauth_base,
            idx_base,
            origin: issuer.origin(),
            client_id: self.client_id.ok_or(ConfigError::Missing("client_id"))?,
            auth: self.auth,
            redirect_uri,
            scopes: self.scopes,
            clock_skew: self.clock_skew,
            auto_steps_max: self.auto_steps_max,
        };
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpClient::new(&issuer, self.timeouts)?),
        };
        Ok(IdxClient::new(config, transport, self.clock))
    }
}

fn checked_url(what: &'static str, value: &str) -> Result<Url, ConfigError> {
    Url::parse(value)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| ConfigError::Url {
            what,
            value: value.to_owned(),
        })
}

/// Names of the vendor's Java and Go clients, without their common beginning.
pub(crate) fn from_vars(
    vars: impl IntoIterator<Item = (String, String)>,
) -> Result<IdxClient, ConfigError> {
    let (mut issuer, mut id, mut secret, mut scopes, mut redirect) = (None, None, None, None, None);
    for (name, value) in vars {
        match name.as_str() {
            "OKTA_IDX_ISSUER" => issuer = Some(value),
            "OKTA_IDX_CLIENTID" => id = Some(value),
            "OKTA_IDX_CLIENTSECRET" => secret = Some(value),
            "OKTA_IDX_SCOPES" => scopes = Some(value),
            "OKTA_IDX_REDIRECTURI" => redirect = Some(value),
            _ => {}
        }
    }
    let mut builder = ConfigBuilder::new(issuer.ok_or(ConfigError::Missing("OKTA_IDX_ISSUER"))?)
        .client_id(id.ok_or(ConfigError::Missing("OKTA_IDX_CLIENTID"))?)
        .redirect_uri(redirect.ok_or(ConfigError::Missing("OKTA_IDX_REDIRECTURI"))?);
    if let Some(secret) = secret {
        builder = builder.client_secret(secret);
    }
    if let Some(scopes) = scopes {
        builder = builder.scopes(scopes.split(',').map(str::trim).filter(|s| !s.is_empty()));
    }
    builder.build()
}

impl fmt::Display for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "none",
            Self::SecretBasic(_) => "client_secret_basic",
            Self::SecretPost(_) => "client_secret_post",
        })
    }
}

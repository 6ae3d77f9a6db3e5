//! How the app is set up.

use std::net::IpAddr;
use std::path::PathBuf;

use regain_sdk::Secret;
use url::Url;

use crate::brand::Brand;
use crate::client_address::Network;

/// The settings of the web app.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// The issuer to sign in at, `http://localhost:8400/oauth2/default` for one.
    pub issuer: String,
    /// The app's client id at that issuer.
    pub client_id: String,
    /// Its secret; a client without one is public and protected by PKCE alone.
    pub client_secret: Option<Secret>,
    /// Where people reach this app. `https` makes its cookies `Secure`.
    pub public_url: Url,
    /// What the app is called, in the header and in titles.
    pub app_name: String,
    /// Where people find help; a link in the footer.
    pub support_url: Option<Url>,
    /// Colour and logo.
    pub brand: Brand,
    /// Where sessions, open transactions and the key file live. Made if it is missing.
    pub data_dir: PathBuf,
    /// Where mails of the demo arrive: a hint on the code page. Never set in production.
    pub dev_mailbox_url: Option<Url>,
    /// Proxies whose `X-Forwarded-For` is believed, as addresses or networks (`10.0.0.0/8`).
    pub trusted_proxies: Vec<String>,
}

/// Why the app cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// The data directory, or a file in it, cannot be used.
    #[error("cannot use {}: {cause}", .path.display())]
    DataDir {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The session database cannot be opened.
    #[error("cannot open the session database in {}: {cause}", .path.display())]
    Database {
        /// The data directory.
        path: PathBuf,
        /// What the database said.
        #[source]
        cause: rusqlite::Error,
    },
    /// The issuer, the client or the address of the app is unusable.
    #[error("cannot set up the client of the sign-in service: {0}")]
    Client(#[from] regain_sdk::ConfigError),
    /// The public URL has a path, a query or no host.
    #[error("public_url must be an origin such as https://app.example, not {0}")]
    PublicUrl(Url),
    /// An entry of the trusted proxies is neither an address nor a network.
    #[error("trusted proxy {0:?} is neither an address nor a network such as 10.0.0.0/8")]
    Proxy(String),
}

impl WebConfig {
    /// The scopes that the app asks for.
    pub(crate) const SCOPES: [&'static str; 3] = ["openid", "profile", "email"];

    /// The public URL as an origin, without a slash at its end.
    pub(crate) fn origin(&self) -> Result<String, WebError> {
        let url = &self.public_url;
        let is_origin = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if is_origin {
            Ok(url.origin().ascii_serialization())
        } else {
            Err(WebError::PublicUrl(url.clone()))
        }
    }

    pub(crate) fn networks(&self) -> Result<Vec<Network>, WebError> {
        self.trusted_proxies
            .iter()
            .map(|text| Network::parse(text).ok_or_else(|| WebError::Proxy(text.clone())))
            .collect()
    }

    /// Whether cookies may go without `Secure`: plain http, which browsers keep on the machine.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Whether people would type passwords into a page that travels in the clear.
    pub(crate) fn is_plain_http_abroad(&self) -> bool {
        let is_loopback = match self.public_url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        };
        !self.is_https() && !is_loopback
    }
}

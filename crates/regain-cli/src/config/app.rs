//! `app.toml`: the web app alone, against any issuer.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use regain_types::Secret;
use regain_web::{Brand, BrandError, Colour, Logo, WebConfig};
use serde::{Deserialize, Serialize};
use url::Url;

use super::environment::Environment;
use super::problem::Problems;
use super::reading::Sources;
use super::server::origin;
use super::{Broken, secret_text, socket_address};

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AppToml {
    /// The issuer to sign in at. Required.
    issuer: String,
    /// The app's client id there. Required.
    client_id: String,
    /// Its secret. Better in a file or in `REGAIN__APP__CLIENT_SECRET`.
    #[serde(skip_serializing)]
    client_secret: Option<Secret<String>>,
    /// A file that holds the secret. Without a secret the client is public.
    client_secret_file: Option<String>,
    /// Where people reach the app; its redirect URI is `{public_url}/login/callback`.
    public_url: String,
    /// The address with port to listen on.
    listen: String,
    /// Where sessions live; they survive a restart.
    data_dir: String,
    /// What the app is called.
    app_name: String,
    /// Where people find help.
    support_url: Option<String>,
    /// The colour of buttons and links, such as `#0a5a46`.
    accent: Option<String>,
    /// A picture before the name: SVG or PNG; relative to the file.
    logo: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed: addresses or networks.
    trusted_proxies: Vec<String>,
}

impl Default for AppToml {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            client_secret_file: None,
            public_url: "http://localhost:8401".to_owned(),
            listen: "127.0.0.1:8401".to_owned(),
            data_dir: "regain-app".to_owned(),
            app_name: "Regain".to_owned(),
            support_url: None,
            accent: None,
            logo: None,
            trusted_proxies: Vec::new(),
        }
    }
}

/// What the command line says about the app; each wins over the file.
#[derive(Debug, Default)]
pub(crate) struct AppOptions<'a> {
    /// `--issuer`.
    pub(crate) issuer: Option<&'a str>,
    /// `--client-id`.
    pub(crate) client_id: Option<&'a str>,
    /// `--listen`.
    pub(crate) listen: Option<SocketAddr>,
}

/// The app's configuration, checked.
#[derive(Debug)]
pub(crate) struct AppConfiguration {
    /// What the app asks for.
    pub(crate) web: WebConfig,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
}

/// Reads and checks the app's configuration; without a file, defaults, environment and options.
///
/// # Errors
/// [`Broken`] with every problem.
pub(crate) fn load(
    file: Option<&Path>,
    options: &AppOptions<'_>,
) -> Result<AppConfiguration, Broken> {
    load_with(file, options, std::env::vars())
}

pub(super) fn load_with(
    file: Option<&Path>,
    options: &AppOptions<'_>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<AppConfiguration, Broken> {
    let given = [
        ("issuer", options.issuer.map(str::to_owned)),
        ("client_id", options.client_id.map(str::to_owned)),
        ("listen", options.listen.map(|address| address.to_string())),
    ];
    let given: Vec<_> = given
        .into_iter()
        .filter_map(|(key, value)| value.map(|value| (key, value)))
        .collect();
    let environment = Environment::of_app(variables);
    let sources = Sources::merge(AppToml::default(), file, environment, &given)
        .map_err(|problem| Broken(vec![problem]))?;
    let (read, found) = sources.read::<AppToml>();
    let origin = |key: &str| sources.origin(key);
    let mut problems = Problems::new(found, &origin);
    let checked = read.and_then(|raw| raw.check(&sources.directory(), &mut problems));
    let found = problems.into_found();
    match checked {
        Some(configuration) if found.is_empty() => Ok(configuration),
        _ => Err(Broken(found)),
    }
}

impl AppToml {
    fn check(&self, directory: &Path, problems: &mut Problems<'_>) -> Option<AppConfiguration> {
        if self.issuer.is_empty() {
            problems.add(
                "issuer",
                "is missing: the issuer to sign in at, such as http://localhost:8400/oauth2/default",
            );
        } else if !Url::parse(&self.issuer).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.has_host()
        }) {
            problems.add(
                "issuer",
                format!("must be an http or https address, not {:?}", self.issuer),
            );
        }
        if self.client_id.is_empty() {
            problems.add(
                "client_id",
                "is missing: the id that the issuer knows the app by",
            );
        }
        for proxy in &self.trusted_proxies {
            if !is_network(proxy) {
                let message = format!("{proxy:?} is neither an address nor a network");
                problems.add("trusted_proxies", message);
            }
        }
        let support_url = self.support_url.as_deref().and_then(|text| {
            let url = Url::parse(text).ok();
            if url.is_none() {
                problems.add("support_url", format!("must be an address, not {text:?}"));
            }
            url
        });
        let brand = self.brand(directory, problems);
        let given = (
            self.client_secret.as_ref(),
            self.client_secret_file.as_deref(),
        );
        let secret = secret_text("client_secret", given, directory, problems);
        let public_url = origin("public_url", &self.public_url, problems);
        let listen = socket_address("listen", &self.listen, problems);
        Some(AppConfiguration {
            web: WebConfig {
                issuer: self.issuer.clone(),
                client_id: self.client_id.clone(),
                client_secret: secret.map(|secret| secret.expose().as_str().into()),
                public_url: Url::parse(&public_url).ok()?,
                app_name: self.app_name.clone(),
                support_url,
                brand,
                data_dir: directory.join(&self.data_dir),
                dev_mailbox_url: None,
                trusted_proxies: self.trusted_proxies.clone(),
            },
            listen: listen?,
        })
    }

    fn brand(&self, directory: &Path, problems: &mut Problems<'_>) -> Brand {
        let accent = self.accent.as_deref().map(Colour::parse);
        let logo = self
            .logo
            .as_ref()
            .map(|logo| Logo::load(&directory.join(logo)));
        Brand {
            accent: told("accent", accent, problems),
            logo: told("logo", logo, problems),
        }
    }
}

fn told<T>(
    key: &str,
    read: Option<Result<T, BrandError>>,
    problems: &mut Problems<'_>,
) -> Option<T> {
    let told = |error: BrandError| problems.add(key, error.to_string());
    read?.map_err(told).ok()
}

fn is_network(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "0"));
    address.parse::<IpAddr>().is_ok() && prefix.parse::<u8>().is_ok_and(|bits| bits <= 128)
}

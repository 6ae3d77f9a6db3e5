//! The cookie by which a browser is known again (G-07). It proves nothing and opens nothing: it
//! only chooses a budget of its own for whoever has signed in here before.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use regain_store::RequestMeta;
use regain_types::Secret;

use crate::meta::Meta;
use crate::settings::Settings;
use crate::solves_work::solves_work;
use crate::state::AppState;

/// As long as the store knows the device.
const MAX_AGE_SECONDS: i64 = 90 * 24 * 60 * 60;
/// Longer values are nobody's of ours.
const VALUE_CHARS_MAX: usize = 64;

/// Who asks: what the log tells of it, and its device.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) meta: RequestMeta,
    pub(crate) device: BrowserDevice,
    /// Whether it can do proof of work (M-03).
    pub(crate) solves_work: bool,
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let Meta(meta) = Meta::from_request_parts(parts, state).await?;
        let device = BrowserDevice::of(&parts.headers, state.settings());
        let solves_work = solves_work(&parts.headers);
        Ok(Self {
            meta,
            device,
            solves_work,
        })
    }
}

/// What a browser shows, and how it may be told something to keep.
#[derive(Clone, Debug, Default)]
pub(crate) struct BrowserDevice {
    /// The value of its cookie.
    shown: Option<Secret<String>>,
    /// Whether a browser asks that may keep a cookie; and for another site's page.
    asks: Option<Site>,
}

/// Whose page asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Site {
    /// A trusted origin on another host.
    Embedding,
    /// Our own host.
    Own,
}

impl BrowserDevice {
    /// Reads a request. Browsers name the origin of every POST; a page of an origin that is not
    /// trusted gets no cookie.
    pub(crate) fn of(headers: &HeaderMap, settings: &Settings) -> Self {
        let name = name(settings);
        let shown = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, value)| *key == name && is_value(value))
            .map(|(_, value)| Secret::new(value.to_owned()));
        let origin = headers
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        let asks = origin.and_then(|origin| site(origin, settings));
        Self { shown, asks }
    }

    /// What the browser showed.
    pub(crate) fn shown(&self) -> Option<&Secret<String>> {
        self.shown.as_ref()
    }

    /// Whether it would keep a cookie.
    pub(crate) fn keeps_cookies(&self) -> bool {
        self.asks.is_some()
    }

    /// The header that tells it what to show from now on.
    ///
    /// `Lax`, unless the page belongs to another host: then only a partitioned cookie reaches us
    /// at all (S-05).
    pub(crate) fn set(&self, token: &Secret<String>, settings: &Settings) -> Option<HeaderValue> {
        let rules = match (self.asks?, is_https(settings)) {
            (_, false) => "SameSite=Lax",
            (Site::Own, true) => "Secure; SameSite=Lax",
            (Site::Embedding, true) => "Secure; SameSite=None; Partitioned",
        };
        let (name, token) = (name(settings), token.expose());
        let text = format!("{name}={token}; Path=/; HttpOnly; Max-Age={MAX_AGE_SECONDS}; {rules}");
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Browsers accept the prefix only over https.
fn name(settings: &Settings) -> &'static str {
    if is_https(settings) {
        "__Host-regain_dt"
    } else {
        "regain_dt"
    }
}

fn is_https(settings: &Settings) -> bool {
    settings.public_url.starts_with("https:")
}

fn site(origin: &str, settings: &Settings) -> Option<Site> {
    if host(origin) == host(&settings.public_url) && host(origin).is_some() {
        return Some(Site::Own);
    }
    let trusted = settings.trusted_origins.iter().any(|known| known == origin);
    trusted.then_some(Site::Embedding)
}

/// The host of `scheme://host:port`.
fn host(origin: &str) -> Option<&str> {
    let rest = origin.split_once("://")?.1;
    let authority = rest.split('/').next()?;
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= VALUE_CHARS_MAX
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

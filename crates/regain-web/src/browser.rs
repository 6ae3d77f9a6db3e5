//! Which browser it is: one cookie with 256 random bits, known to the database by its hash only.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use crate::app::App;
use crate::keys::digest;
use crate::store::BrowserHash;
use crate::system::random_name;

/// Length of a cookie value: 32 bytes as base64url.
const COOKIE_CHARS: usize = 43;
/// Length of a device's name: as much as servers take of `X-Device-Token`; 192 bits.
const DEVICE_CHARS: usize = 32;
/// As long as browsers keep a cookie.
const DEVICE_MAX_AGE_SECONDS: u32 = 400 * 24 * 60 * 60;

/// The browser of a request.
#[derive(Clone)]
pub(crate) struct Browser {
    cookie: String,
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Browser(…)")
    }
}

impl Browser {
    /// A browser that was never here, or one that just signed in or out.
    pub(crate) fn new() -> Self {
        Self {
            cookie: random_name(),
        }
    }

    fn of(headers: &HeaderMap, cookie_name: &str) -> Option<Self> {
        let cookie = cookie(headers, cookie_name, COOKIE_CHARS)?;
        Some(Self { cookie })
    }

    /// What the database knows it by.
    pub(crate) fn hash(&self) -> BrowserHash {
        digest(&self.cookie)
    }

    /// The cookie's value, for the token of forms.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Tells the browser its name. It lasts until the browser closes; the database says when a
    /// session ends.
    pub(crate) fn set_cookie(&self, app: &App) -> Option<HeaderValue> {
        let secure = if app.is_https { "; Secure" } else { "" };
        let text = format!(
            "{}={}; Path=/; HttpOnly; SameSite=Lax{secure}",
            app.cookie_name(),
            self.cookie
        );
        HeaderValue::from_str(&text).ok()
    }
}

/// What a browser is known by over many visits, so that the server keeps others' mistakes out of
/// its owner's way. It opens nothing, here or there.
#[derive(Clone)]
pub(crate) struct Device {
    token: String,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Device(…)")
    }
}

impl Device {
    fn new() -> Self {
        Self {
            token: random_name().chars().take(DEVICE_CHARS).collect(),
        }
    }

    fn of(headers: &HeaderMap, app: &App) -> Option<Self> {
        let token = cookie(headers, app.device_cookie_name(), DEVICE_CHARS)?;
        Some(Self { token })
    }

    /// What the server is told.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    fn set_cookie(&self, app: &App) -> Option<HeaderValue> {
        let secure = if app.is_https { "; Secure" } else { "" };
        let (name, token) = (app.device_cookie_name(), &self.token);
        let age = DEVICE_MAX_AGE_SECONDS;
        let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

/// The value of a cookie of ours: so many characters of base64url.
fn cookie(headers: &HeaderMap, cookie_name: &str, chars: usize) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == cookie_name && is_cookie_value(value, chars))
        .map(|(_, value)| value.to_owned())
}

fn is_cookie_value(value: &str, chars: usize) -> bool {
    value.len() == chars
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Recognises the browser, or gives it a name. An answer that already sets the cookie (after
/// signing in or out) keeps its own.
pub(crate) async fn recognise(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let known = Browser::of(request.headers(), app.cookie_name());
    let is_new = known.is_none();
    let browser = known.unwrap_or_else(Browser::new);
    request.extensions_mut().insert(browser.clone());
    let known = Device::of(request.headers(), &app);
    let is_new_device = known.is_none();
    let device = known.unwrap_or_else(Device::new);
    request.extensions_mut().insert(device.clone());
    let mut response = next.run(request).await;
    if is_new
        && !response.headers().contains_key(header::SET_COOKIE)
        && let Some(cookie) = browser.set_cookie(&app)
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    if is_new_device && let Some(cookie) = device.set_cookie(&app) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

//! One request of a browser: who it is, what it asks for, and the client that speaks for it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, header};
use regain_sdk::{IdxClient, RequestContext};

use crate::app::App;
use crate::browser::{Browser, Device};
use crate::client_address;
use crate::failure::Failure;
use crate::pages::error;
use crate::routing::Page;
use crate::sentences::{Sentences, for_languages};
use crate::system::random_name;

/// A forwarded header that is longer than this is cut off: it only describes a browser.
const FORWARDED_HEADER_CHARS_MAX: usize = 512;
/// Length of an entry page's name: enough to tell tabs apart. It opens nothing by itself.
const ENTRY_NAME_CHARS: usize = 12;

/// One request.
#[derive(Debug)]
pub(crate) struct Visit {
    pub app: Arc<App>,
    pub browser: Browser,
    /// Speaks to the engine with this browser's address, user agent and languages.
    pub client: IdxClient,
    pub t: &'static Sentences,
    context: RequestContext,
    path: String,
    query: Vec<(String, String)>,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let browser = parts
            .extensions
            .get::<Browser>()
            .cloned()
            .unwrap_or_else(Browser::new);
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let accept_language = header_text(&parts.headers, header::ACCEPT_LANGUAGE);
        let context = RequestContext {
            forwarded_for: peer.map(|peer| {
                client_address::of(peer, &parts.headers, &app.trusted_proxies).to_string()
            }),
            user_agent: header_text(&parts.headers, header::USER_AGENT),
            device_token: parts
                .extensions
                .get::<Device>()
                .map(|device| device.token().to_owned()),
            accept_language: accept_language.clone(),
            solves_work: false,
        };
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            client: app.client.with_context(context.clone()),
            context,
            app: Arc::clone(app),
            browser,
            t: for_languages(accept_language.as_deref()),
            path: parts.uri.path().to_owned(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        })
    }
}

impl Visit {
    /// The path that was asked for.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The browser can do proof of work: the engine may ask for it instead of refusing.
    pub(crate) fn solves_work(&mut self) {
        self.context.solves_work = true;
        self.client = self.app.client.with_context(self.context.clone());
    }

    /// A parameter of the URL.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The transaction that the URL names; it may be anybody's until it is looked up.
    pub(crate) fn state(&self) -> Option<&str> {
        self.query("state")
    }

    /// The name of the entry page, which tells tabs apart and survives Back.
    pub(crate) fn entry(&self) -> Option<&str> {
        self.query("entry").filter(|name| is_entry_name(name))
    }

    /// The address of an entry page: under this page's name if it is one, else under a new one.
    pub(crate) fn entry_href(&self, page: &Page) -> String {
        match self.entry() {
            Some(entry) => format!("{page}?entry={entry}"),
            None => new_entry_href(page),
        }
    }

    /// The token for the forms of this browser.
    pub(crate) fn csrf(&self) -> String {
        self.app.keys.csrf_token(self.browser.cookie())
    }

    /// Turns what a handler came to into an answer.
    pub(crate) fn answer(&self, result: Result<Response, Failure>) -> Response {
        result.unwrap_or_else(|failure| error::respond(self, &failure))
    }
}

/// The address of an entry page that nobody has opened yet.
pub(crate) fn new_entry_href(page: &Page) -> String {
    let name: String = random_name().chars().take(ENTRY_NAME_CHARS).collect();
    format!("{page}?entry={name}")
}

fn is_entry_name(name: &str) -> bool {
    name.len() == ENTRY_NAME_CHARS
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Sends the browser on with GET, as POST-redirect-GET wants it.
pub(crate) fn go_to(path: &str) -> Response {
    Redirect::to(path).into_response()
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.chars().take(FORWARDED_HEADER_CHARS_MAX).collect())
}

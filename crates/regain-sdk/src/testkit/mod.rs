//! For tests of apps: a transport that answers from a script, and the documents of the flows.
//!
//! ```
//! use regain_sdk::testkit::{ScriptedTransport, documents};
//! # use regain_sdk::{IdxClient, Step};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let script = ScriptedTransport::for_issuer("https://id.example.com/oauth2/default");
//! script.answer("/v1/interact", 200, documents::interact());
//! script.answer("/idp/idx/introspect", 200, documents::sign_in_page("https://id.example.com"));
//! let client = IdxClient::builder("https://id.example.com/oauth2/default")
//!     .client_id("0oa1example")
//!     .redirect_uri("https://app.example.com/login/callback")
//!     .transport(script.clone())
//!     .build()
//!     .unwrap();
//!
//! let outcome = client.begin().start().await.unwrap();
//! assert!(matches!(outcome.step(), Some(Step::Identify(step)) if step.wants_password()));
//! assert_eq!(script.paths(), [
//!     "GET /oauth2/default/.well-known/openid-configuration",
//!     "POST /oauth2/default/v1/interact",
//!     "POST /idp/idx/introspect",
//! ]);
//! # });
//! ```

pub mod documents;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use http::{HeaderMap, Request, Response};
use serde_json::{Value, json};

use crate::{Transport, TransportError};

/// A request that a [`ScriptedTransport`] has seen. `Debug` shows method and path only.
#[derive(Clone)]
pub struct SeenRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// The path of the URL.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl SeenRequest {
    /// The body as JSON; `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A parameter of a form body.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(&self.body);
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

type Reply = Box<dyn Fn(&SeenRequest) -> Result<Response<Vec<u8>>, TransportError> + Send + Sync>;

struct Entry {
    path: String,
    reply: Reply,
    repeats: bool,
}

/// Answers requests from a script: for each path the answers in their order. A request without
/// an answer fails as if the server were not there, and is listed all the same.
#[derive(Default)]
pub struct ScriptedTransport {
    entries: Mutex<VecDeque<Entry>>,
    seen: Mutex<Vec<SeenRequest>>,
}

impl ScriptedTransport {
    /// A script that has only the discovery document of this issuer.
    #[must_use]
    pub fn for_issuer(issuer: &str) -> Arc<Self> {
        let script = Self::default();
        let document = documents::discovery(issuer);
        script.always("/.well-known/openid-configuration", move |_| {
            Ok(reply(200, &document))
        });
        Arc::new(script)
    }

    /// Answers the next request to a path that ends so.
    pub fn answer(&self, path: &str, status: u16, body: Value) {
        self.push(path, false, Box::new(move |_| Ok(reply(status, &body))));
    }

    /// Answers every request to a path that ends so, after the answers for single ones.
    pub fn always<F>(&self, path: &str, reply: F)
    where
        F: Fn(&SeenRequest) -> Result<Response<Vec<u8>>, TransportError> + Send + Sync + 'static,
    {
        self.push(path, true, Box::new(reply));
    }

    /// Answers the next request to a path that ends so with whatever `reply` makes of it.
    pub fn answer_with<F>(&self, path: &str, reply: F)
    where
        F: Fn(&SeenRequest) -> Result<Response<Vec<u8>>, TransportError> + Send + Sync + 'static,
    {
        self.push(path, false, Box::new(reply));
    }

    /// What was asked, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.seen).clone()
    }

    /// What was asked, as `POST /idp/idx/introspect`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        lock(&self.seen)
            .iter()
            .map(|seen| format!("{seen:?}"))
            .collect()
    }

    /// Forgets what was asked so far.
    pub fn forget_requests(&self) {
        lock(&self.seen).clear();
    }

    fn push(&self, path: &str, repeats: bool, reply: Reply) {
        lock(&self.entries).push_back(Entry {
            path: path.to_owned(),
            reply,
            repeats,
        });
    }
}

/// A JSON answer.
#[must_use]
pub fn reply(status: u16, body: &Value) -> Response<Vec<u8>> {
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}

/// A JSON answer with one more header.
#[must_use]
pub fn reply_with(
    status: u16,
    (name, value): (&'static str, &'static str),
    body: &Value,
) -> Response<Vec<u8>> {
    let mut response = reply(status, body);
    response
        .headers_mut()
        .insert(name, http::HeaderValue::from_static(value));
    response
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let (parts, body) = request.into_parts();
        let seen = SeenRequest {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            headers: parts.headers,
            body,
        };
        lock(&self.seen).push(seen.clone());
        let mut entries = lock(&self.entries);
        let fits = |entry: &Entry| seen.path.ends_with(&entry.path);
        let index = entries
            .iter()
            .position(|entry| !entry.repeats && fits(entry))
            .or_else(|| entries.iter().position(fits));
        let gone = || TransportError::not_sent(json!({ "unscripted": seen.path }).to_string());
        let entry = index
            .and_then(|index| entries.remove(index))
            .ok_or_else(gone)?;
        let response = (entry.reply)(&seen);
        if entry.repeats {
            entries.push_back(entry);
        }
        response
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedTransport")
            .field("seen", &*lock(&self.seen))
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

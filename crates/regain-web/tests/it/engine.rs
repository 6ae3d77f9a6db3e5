//! A small engine for tests: the dialogue of sign-in and recovery with one user, behind the SDK's
//! transport. It judges what the app sends and can be told to misbehave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response};
use regain_sdk::testkit::{documents, reply, reply_with};
use regain_sdk::{Transport, TransportError};
use serde_json::{Value, json};

use crate::keys::SigningKey;

pub(crate) const ORIGIN: &str = "http://engine.test:8400";
pub(crate) const ISSUER: &str = "http://engine.test:8400/oauth2/default";
pub(crate) const CLIENT_ID: &str = "regain-demo-web";
pub(crate) const PASSWORD: &str = "Copper-Lantern-42";
pub(crate) const CODE: &str = "123456";

/// What the engine was told to do.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one way to misbehave"
)]
pub(crate) struct Mood {
    pub(crate) is_down: bool,
    pub(crate) identifier_first: bool,
    pub(crate) verify_instead_of_select: bool,
    pub(crate) tells_unknown_users: bool,
    pub(crate) breaks_tokens: bool,
    pub(crate) hides_profile: bool,
    pub(crate) has_no_recovery: bool,
    /// The next request to a path that ends so gets this answer.
    pub(crate) next: Option<(String, u16, Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Recover,
    Select,
    Password,
    Code,
    Reset,
    Done,
}

#[derive(Clone, Debug)]
struct Dialogue {
    place: Place,
    nonce: String,
}

#[derive(Default)]
struct Inner {
    mood: Mood,
    dialogues: HashMap<String, Dialogue>,
    seen: Vec<(String, http::HeaderMap, String)>,
    password: Option<String>,
    count: usize,
}

#[derive(Clone)]
pub(crate) struct Engine {
    inner: Arc<Mutex<Inner>>,
    key: Arc<SigningKey>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::default(),
            key: Arc::new(SigningKey::new()),
        }
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Mood)) {
        change(&mut self.inner.lock().unwrap().mood);
    }

    /// The next request to a path that ends so gets this answer.
    pub(crate) fn answer_once(&self, path: &str, status: u16, body: Value) {
        self.set(|mood| mood.next = Some((path.to_owned(), status, body)));
    }

    /// The paths that were posted to or read, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.inner
            .lock()
            .unwrap()
            .seen
            .iter()
            .map(|(path, ..)| path.clone())
            .collect()
    }

    /// How often a path that ends so was asked.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.paths()
            .iter()
            .filter(|seen| seen.ends_with(path))
            .count()
    }

    /// A header of the last request to a path that ends so.
    pub(crate) fn header(&self, path: &str, name: &str) -> Option<String> {
        let inner = self.inner.lock().unwrap();
        let (_, headers, _) = inner
            .seen
            .iter()
            .rev()
            .find(|(seen, ..)| seen.ends_with(path))?;
        Some(headers.get(name)?.to_str().ok()?.to_owned())
    }

    /// The body of the last request to a path that ends so.
    pub(crate) fn body(&self, path: &str) -> String {
        let inner = self.inner.lock().unwrap();
        let found = inner
            .seen
            .iter()
            .rev()
            .find(|(seen, ..)| seen.ends_with(path));
        found.map(|(_, _, body)| body.clone()).unwrap_or_default()
    }

    pub(crate) fn password(&self) -> String {
        self.inner
            .lock()
            .unwrap()
            .password
            .clone()
            .unwrap_or_else(|| PASSWORD.to_owned())
    }
}

#[async_trait]
impl Transport for Engine {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        // Others get their turn, as they would while a request is on its way.
        tokio::task::yield_now().await;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let text = String::from_utf8(body).unwrap();
        let mut inner = self.inner.lock().unwrap();
        inner.seen.push((path.clone(), parts.headers, text.clone()));
        if inner.mood.is_down {
            return Err(TransportError::not_sent("connection refused"));
        }
        if let Some((wanted, status, body)) = inner.mood.next.clone()
            && path.ends_with(&wanted)
        {
            inner.mood.next = None;
            return Ok(if status == 429 {
                reply_with(status, ("retry-after", "17"), &body)
            } else {
                reply(status, &body)
            });
        }
        Ok(match path.as_str() {
            path if path.ends_with("/.well-known/openid-configuration") => {
                reply(200, &documents::discovery(ISSUER))
            }
            path if path.ends_with("/v1/keys") => reply(200, &self.key.key_set()),
            path if path.ends_with("/v1/interact") => inner.interact(&text),
            path if path.ends_with("/v1/token") => self.token(&inner, &text),
            path if path.ends_with("/v1/userinfo") => reply(
                200,
                &json!({ "sub": "00u1alice", "zoneinfo": "Europe/Vienna" }),
            ),
            path if path.ends_with("/v1/revoke") => reply(200, &Value::Null),
            path => {
                let body: Value = serde_json::from_str(&text).unwrap();
                inner.step(path.trim_start_matches("/idp/idx/"), &body)
            }
        })
    }
}

impl Engine {
    fn token(&self, inner: &Inner, body: &str) -> Response<Vec<u8>> {
        let code = param(body, "interaction_code");
        let Some(dialogue) = inner.dialogues.get(&code) else {
            return reply(
                400,
                &json!({ "error": "invalid_grant", "error_description": "no" }),
            );
        };
        let nonce = if inner.mood.breaks_tokens {
            "other"
        } else {
            &dialogue.nonce
        };
        let id_token = self.key.sign(&json!({
            "iss": ISSUER, "aud": CLIENT_ID, "sub": "00u1alice", "nonce": nonce,
            "email": "alice@example.com", "name": "Alice <Doe>",
            "iat": crate::browser::NOW, "exp": crate::browser::NOW + 24 * 3600,
        }));
        let tokens = json!({ "token_type": "Bearer", "expires_in": 3600, "scope": "openid profile email",
                             "access_token": "access-secret", "id_token": id_token });
        reply(200, &tokens)
    }
}

fn param(body: &str, name: &str) -> String {
    let mut pairs = form_urlencoded::parse(body.as_bytes());
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

impl Inner {
    fn interact(&mut self, body: &str) -> Response<Vec<u8>> {
        self.count += 1;
        let handle = format!("handle-{}", self.count);
        let dialogue = Dialogue {
            place: Place::First,
            nonce: param(body, "nonce"),
        };
        self.dialogues.insert(handle.clone(), dialogue);
        reply(200, &json!({ "interaction_handle": handle }))
    }

    fn step(&mut self, path: &str, body: &Value) -> Response<Vec<u8>> {
        let text = |pointer: &str| {
            body.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let handle = if path == "introspect" {
            text("/interactionHandle").to_owned()
        } else {
            text("/stateHandle").to_owned()
        };
        let passcode = text("/credentials/passcode").to_owned();
        let identifier = text("/identifier").to_owned();
        let Some(dialogue) = self.dialogues.get(&handle).cloned() else {
            let text = "You have been logged out due to inactivity. Refresh or return to the sign in screen.";
            return reply(
                401,
                &documents::terminal("idx.session.expired", text, "ERROR"),
            );
        };
        let (status, place, page) = match (path, dialogue.place) {
            ("introspect", place) => (200, place, self.page(place)),
            ("cancel", _) => (200, Place::First, self.page(Place::First)),
            ("recover", Place::First | Place::Password) => {
                (200, Place::Recover, self.page(Place::Recover))
            }
            ("identify", Place::First) if self.mood.identifier_first => {
                (200, Place::Password, self.page(Place::Password))
            }
            ("identify", Place::First) => self.sign_in(&identifier, &passcode, Place::First),
            ("identify", Place::Recover) => self.recover(&identifier),
            ("challenge", Place::Select | Place::Code) => {
                (200, Place::Code, self.page(Place::Code))
            }
            ("challenge/answer", Place::Password) => {
                self.sign_in("alice@example.com", &passcode, Place::Password)
            }
            ("challenge/answer", Place::Code) if passcode == CODE => {
                (200, Place::Reset, self.page(Place::Reset))
            }
            ("challenge/answer", Place::Code) => (401, Place::Code, wrong_code()),
            ("challenge/answer", Place::Reset) if passcode == "12345678" => {
                let text = "This password was found in a list of commonly used passwords.";
                let page = documents::with_passcode_error(
                    self.page(Place::Reset),
                    "password.common",
                    text,
                );
                (400, Place::Reset, page)
            }
            ("challenge/answer", Place::Reset) => {
                self.password = Some(passcode);
                (200, Place::Done, documents::success(ORIGIN, &handle))
            }
            ("challenge/resend", Place::Code) => (200, Place::Code, self.page(Place::Code)),
            (_, place) => (400, place, self.page(place)),
        };
        if let Some(dialogue) = self.dialogues.get_mut(&handle) {
            dialogue.place = place;
        }
        // The documents of the kit all have one handle; here each dialogue has its own.
        let page = page
            .to_string()
            .replace(documents::STATE_HANDLE, &handle)
            .replace("CODE", &handle);
        reply(status, &serde_json::from_str(&page).unwrap())
    }

    fn sign_in(&self, identifier: &str, password: &str, place: Place) -> (u16, Place, Value) {
        let right = self.password.as_deref().unwrap_or(PASSWORD);
        if identifier == "alice@example.com" && password == right {
            return (200, Place::Done, documents::success(ORIGIN, "CODE"));
        }
        let page = self.page(place);
        (
            401,
            place,
            documents::with_message(page, "errors.E0000004", "Authentication failed", "ERROR"),
        )
    }

    fn recover(&self, identifier: &str) -> (u16, Place, Value) {
        if self.mood.tells_unknown_users && identifier != "alice@example.com" {
            let text = format!("There is no account with the Username {identifier}.");
            let page = self.page(Place::Recover);
            return (
                200,
                Place::Recover,
                documents::with_message(page, "idx.unknown.user", &text, "INFO"),
            );
        }
        (200, Place::Select, self.page(Place::Select))
    }

    fn page(&self, place: Place) -> Value {
        match place {
            Place::First if self.mood.identifier_first => documents::identifier_first_page(ORIGIN),
            Place::First if self.mood.has_no_recovery => {
                let mut page = documents::sign_in_page(ORIGIN);
                page.as_object_mut().unwrap().remove("currentAuthenticator");
                page
            }
            Place::First | Place::Done => documents::sign_in_page(ORIGIN),
            Place::Recover => documents::recover_page(ORIGIN),
            Place::Select if self.mood.verify_instead_of_select => method_page(),
            Place::Select => documents::select_page(ORIGIN),
            Place::Password => documents::password_page(ORIGIN),
            Place::Code => {
                let mut page = documents::code_page(ORIGIN);
                if self.mood.hides_profile {
                    let email = page
                        .pointer_mut("/currentAuthenticatorEnrollment/value")
                        .unwrap();
                    email.as_object_mut().unwrap().remove("profile");
                }
                page
            }
            Place::Reset => documents::reset_page(ORIGIN),
        }
    }
}

fn wrong_code() -> Value {
    let key = "api.authn.error.PASSCODE_INVALID";
    documents::with_passcode_error(
        documents::code_page(ORIGIN),
        key,
        "Invalid code. Try again.",
    )
}

/// `authenticator-verification-data`, as newer orgs answer.
fn method_page() -> Value {
    let mut form = documents::form(
        ORIGIN,
        "authenticator-verification-data",
        "challenge",
        vec![json!({
            "name": "authenticator", "label": "Email", "form": { "value": [
                { "name": "id", "required": true, "value": "autEM", "mutable": false },
                { "name": "methodType", "required": true, "value": "email", "mutable": false },
            ] },
        })],
    );
    form["relatesTo"] = json!(["$.currentAuthenticatorEnrollment"]);
    let mut page = documents::page(ORIGIN, &[form], json!({}));
    page["currentAuthenticatorEnrollment"] = json!({ "type": "object", "value": {
        "type": "email", "key": "okta_email", "id": "eae1", "displayName": "Email",
        "profile": { "email": "a***e@example.com" }, "methods": [{ "type": "email" }],
    } });
    page
}

/// Base64url, as tokens are written.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

//! Who is signed in: tokens and claims, sealed in the database, under the browser's cookie.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header;
use regain_sdk::{Outcome, Tokens, VerifiedIdToken};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::browser::Browser;
use crate::failure::Failure;
use crate::record::plain;
use crate::store::BrowserHash;
use crate::visit::{Visit, go_to};

/// A session that nobody used for this long is over (security rule S-04).
const IDLE_SECONDS: i64 = 2 * 60 * 60;
/// No session is older (security rule S-04).
const ABSOLUTE_SECONDS: i64 = 12 * 60 * 60;
/// "Seen" is written at most this often.
const SEEN_INTERVAL_SECONDS: i64 = 60;
/// How long home tells what the sign-in changed. Time-bound, not once, so that a reload keeps it.
const NEWS_SECONDS: i64 = 5 * 60;

/// A signed-in session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The SDK's sealed tokens.
    tokens: String,
    /// Name and value, in the order in which home shows them.
    pub claims: Vec<(String, String)>,
    /// What the sign-in changed.
    pub news: News,
    /// Seconds since 1970.
    started_at: i64,
}

/// What a sign-in changed besides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct News {
    /// A recovery ended with this sign-in.
    pub password_changed: bool,
    /// Whether the form asked to sign other devices out; `None` where the server decides.
    pub revoked_others: Option<bool>,
    /// What the server said with its success.
    pub messages: Vec<String>,
}

impl Session {
    /// The tokens, if they can still be opened.
    pub(crate) fn tokens(&self, app: &App) -> Option<Tokens> {
        Tokens::unseal(&self.tokens, &app.seal_key, &App::scope("session")).ok()
    }

    /// A claim's value.
    pub(crate) fn claim(&self, name: &str) -> Option<&str> {
        self.claims
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// What home still tells about the sign-in.
    pub(crate) fn fresh_news(&self, now: i64) -> Option<&News> {
        Some(&self.news).filter(|_| now.saturating_sub(self.started_at) < NEWS_SECONDS)
    }
}

/// The session of a browser that has not ended.
pub(crate) async fn find(visit: &Visit) -> Result<Option<Session>, Failure> {
    let app = &visit.app;
    let hash = visit.browser.hash();
    let Some(row) = app.store.find_session(hash).await? else {
        return Ok(None);
    };
    let now = app.now();
    let is_over = now.saturating_sub(row.seen_at) >= IDLE_SECONDS
        || now.saturating_sub(row.created_at) >= ABSOLUTE_SECONDS;
    let session: Option<Session> = app
        .keys
        .unseal(&label(&hash), &row.sealed)
        .and_then(|plain| serde_json::from_slice(&plain).ok())
        .filter(|_| !is_over);
    if session.is_none() {
        app.store.end_session(hash).await?;
    } else if now.saturating_sub(row.seen_at) >= SEEN_INTERVAL_SECONDS {
        app.store.save_session(hash, row.sealed, now).await?;
    }
    Ok(session)
}

/// Starts a session under a new name of the browser (security rule S-03) and goes home.
pub(crate) async fn start(
    visit: &Visit,
    tokens: &Tokens,
    outcome: &Outcome,
    revoked_others: Option<bool>,
) -> Result<Response, Failure> {
    let app = &visit.app;
    let now = app.now();
    let session = Session {
        tokens: tokens.seal(&app.seal_key, &App::scope("session"))?,
        claims: claims(visit, tokens).await,
        news: News {
            password_changed: outcome.transaction.password_replaced(),
            revoked_others,
            messages: outcome
                .messages
                .iter()
                .map(|message| plain(message).0)
                .collect(),
        },
        started_at: now,
    };
    let browser = Browser::new();
    let hash = browser.hash();
    let plain = serde_json::to_vec(&session).map_err(|_| Failure::Bug("a session is no JSON"))?;
    let sealed = app
        .keys
        .seal(&label(&hash), &plain)
        .ok_or(Failure::Bug("a session cannot be sealed"))?;
    app.store
        .start_session(visit.browser.hash(), hash, sealed, now)
        .await?;
    app.store
        .sweep_sessions(now.saturating_sub(IDLE_SECONDS))
        .await?;
    let cookie = browser
        .set_cookie(app)
        .ok_or(Failure::Bug("a cookie is no header"))?;
    let mut response = go_to("/");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The claims of the ID token and, once per sign-in, what userinfo adds. A userinfo endpoint that
/// does not answer costs some rows of a table, not the sign-in.
async fn claims(visit: &Visit, tokens: &Tokens) -> Vec<(String, String)> {
    let mut claims: Vec<(String, String)> = tokens
        .id
        .iter()
        .flat_map(|id| id.claims().iter())
        .map(|(name, value)| (name.clone(), shown(value)))
        .collect();
    let subject = tokens
        .id
        .as_ref()
        .map(VerifiedIdToken::subject)
        .unwrap_or_default();
    match visit.client.userinfo(&tokens.access, subject).await {
        Ok(more) => {
            for (name, value) in &more {
                if !claims.iter().any(|(known, _)| known == name) {
                    claims.push((name.clone(), shown(value)));
                }
            }
        }
        Err(problem) => tracing::warn!(%problem, "userinfo is missing"),
    }
    let first = ["name", "email", "preferred_username", "sub"];
    claims.sort_by_key(|(name, _)| {
        first
            .iter()
            .position(|known| known == name)
            .unwrap_or(first.len())
    });
    claims
}

fn shown(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A session's bytes open only for the browser that they belong to.
fn label(hash: &BrowserHash) -> String {
    format!("session:{}", URL_SAFE_NO_PAD.encode(hash))
}

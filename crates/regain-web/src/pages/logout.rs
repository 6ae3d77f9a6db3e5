//! `POST /logout`: end the session here, then at the engine (security rule S-07).

use axum::response::Response;
use http::header;
use regain_sdk::{TokenKind, Tokens};

use crate::browser::Browser;
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::session;
use crate::visit::{Visit, go_to};

/// What the engine hands back to home (`state` of OpenID Connect RP-Initiated Logout 1.0 §3), so
/// that home can say that it is done.
pub(crate) const SIGNED_OUT: &str = "signed-out";
/// Home, when the engine has no part in it.
const SIGNED_OUT_HOME: &str = "/?state=signed-out";

/// POST.
pub(crate) async fn submit(visit: Visit, _form: PostedForm) -> Response {
    let result = end(&visit).await;
    visit.answer(result)
}

async fn end(visit: &Visit) -> Result<Response, Failure> {
    let app = &visit.app;
    let session = session::find(visit).await?;
    // Our own session first: whatever the engine answers, this browser is signed out.
    app.store.end_session(visit.browser.hash()).await?;
    let tokens = session.and_then(|session| session.tokens(app));
    let target = match &tokens {
        Some(tokens) => {
            revoke(visit, tokens).await;
            engine_logout(visit, tokens).await
        }
        None => None,
    };
    let mut response = go_to(target.as_deref().unwrap_or(SIGNED_OUT_HOME));
    let cookie = Browser::new()
        .set_cookie(app)
        .ok_or(Failure::Bug("a cookie is no header"))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Makes the tokens worthless. An engine that does not answer does not keep anybody signed in here.
async fn revoke(visit: &Visit, tokens: &Tokens) {
    let refresh = tokens
        .refresh
        .as_ref()
        .map(|token| (token, TokenKind::Refresh));
    for (token, kind) in refresh
        .into_iter()
        .chain([(&tokens.access, TokenKind::Access)])
    {
        if let Err(problem) = visit.client.revoke(token, kind).await {
            tracing::warn!(%problem, "a token could not be revoked");
        }
    }
}

/// Where the engine ends its own session, and from where it sends the browser back.
async fn engine_logout(visit: &Visit, tokens: &Tokens) -> Option<String> {
    let id_token = tokens.id.as_ref()?;
    let back = format!("{}/", visit.app.origin);
    match visit
        .client
        .logout_url(id_token, Some(&back), Some(SIGNED_OUT))
        .await
    {
        Ok(url) => Some(url.to_string()),
        Err(problem) => {
            tracing::warn!(%problem, "the engine's logout address is not known");
            None
        }
    }
}

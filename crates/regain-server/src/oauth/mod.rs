//! `/oauth2/*` and discovery (`idx-wire` §2): decode, call, encode. The rules stand in
//! `regain-oauth`.

mod call;
mod discovery;
mod interact;
mod introspect;
mod keys;
mod known_clients;
mod logout;
mod profile;
mod redeem;
mod refresh;
mod refusal;
mod revoke;
mod server;
mod signer;
mod token;
mod userinfo;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub(crate) use known_clients::KnownClients;
pub(crate) use refusal::busy;
pub(crate) use signer::Signer;
pub use signer::SignerError;

use crate::json::BODY_BYTES_MAX;
use crate::state::AppState;

/// The routes but for logout, once for the custom and once for the org server.
pub(crate) fn router() -> Router<AppState> {
    // Apps that take `BASE/oauth2` for the org's issuer find its document all the same.
    let documents = ["", "/oauth2", "/oauth2/{server}"]
        .iter()
        .fold(Router::new(), documents_below);
    documents
        .nest("/oauth2/v1", endpoints())
        .nest("/oauth2/{server}/v1", endpoints())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Logout. Apps send people here from their own pages, by a link or by a form of any site (OpenID
/// Connect RP-Initiated Logout 1.0 §2); an ID token says whose sign-in ends, no cookie does.
pub(crate) fn logout_router() -> Router<AppState> {
    let logout = || get(logout::logout).post(logout::logout);
    Router::new()
        .route("/oauth2/v1/logout", logout())
        .route("/oauth2/{server}/v1/logout", logout())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

fn documents_below(router: Router<AppState>, prefix: &&str) -> Router<AppState> {
    let path = |name: &str| format!("{prefix}/.well-known/{name}");
    router
        .route(&path("openid-configuration"), get(discovery::discovery))
        .route(
            &path("oauth-authorization-server"),
            get(discovery::discovery),
        )
}

fn endpoints() -> Router<AppState> {
    Router::new()
        .route("/interact", post(interact::interact))
        .route("/introspect", post(introspect::introspect))
        .route("/keys", get(keys::keys))
        .route("/revoke", post(revoke::revoke))
        .route("/token", post(token::token))
        .route(
            "/userinfo",
            get(userinfo::userinfo).post(userinfo::userinfo),
        )
}

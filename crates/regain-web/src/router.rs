//! Every route, and the layers around them.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, extract::DefaultBodyLimit};
use http::StatusCode;
use regain_sdk::{Clock, IdxClient, SystemClock};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::config::{WebConfig, WebError};
use crate::form::BODY_BYTES_MAX;
use crate::pages::{
    callback, cancel, challenge_code, challenge_password, change_password, current, enroll_code,
    error, home, login, logout, not_found, other_step, poll, recover_password, resend,
    reset_password, select_authenticator, skip, terminal, verify_authenticator,
};
use crate::{assets, browser, headers};

/// The longest address that is read, in bytes (security rule H-01).
const URI_BYTES_MAX: usize = 8 * 1024;

/// The web app for these settings. Serve it with connection info (`SocketAddr`), so that the
/// engine learns the address of the person.
///
/// No request is sent: an engine that is down now is asked again at each visit.
///
/// # Errors
/// When the settings are unusable or the data directory cannot be used.
pub async fn router(config: WebConfig) -> Result<Router, WebError> {
    let mut builder = IdxClient::builder(&config.issuer)
        .client_id(&config.client_id)
        .redirect_uri(format!("{}/login/callback", config.origin()?))
        .scopes(WebConfig::SCOPES);
    if let Some(secret) = &config.client_secret {
        builder = builder.client_secret(secret.clone());
    }
    let client = builder.build()?;
    router_with(config, client, Arc::new(SystemClock)).await
}

/// The web app with a client and a clock of the caller: another transport, or a test's script.
///
/// # Errors
/// As [`router`].
pub async fn router_with(
    config: WebConfig,
    client: IdxClient,
    clock: Arc<dyn Clock>,
) -> Result<Router, WebError> {
    let data_dir = config.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || App::open(config, client, clock)).await;
    let app = opened.map_err(|_| WebError::DataDir {
        path: data_dir,
        cause: std::io::Error::other("the runtime is shutting down"),
    })??;
    Ok(routes(Arc::new(app)))
}

fn routes(app: Arc<App>) -> Router {
    let pages = Router::new()
        .route("/", get(home::show))
        .route("/login", get(login::show).post(login::submit))
        .route("/login/callback", get(callback::show))
        .route(
            "/recover-password",
            get(recover_password::show).post(recover_password::submit),
        )
        .route(
            "/select-authenticator",
            get(select_authenticator::show).post(select_authenticator::submit),
        )
        .route("/select-authenticator/skip", post(skip::submit))
        .route(
            "/verify-authenticator/{key}",
            get(verify_authenticator::show).post(verify_authenticator::submit),
        )
        .route(
            "/challenge-authenticator/okta_password",
            get(challenge_password::show).post(challenge_password::submit),
        )
        .route("/challenge-authenticator/resend", post(resend::submit))
        .route(
            "/challenge-authenticator/{key}",
            get(challenge_code::show).post(challenge_code::submit),
        )
        .route(
            "/enroll-authenticator/{key}",
            get(enroll_code::show).post(enroll_code::submit),
        )
        .route(
            "/reset-password",
            get(reset_password::show).post(reset_password::submit),
        )
        .route(
            "/other-step",
            get(other_step::show).post(other_step::submit),
        )
        .route("/continue", get(current::show))
        .route("/poll", get(poll::show))
        .route("/cancel", post(cancel::submit))
        .route("/logout", post(logout::submit))
        .route("/terminal", get(terminal::show))
        .route("/.well-known/change-password", get(change_password::show))
        .fallback(not_found::show)
        .method_not_allowed_fallback(not_found::show)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            browser::recognise,
        ))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    // Only what holds no secret is compressed: the length of a page with a token tells nothing.
    let files = Router::new()
        .route("/assets/{name}", get(assets::serve))
        .route("/favicon.ico", get(assets::favicon))
        .layer(CompressionLayer::new());
    pages
        .merge(files)
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), limit_uri))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            headers::add,
        ))
        .with_state(app)
}

async fn limit_uri(
    axum::extract::State(app): axum::extract::State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let uri = request.uri();
    let length = uri.path().len() + uri.query().map_or(0, str::len);
    if length > URI_BYTES_MAX {
        return error::bad_request(&app, StatusCode::URI_TOO_LONG);
    }
    next.run(request).await
}

//! `/oauth2/*` and discovery (`idx-wire` §2).

use axum::Router;

use crate::state::AppState;

/// The routes.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
}

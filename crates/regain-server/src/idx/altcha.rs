//! `POST /api/v1/altcha`: a challenge of proof of work for a flow that demands it (M-03). It reads,
//! and changes nothing.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use regain_engine::WorkChallenge;
use regain_store::FlowKey;
use regain_types::{SystemEntropy, TokenHash};
use regain_wire::idx::HandleRequest;

use super::body::Body;
use crate::api_error::ApiError;
use crate::limits::Admission;
use crate::meta::Meta;
use crate::state::AppState;

/// Answers 404 for a flow that is over, was never there, or demands nothing.
pub(super) async fn altcha(
    State(state): State<AppState>,
    Meta(meta): Meta,
    Body(body): Body<HandleRequest>,
) -> Response {
    let mut admission = Admission::new(&state, &meta);
    let found = challenge(&state, &body.state_handle, &mut admission).await;
    let mut response = found.unwrap_or_else(IntoResponse::into_response);
    admission.mark(&mut response);
    response
}

async fn challenge(
    state: &AppState,
    handle: &str,
    admission: &mut Admission<'_>,
) -> Result<Response, ApiError> {
    let hash = TokenHash::of(handle);
    admission.enter(&hash, false).await?;
    let key = FlowKey::StateHandle(hash);
    let loaded = state.store().load_flow(state.org(), &key, None).await?;
    match &loaded {
        Some(loaded) => admission.know(&hash, loaded).await?,
        None => admission.miss().await?,
    }
    loaded
        .filter(|loaded| loaded.flow.is_live() && !loaded.flow.is_expired(loaded.now))
        .and_then(|loaded| {
            let (flow, now) = (&loaded.flow, loaded.now);
            WorkChallenge::of(flow, state.keys(), state.org(), now, &mut SystemEntropy)
        })
        .map(|challenge| Json(challenge).into_response())
        .ok_or(ApiError::NotFound)
}

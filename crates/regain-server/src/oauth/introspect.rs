//! `POST …/v1/introspect`, and what the other endpoints ask about a token.

use axum::Json;
use axum::extract::State;
use regain_oauth::{GrantState, PresentedToken, inactive, introspection};
use regain_store::GrantRecord;
use regain_wire::oauth::IntrospectionResponse;

use super::call::Call;
use super::profile::profile_of;
use super::refusal::Refusal;
use crate::state::AppState;

pub(super) async fn introspect(
    State(state): State<AppState>,
    call: Call,
) -> Result<Json<IntrospectionResponse>, Refusal> {
    let client = call.authenticated_client(&state).await?;
    let text = call.form.required("token")?;
    let Some(token) = read(&state, text, &call.issuer(&state)).await? else {
        return Ok(Json(inactive()));
    };
    let Some(record) = grant_of(&state, &token).await? else {
        return Ok(Json(inactive()));
    };
    let profile = profile_of(record.user);
    let grant = GrantState {
        grant: &record.grant,
        login: profile.as_ref().map(|profile| profile.login.as_str()),
        is_token_revoked: record.access_token_revoked,
        store_now: record.now,
        token_now: state.signer().now(),
    };
    Ok(Json(introspection(
        &token,
        &grant,
        &call.server,
        &client.id,
    )))
}

/// What a text is, if it is a token of this issuer.
pub(super) async fn read(
    state: &AppState,
    text: &str,
    issuer: &str,
) -> Result<Option<PresentedToken>, Refusal> {
    let keys = state.signer().keys(state).await?;
    Ok(PresentedToken::read(
        text,
        keys,
        state.keys(),
        state.org(),
        issuer,
    ))
}

/// The grant behind a token.
pub(super) async fn grant_of(
    state: &AppState,
    token: &PresentedToken,
) -> Result<Option<GrantRecord>, Refusal> {
    let Some(grant) = token.grant() else {
        return Ok(None);
    };
    Ok(state
        .store()
        .find_grant(state.org(), &grant, token.access_token_id())
        .await?)
}

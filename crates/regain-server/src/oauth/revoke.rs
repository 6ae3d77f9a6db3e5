//! `POST …/v1/revoke` (RFC 7009).

use axum::extract::State;
use axum::http::StatusCode;
use regain_oauth::{AccessTokenClaims, ClientProof, OAuthError, PresentedToken};
use regain_store::GrantRecord;
use regain_types::Timestamp;

use super::call::Call;
use super::introspect::{grant_of, read};
use super::refusal::Refusal;
use crate::state::AppState;

/// Always 200, whether there was something to revoke or not. A client that names itself must
/// prove it and reaches only its own tokens; the Go client names none, and the token alone says
/// whose it is: who holds a token may end it.
pub(super) async fn revoke(
    State(state): State<AppState>,
    call: Call,
) -> Result<StatusCode, Refusal> {
    let client = match call.client(&state).await? {
        Some((_, ClientProof::Missing)) => return Err(OAuthError::ClientInvalid.into()),
        Some((client, ClientProof::Public | ClientProof::Secret)) => Some(client.id),
        None => None,
    };
    let text = call.form.required("token")?;
    let Some(token) = read(&state, text, &call.issuer(&state)).await? else {
        return Ok(StatusCode::OK);
    };
    let Some(record) = grant_of(&state, &token).await? else {
        return Ok(StatusCode::OK);
    };
    let is_theirs = client.is_none_or(|client| client == record.grant.client_id)
        && record.grant.server == call.server;
    if is_theirs {
        end(&state, &token, &record, &call).await?;
    }
    Ok(StatusCode::OK)
}

/// An access token ends alone; a refresh token takes its family along (O-08). An ID token is
/// nothing that could be revoked.
async fn end(
    state: &AppState,
    token: &PresentedToken,
    record: &GrantRecord,
    call: &Call,
) -> Result<(), Refusal> {
    match token {
        PresentedToken::Access(claims) => {
            let until = expiry_in_store_time(claims, record.now, state.signer().now());
            state
                .store()
                .revoke_access_token(state.org(), &claims.jti, until)
                .await?;
        }
        PresentedToken::Id(_) => {}
        PresentedToken::Refresh(token) => {
            state
                .store()
                .revoke_grant(state.org(), &token.grant, "client", call.meta.clone())
                .await?;
        }
    }
    Ok(())
}

/// The store forgets by its own clock, which developers may move; the token ends by its stamp.
fn expiry_in_store_time(
    claims: &AccessTokenClaims,
    store_now: Timestamp,
    token_now: Timestamp,
) -> Timestamp {
    store_now.plus_seconds(claims.exp.saturating_sub(token_now.as_seconds()).max(0))
}

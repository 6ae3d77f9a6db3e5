//! Grant type `refresh_token`: each token once, its successor again for a moment (S-06).

use regain_oauth::{
    Grant, Issue, OAuthError, Profile, REFRESH_TOKEN_IDLE_SECONDS, RefreshToken, RefreshVerdict,
    judge_refresh,
};
use regain_store::{GrantRecord, RequestMeta, StoreError};
use regain_types::{AuthServer, ClientId, Secret, Timestamp};

use super::profile::profile_of;
use super::refusal::Refusal;
use crate::state::AppState;

/// Whoever loses the race for the successor looks again once, and gets the same one.
const ROUNDS_MAX: usize = 2;

/// A request for new tokens.
#[derive(Debug)]
pub(super) struct Renewal<'a> {
    pub(super) client: &'a ClientId,
    pub(super) server: &'a AuthServer,
    pub(super) token: &'a Secret<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) meta: &'a RequestMeta,
}

/// Moves the family on, and says what to sign.
pub(super) async fn refresh(state: &AppState, renewal: &Renewal<'_>) -> Result<Issue, Refusal> {
    let token = RefreshToken::decode(renewal.token.expose(), state.keys(), state.org())
        .ok_or(OAuthError::RefreshTokenInvalid)?;
    for _ in 0..ROUNDS_MAX {
        let found = state
            .store()
            .find_grant(state.org(), &token.grant, None)
            .await?;
        let GrantRecord {
            now, grant, user, ..
        } = found.ok_or(OAuthError::RefreshTokenInvalid)?;
        let is_theirs = grant.client_id == *renewal.client && grant.server == *renewal.server;
        let Some(profile) = profile_of(user).filter(|_| is_theirs && grant.has_refresh_token())
        else {
            return Err(OAuthError::RefreshTokenInvalid.into());
        };
        let verdict = judge_refresh(&grant, token.sequence, now);
        match verdict {
            RefreshVerdict::Expired => return Err(OAuthError::RefreshTokenInvalid.into()),
            RefreshVerdict::Reused => {
                return Err(end_family(state, &token, renewal.meta).await?);
            }
            RefreshVerdict::Rotate | RefreshVerdict::SameSuccessor => {}
        }
        // Before anything is written: a scope that is refused must not cost the token.
        let scopes = grant.narrowed(renewal.scopes.clone())?;
        if verdict == RefreshVerdict::SameSuccessor || rotate(state, &token, now).await? {
            return Ok(issue(state, &token, grant, scopes, profile));
        }
    }
    Err(OAuthError::Unavailable.into())
}

/// Whether this call was the one that moved the family on.
async fn rotate(state: &AppState, token: &RefreshToken, now: Timestamp) -> Result<bool, Refusal> {
    let idle_expires_at = now.plus_seconds(REFRESH_TOKEN_IDLE_SECONDS);
    let rotated = state
        .store()
        .rotate_refresh_token(
            state.org(),
            &token.grant,
            token.sequence,
            now,
            idle_expires_at,
        )
        .await;
    match rotated {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Somebody has a copy of the token: the family is over.
async fn end_family(
    state: &AppState,
    token: &RefreshToken,
    meta: &RequestMeta,
) -> Result<Refusal, Refusal> {
    tracing::warn!(grant = %token.grant, "a refresh token came again: its family is revoked");
    state
        .store()
        .revoke_grant(
            state.org(),
            &token.grant,
            "refresh_token_reuse",
            meta.clone(),
        )
        .await?;
    Ok(OAuthError::RefreshTokenInvalid.into())
}

fn issue(
    state: &AppState,
    token: &RefreshToken,
    grant: Grant,
    scopes: Vec<String>,
    profile: Profile,
) -> Issue {
    Issue {
        org: state.org().clone(),
        base: state.settings().public_url.clone(),
        grant,
        profile,
        scopes,
        nonce: None,
        refresh_token: Some(
            token
                .successor()
                .encode(state.keys(), state.org())
                .expose()
                .clone(),
        ),
        now: state.signer().now(),
    }
}

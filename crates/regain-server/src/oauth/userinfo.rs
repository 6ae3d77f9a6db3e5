//! `GET` and `POST …/v1/userinfo` (OpenID Connect Core 1.0 §5.3).

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use regain_oauth::{GrantState, OAuthError, PresentedToken, has_scope, read_access_token};
use regain_wire::oauth::UserInfo;

use super::call::text;
use super::introspect::grant_of;
use super::profile::profile_of;
use super::refusal::Refusal;
use super::server::Server;
use crate::state::AppState;

pub(super) async fn userinfo(
    State(state): State<AppState>,
    Server(server): Server,
    headers: HeaderMap,
) -> Result<Json<UserInfo>, Refusal> {
    let invalid = || Refusal::of_bearer(OAuthError::TokenInvalid);
    let bearer = bearer(&headers).ok_or_else(|| Refusal::of_bearer(OAuthError::TokenMissing))?;
    let issuer = server.issuer(&state.settings().public_url);
    let keys = state.signer().keys(&state).await?;
    let claims = read_access_token(bearer, keys, &issuer).ok_or_else(invalid)?;
    let scopes = claims.scp.clone();
    let token = PresentedToken::Access(claims);
    let record = grant_of(&state, &token).await?.ok_or_else(invalid)?;
    let profile = profile_of(record.user).ok_or_else(invalid)?;
    let grant = GrantState {
        grant: &record.grant,
        login: Some(&profile.login),
        is_token_revoked: record.access_token_revoked,
        store_now: record.now,
        token_now: state.signer().now(),
    };
    if !grant.allows(&token, &server) {
        return Err(invalid());
    }
    if !has_scope(&scopes, "openid") {
        return Err(Refusal::of_bearer(OAuthError::ScopeInsufficient));
    }
    Ok(Json(profile.user_info(&scopes)))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

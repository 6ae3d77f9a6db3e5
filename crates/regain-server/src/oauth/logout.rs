//! `GET` and `POST …/v1/logout` (OpenID Connect RP-Initiated Logout 1.0; O-09, S-07).

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regain_oauth::{Client, OAuthError, grant_of, read_id_token};

use super::call::Call;
use super::refusal::Refusal;
use crate::state::AppState;

/// What a person sees whose app names no page to go on to.
const SIGNED_OUT: &str = "You are signed out. You can close this page.\n";

/// First the tokens end, then the browser goes on: to a registered address or nowhere.
pub(super) async fn logout(State(state): State<AppState>, call: Call) -> Result<Response, Refusal> {
    let hint = call.form.required("id_token_hint")?;
    let keys = state.signer().keys(&state).await?;
    let claims = read_id_token(hint, keys, &call.issuer(&state))
        .filter(|claims| {
            call.form
                .optional("client_id")
                .is_none_or(|client| client == claims.aud.as_str())
        })
        .ok_or(OAuthError::IdTokenHintInvalid)?;
    if let Some(grant) = grant_of(&claims.jti) {
        state
            .store()
            .revoke_grant(state.org(), &grant, "logout", call.meta.clone())
            .await?;
    }
    let Some(wanted) = call.form.optional("post_logout_redirect_uri") else {
        return Ok((StatusCode::OK, SIGNED_OUT).into_response());
    };
    let client = state.store().find_client(state.org(), &claims.aud).await?;
    let location = client
        .filter(|client| is_registered(client, wanted))
        .and_then(|_| HeaderValue::from_str(&with_state(wanted, call.form.optional("state"))).ok())
        .ok_or(OAuthError::PostLogoutRedirectUnregistered)?;
    Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
}

fn is_registered(client: &Client, wanted: &str) -> bool {
    client
        .post_logout_redirect_uris
        .iter()
        .any(|registered| registered == wanted)
}

/// The address with the client's own `state`.
fn with_state(address: &str, state: Option<&str>) -> String {
    let Some(state) = state else {
        return address.to_owned();
    };
    let separator = if address.contains('?') { '&' } else { '?' };
    let encoded: String = form_urlencoded::byte_serialize(state.as_bytes()).collect();
    format!("{address}{separator}state={encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_goes_along_encoded() {
        assert_eq!(with_state("http://a/", None), "http://a/");
        assert_eq!(
            with_state("http://a/", Some("x y&z\r\n")),
            "http://a/?state=x+y%26z%0D%0A"
        );
        assert_eq!(
            with_state("http://a/?b=c", Some("s")),
            "http://a/?b=c&state=s"
        );
    }
}

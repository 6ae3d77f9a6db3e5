//! `POST …/v1/token`.

use axum::Json;
use axum::extract::State;
use regain_oauth::TokenRequest;
use regain_wire::oauth::TokenResponse;

use super::call::Call;
use super::redeem::{self, Redemption};
use super::refresh::{self, Renewal};
use super::refusal::Refusal;
use crate::state::AppState;

pub(super) async fn token(
    State(state): State<AppState>,
    call: Call,
) -> Result<Json<TokenResponse>, Refusal> {
    let client = call.authenticated_client(&state).await?;
    let issue = match TokenRequest::read(&call.form)? {
        TokenRequest::InteractionCode {
            code,
            verifier,
            redirect_uri,
        } => {
            let redemption = Redemption {
                client: &client.id,
                server: &call.server,
                code: &code,
                verifier: &verifier,
                redirect_uri: redirect_uri.as_deref(),
                meta: &call.meta,
            };
            redeem::redeem(&state, &redemption).await?
        }
        TokenRequest::RefreshToken { token, scopes } => {
            let renewal = Renewal {
                client: &client.id,
                server: &call.server,
                token: &token,
                scopes,
                meta: &call.meta,
            };
            refresh::refresh(&state, &renewal).await?
        }
    };
    Ok(Json(state.signer().issue(&state, issue).await?))
}

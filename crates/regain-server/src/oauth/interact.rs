//! `POST …/v1/interact`: begins a flow.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use regain_engine::{EndUser, Flow, FlowApp, new_interaction_handle, state_handle};
use regain_oauth::{InteractRequest, OAuthError};
use regain_store::NewFlow;
use regain_types::{SystemEntropy, TokenHash};
use regain_wire::oauth::InteractResponse;

use super::call::Call;
use super::refusal::Refusal;
use crate::api_error::ApiError;
use crate::limits::Admission;
use crate::state::AppState;

/// A confidential client need not send its secret here, as the Go client never does; one that is
/// sent must be right.
pub(super) async fn interact(State(state): State<AppState>, call: Call) -> Response {
    let mut admission = Admission::new(&state, &call.meta);
    let begun = begin(&state, call, &mut admission).await;
    let mut response = match begun {
        Ok(handle) => Json(handle).into_response(),
        Err(Stopped::Limit(error)) => error.into_response(),
        Err(Stopped::Refusal(refusal)) => refusal.into_response(),
    };
    admission.mark(&mut response);
    response
}

/// Why no flow begins.
enum Stopped {
    /// Before it was looked at: the generic envelope (`idx-wire` §1.8 c).
    Limit(ApiError),
    Refusal(Refusal),
}

impl<E: Into<Refusal>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Refusal(error.into())
    }
}

async fn begin(
    state: &AppState,
    call: Call,
    admission: &mut Admission<'_>,
) -> Result<InteractResponse, Stopped> {
    let (client, proof) = call.client(state).await?.ok_or(OAuthError::ClientMissing)?;
    let end_user = call.end_user(proof);
    admission
        .interact(&client, end_user.as_ref())
        .await
        .map_err(|denied| Stopped::Limit(denied.into()))?;
    let request = InteractRequest::read(&call.form, &client)?;
    // What an app sends it sends for others: of those only it can tell.
    let began_by = (!client.is_confidential()).then(|| EndUser {
        address: call.meta.address.clone(),
        user_agent: call.meta.user_agent.clone(),
        device: None,
    });
    let app = FlowApp {
        confidential: client.is_confidential(),
        client_id: client.id,
        label: client.label,
        server: call.server.clone(),
        redirect_uri: request.redirect_uri,
        email_verification_uri: client.email_verification_uri,
        scopes: request.scopes,
        state: request.state,
        nonce: request.nonce,
        code_challenge: request.code_challenge,
        language: call.language(),
        login_hint: request.login_hint,
        end_user,
        began_by,
    };
    let interaction_handle = new_interaction_handle(&mut SystemEntropy);
    let flow = Flow::begin(app, state.store().now().await?, &mut SystemEntropy);
    let new = NewFlow {
        state_handle: TokenHash::of(&state_handle(
            state.keys(),
            &interaction_handle,
            flow.generation,
        )),
        interaction_handle: TokenHash::of(&interaction_handle),
        flow,
    };
    state
        .store()
        .insert_flow(state.org(), new, call.meta)
        .await?;
    Ok(InteractResponse { interaction_handle })
}

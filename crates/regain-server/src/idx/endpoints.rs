//! One handler per endpoint: body in, [`Input`] out. What is allowed is the engine's business.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::post;
use regain_engine::{Endpoint, Input, Notice, WORK_CHALLENGE_PATH};
use regain_types::{Identifier, Secret, TokenHash};
use regain_wire::idx::{
    AnswerRequest, ChallengeRequest, HandleRequest, IdentifyRequest, IntrospectRequest,
};

use super::altcha::altcha;
use super::body::Body;
use super::run::{Handle, refuse, run};
use crate::api_error::ApiError;
use crate::device_cookie::Caller;
use crate::json::BODY_BYTES_MAX;
use crate::shedding::{Class, found_to_be};
use crate::state::AppState;

/// The routes.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route(Endpoint::Cancel.path(), post(cancel))
        .route(Endpoint::Challenge.path(), post(challenge))
        .route(Endpoint::ChallengeAnswer.path(), post(challenge_answer))
        .route(Endpoint::ChallengePoll.path(), post(challenge_poll))
        .route(Endpoint::ChallengeResend.path(), post(challenge_resend))
        .route(Endpoint::CredentialEnroll.path(), post(credential_enroll))
        .route(Endpoint::Identify.path(), post(identify))
        .route(Endpoint::Introspect.path(), post(introspect))
        .route(Endpoint::Recover.path(), post(recover))
        .route(Endpoint::Skip.path(), post(skip))
        .route(WORK_CHALLENGE_PATH, post(altcha))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

type Answer = Result<Response, ApiError>;

async fn introspect(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<IntrospectRequest>,
) -> Answer {
    let handle = match (
        body.interaction_handle,
        body.state_handle.or(body.state_token),
    ) {
        (Some(handle), None) => {
            if let Some(busy) = found_to_be(&state, Class::Opening) {
                return Ok(busy);
            }
            Handle::Interaction(handle)
        }
        (None, Some(handle)) => Handle::State(handle),
        (None, None) | (Some(_), Some(_)) => {
            let cause = "send interactionHandle, stateToken or stateHandle: one of them";
            return Err(ApiError::Malformed(cause.to_owned()));
        }
    };
    Ok(run(&state, handle, Input::Introspect, caller).await)
}

async fn identify(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<IdentifyRequest>,
) -> Answer {
    let handle = Handle::State(body.state_handle);
    match Identifier::parse(&body.identifier) {
        Err(error) => {
            let notice = Notice::IdentifierMalformed(error.to_string());
            Ok(refuse(&state, handle, notice, caller).await)
        }
        Ok(identifier) => {
            let passcode = body
                .credentials
                .and_then(|given| given.passcode)
                .map(Secret::new);
            let input = Input::Identify {
                identifier,
                passcode,
                device: caller
                    .device
                    .shown()
                    .map(|token| TokenHash::of(token.expose())),
                work: body.captcha_verify.and_then(|given| given.captcha_token),
            };
            Ok(run(&state, handle, input, caller).await)
        }
    }
}

async fn challenge(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<ChallengeRequest>,
) -> Answer {
    let input = Input::Challenge {
        authenticator_id: body.authenticator.id,
        method_type: body.authenticator.method_type,
    };
    Ok(run(&state, Handle::State(body.state_handle), input, caller).await)
}

async fn challenge_answer(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<AnswerRequest>,
) -> Answer {
    let given = body.credentials.unwrap_or_default();
    let input = Input::Answer {
        passcode: given.passcode.map(Secret::new),
        revoke_sessions: given.revoke_sessions,
    };
    Ok(run(&state, Handle::State(body.state_handle), input, caller).await)
}

async fn challenge_poll(
    state: State<AppState>,
    caller: Caller,
    body: Body<HandleRequest>,
) -> Answer {
    bare(state, caller, body, Input::Poll).await
}

async fn challenge_resend(
    state: State<AppState>,
    caller: Caller,
    body: Body<HandleRequest>,
) -> Answer {
    bare(state, caller, body, Input::Resend).await
}

async fn credential_enroll(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<ChallengeRequest>,
) -> Answer {
    let input = Input::Enroll {
        authenticator_id: body.authenticator.id,
    };
    Ok(run(&state, Handle::State(body.state_handle), input, caller).await)
}

async fn skip(state: State<AppState>, caller: Caller, body: Body<HandleRequest>) -> Answer {
    bare(state, caller, body, Input::Skip).await
}

async fn recover(state: State<AppState>, caller: Caller, body: Body<HandleRequest>) -> Answer {
    bare(state, caller, body, Input::Recover).await
}

async fn cancel(state: State<AppState>, caller: Caller, body: Body<HandleRequest>) -> Answer {
    bare(state, caller, body, Input::Cancel).await
}

async fn bare(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<HandleRequest>,
    input: Input,
) -> Answer {
    Ok(run(&state, Handle::State(body.state_handle), input, caller).await)
}

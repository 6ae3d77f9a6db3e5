//! The one loop that all IDX routes share: load → step → answer needs → commit → present.

use axum::Extension;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regain_engine::{
    Effect, Env, Facts, Flow, Frame, Input, LedgerKeys, NEEDS_PER_STEP_MAX, Notice, Refusal, Step,
    Transition, UserFacts, next_state_handle, present, present_terminal, state_handle, step,
};
use regain_store::{Commit, FlowKey, Loaded, RequestMeta, StoreError, Typed};
use regain_types::{SystemEntropy, Timestamp, TokenHash};
use regain_wire::idx::{CONTENT_TYPE_ERROR, CONTENT_TYPE_OK, IdxResponse};

use crate::api_error::ApiError;
use crate::hasher::Computed;
use crate::requests::ByTheEngine;
use crate::state::AppState;

use super::upgrade::Upgrade;

/// A losing writer loads and steps again once; whoever loses twice is told to slow down.
const ROUNDS_MAX: usize = 2;

/// By what a client names its flow.
pub(super) enum Handle {
    /// From `interact`.
    Interaction(String),
    /// From a document.
    State(String),
}

impl Handle {
    fn key(&self) -> FlowKey {
        match self {
            Self::Interaction(handle) => FlowKey::InteractionHandle(TokenHash::of(handle)),
            Self::State(handle) => FlowKey::StateHandle(TokenHash::of(handle)),
        }
    }

    /// The state handle of the flow that was found by it.
    fn state_handle(&self, state: &AppState, flow: &Flow) -> String {
        match self {
            Self::Interaction(handle) => state_handle(state.keys(), handle, flow.generation),
            Self::State(handle) => handle.clone(),
        }
    }
}

/// Takes one input to one flow.
pub(super) async fn run(
    state: &AppState,
    handle: Handle,
    input: Input,
    meta: RequestMeta,
) -> Result<Response, ApiError> {
    for _ in 0..ROUNDS_MAX {
        let Some(loaded) = load(state, &handle, &input).await? else {
            return Ok(expired());
        };
        let current = handle.state_handle(state, &loaded.flow);
        let Loaded {
            now,
            flow: before,
            user,
            ledgers,
        } = loaded;
        // The user is moved, never copied: a copy would take time for somebody only (E-05).
        let mut facts = Facts {
            user,
            ledgers,
            ..Facts::default()
        };
        let outcome = decide(state, (&before, now), &input, &mut facts).await?;
        let (flow, notices) = match outcome {
            Ok(Decided::Show(notices)) => (before, notices),
            Err(Refusal::Expired) => return Ok(expired()),
            Err(Refusal::Bug(what)) => {
                tracing::error!(flow = %before.id, what, "the engine contradicts itself");
                return Err(ApiError::Internal);
            }
            Err(refusal @ (Refusal::NotOffered | Refusal::TooManyRequests)) => {
                (before, vec![refusal.notice()])
            }
            Ok(Decided::Next(transition)) => {
                let Transition {
                    flow,
                    effects,
                    notices,
                } = *transition;
                let cancelled = flow.generation != before.generation;
                let next = cancelled.then(|| next_state_handle(state.keys(), &current));
                let request = end_user(&flow, meta.clone());
                let sends = effects
                    .iter()
                    .any(|effect| matches!(effect, Effect::Enqueue(_)));
                let commit = Commit {
                    flow: flow.clone(),
                    new_state_handle: next.as_deref().map(TokenHash::of),
                    effects,
                    request,
                    now,
                };
                match state.store().commit(state.org(), commit).await {
                    Err(StoreError::Conflict) => continue,
                    Err(error) => return Err(error.into()),
                    Ok(()) => Upgrade::begin_after(state, &input, &facts),
                }
                if sends {
                    state.mail_is_due().notify_one();
                }
                let current = next.unwrap_or(current);
                return Ok(show(state, &flow, &current, facts.user.as_ref(), &notices));
            }
        };
        return Ok(show(state, &flow, &current, facts.user.as_ref(), &notices));
    }
    refuse(state, handle, Notice::TooManyRequests).await
}

/// Shows the flow as it is, with a message; takes no input.
pub(super) async fn refuse(
    state: &AppState,
    handle: Handle,
    notice: Notice,
) -> Result<Response, ApiError> {
    let Some(loaded) = load(state, &handle, &Input::Introspect).await? else {
        return Ok(expired());
    };
    if loaded.flow.is_expired(loaded.now) || !loaded.flow.is_live() {
        return Ok(expired());
    }
    let current = handle.state_handle(state, &loaded.flow);
    Ok(show(
        state,
        &loaded.flow,
        &current,
        loaded.user.as_ref(),
        &[notice],
    ))
}

async fn load(
    state: &AppState,
    handle: &Handle,
    input: &Input,
) -> Result<Option<Loaded>, ApiError> {
    let typed = match input {
        Input::Identify {
            identifier, device, ..
        } => Some(Typed {
            canonical: identifier.canonical(),
            ledgers: LedgerKeys::derive(
                state.keys(),
                state.org(),
                identifier.canonical(),
                device.as_ref(),
            ),
        }),
        Input::Answer { .. }
        | Input::Cancel
        | Input::Challenge { .. }
        | Input::Introspect
        | Input::Poll
        | Input::Recover
        | Input::Resend => None,
    };
    Ok(state
        .store()
        .load_flow(state.org(), &handle.key(), typed)
        .await?)
}

enum Decided {
    Next(Box<Transition>),
    Show(Vec<Notice>),
}

/// Steps, and computes what the step needs.
async fn decide(
    state: &AppState,
    (flow, now): (&Flow, Timestamp),
    input: &Input,
    facts: &mut Facts,
) -> Result<Result<Decided, Refusal>, ApiError> {
    for _ in 0..=NEEDS_PER_STEP_MAX {
        let stepped = {
            let mut env = Env {
                now,
                rng: &mut SystemEntropy,
                policy: &state.settings().policy,
                keys: state.keys(),
                org: state.org(),
            };
            step(flow.clone(), input.clone(), facts, &mut env)
        };
        match stepped {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(Step::Next(transition)) => return Ok(Ok(Decided::Next(transition))),
            Ok(Step::Show(notices)) => return Ok(Ok(Decided::Show(notices))),
            Ok(Step::Need(need)) => {
                match state.hasher().compute(need).await.map_err(|busy| {
                    tracing::warn!(flow = %flow.id, %busy, "a step was put off with 503");
                    ApiError::Busy
                })? {
                    Computed::Matches(matches) => facts.password_matches = Some(matches),
                    Computed::New(new) => facts.new_password = Some(new),
                }
            }
        }
    }
    Ok(Err(Refusal::Bug("a step never has enough")))
}

/// What a confidential app told about its user counts more than the app's own address.
fn end_user(flow: &Flow, meta: RequestMeta) -> RequestMeta {
    match &flow.app.end_user {
        None => meta,
        Some(user) => RequestMeta {
            address: user.address.clone().or(meta.address),
            user_agent: user.user_agent.clone().or(meta.user_agent),
            request_id: meta.request_id,
        },
    }
}

fn show(
    state: &AppState,
    flow: &Flow,
    current: &str,
    user: Option<&UserFacts>,
    notices: &[Notice],
) -> Response {
    let frame = Frame {
        base_url: &state.settings().public_url,
        state_handle: current,
        org: state.org(),
        keys: state.keys(),
        policy: &state.settings().policy,
        user,
    };
    let status = notices.first().map_or(200, Notice::status);
    respond(status, &present(flow, &frame, notices))
}

fn expired() -> Response {
    let notice = Notice::SessionExpired;
    respond(notice.status(), &present_terminal(&[notice]))
}

/// Errors carry another content type, or auth-js does not read them (`idx-wire` §1.2).
fn respond(status: u16, document: &IdxResponse) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Ok(body) = serde_json::to_vec(document) else {
        return ApiError::Internal.into_response();
    };
    let content_type = if status.is_success() {
        CONTENT_TYPE_OK
    } else {
        CONTENT_TYPE_ERROR
    };
    (
        status,
        [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))],
        Extension(ByTheEngine),
        body,
    )
        .into_response()
}

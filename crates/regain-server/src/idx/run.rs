//! The one loop that all IDX routes share: load → step → answer needs → commit → present.

use axum::Extension;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regain_engine::{
    Effect, Env, Facts, Flow, Frame, Input, LedgerKeys, NEEDS_PER_STEP_MAX, Notice, Refusal, Stage,
    Step, Transition, UserFacts, next_state_handle, present, present_terminal, state_handle, step,
};
use regain_store::{Commit, FlowKey, Loaded, RequestMeta, StoreError, Typed};
use regain_types::{Clock as _, SystemClock, SystemEntropy, Timestamp, TokenHash};
use regain_wire::idx::{CONTENT_TYPE_ERROR, CONTENT_TYPE_OK, IdxResponse};

use crate::api_error::{ApiError, busy_seconds};
use crate::device_cookie::Caller;
use crate::hasher::Computed;
use crate::limits::{Admission, Denied};
use crate::requests::ByTheEngine;
use crate::state::AppState;

use super::hashed::Hashed;
use super::upgrade::Upgrade;

/// A losing writer loads and steps again; whoever loses so often is told to slow down. Steps about
/// one name wait for each other, and wrong codes of the whole org do for a while (G-03).
const ROUNDS_MAX: usize = 16;

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

    /// What the store and the limits know of it.
    fn hash(&self) -> TokenHash {
        match self {
            Self::Interaction(handle) | Self::State(handle) => TokenHash::of(handle),
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
    caller: Caller,
) -> Response {
    let mut admission = Admission::new(state, &caller.meta);
    let taken = take(state, &handle, input, &caller, &mut admission).await;
    let mut response = taken.unwrap_or_else(without_document);
    admission.mark(&mut response);
    response
}

/// Shows the flow as it is, with a message; takes no input.
pub(super) async fn refuse(
    state: &AppState,
    handle: Handle,
    notice: Notice,
    caller: Caller,
) -> Response {
    let mut admission = Admission::new(state, &caller.meta);
    let shown = take_nothing(state, &handle, notice, &mut admission).await;
    let mut response = shown.unwrap_or_else(without_document);
    admission.mark(&mut response);
    response
}

async fn take(
    state: &AppState,
    handle: &Handle,
    mut input: Input,
    caller: &Caller,
    admission: &mut Admission<'_>,
) -> Result<Response, ApiError> {
    let hash = handle.hash();
    let is_poll = matches!(input, Input::Poll);
    if let Err(denied) = admission.enter(&hash, is_poll).await {
        return deny(state, handle, denied).await;
    }
    let mut may_start = matches!(
        input,
        Input::Challenge { .. } | Input::Identify { .. } | Input::Recover
    );
    let mut hashed = Hashed::default();
    for _ in 0..ROUNDS_MAX {
        let Some(loaded) = load(state, handle, &input).await? else {
            admission.miss().await?;
            return Ok(expired());
        };
        let mut admitted = admission.know(&hash, &loaded).await;
        if admitted.is_ok() && std::mem::take(&mut may_start) {
            admitted = admission.start(&loaded.flow, &input).await;
        }
        if let Err(denied) = admitted {
            return deny(state, handle, denied).await;
        }
        if name_device(&mut input, &loaded.flow) {
            continue;
        }
        let round = Round {
            input: &input,
            caller,
            hashed: &mut hashed,
        };
        if let Some(answer) = one_round(state, handle, loaded, round).await? {
            return Ok(answer);
        }
    }
    let shown = present_as_it_is(state, handle, Notice::TooManyRequests).await?;
    Ok(shown.unwrap_or_else(expired))
}

async fn take_nothing(
    state: &AppState,
    handle: &Handle,
    notice: Notice,
    admission: &mut Admission<'_>,
) -> Result<Response, ApiError> {
    let hash = handle.hash();
    if let Err(denied) = admission.enter(&hash, false).await {
        return deny(state, handle, denied).await;
    }
    let Some(loaded) = load(state, handle, &Input::Introspect).await? else {
        admission.miss().await?;
        return Ok(expired());
    };
    match admission.know(&hash, &loaded).await {
        Ok(()) => Ok(present_loaded(state, handle, &loaded, notice).unwrap_or_else(expired)),
        Err(denied) => deny(state, handle, denied).await,
    }
}

/// What an app says about its user's device counts, not what the app itself shows (G-07). Says
/// whether that names another one: then its ledger must be read too.
fn name_device(input: &mut Input, flow: &Flow) -> bool {
    let told = flow.app.end_user.as_ref().and_then(|user| user.device);
    match (input, told) {
        (Input::Identify { device, .. }, Some(told)) if *device != Some(told) => {
            *device = Some(told);
            true
        }
        _ => false,
    }
}

/// What the rounds of a request share.
struct Round<'a> {
    input: &'a Input,
    caller: &'a Caller,
    hashed: &'a mut Hashed,
}

/// Steps once and commits; `None` when somebody else was faster.
async fn one_round(
    state: &AppState,
    handle: &Handle,
    loaded: Loaded,
    round: Round<'_>,
) -> Result<Option<Response>, ApiError> {
    let Round {
        input,
        caller,
        hashed,
    } = round;
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
        answered_24h: state.answered().in_24h(),
        browser: caller.device.keeps_cookies(),
        solves_work: caller.solves_work,
        ..Facts::default()
    };
    let outcome = decide(state, (&before, now), input, &mut facts, hashed).await;
    let (flow, notices) = match outcome {
        Ok(Decided::Show(notices)) => (before, notices),
        Ok(Decided::Busy) => (before, vec![Notice::Busy]),
        Err(Refusal::Expired) => return Ok(Some(expired())),
        Err(Refusal::Bug(what)) => {
            tracing::error!(flow = %before.id, what, "the engine contradicts itself");
            return Err(ApiError::Internal);
        }
        Err(Refusal::Limited(limited)) => {
            let key = limited.limit.key();
            tracing::info!(flow = %before.id, limit = key, "a limit was reached");
            let user = facts.user.as_ref();
            let notices = [limited.limit.notice()];
            let mut shown = show(state, &before, &current, user, &notices);
            if let Some(until) = limited.until {
                let seconds = HeaderValue::from(until.seconds_since(now).max(1));
                shown.headers_mut().insert(header::RETRY_AFTER, seconds);
            }
            return Ok(Some(shown));
        }
        Err(refusal @ (Refusal::NotOffered | Refusal::TooManyRequests)) => {
            (before, vec![refusal.notice()])
        }
        Ok(Decided::Next(transition)) => {
            let stepped = (&before, current.as_str(), now);
            return commit(state, stepped, *transition, (input, caller), &facts).await;
        }
    };
    let user = facts.user.as_ref();
    Ok(Some(show(state, &flow, &current, user, &notices)))
}

/// Makes a transition durable and shows what came of it; `None` when somebody else was faster.
async fn commit(
    state: &AppState,
    (before, current, now): (&Flow, &str, Timestamp),
    transition: Transition,
    (input, caller): (&Input, &Caller),
    facts: &Facts,
) -> Result<Option<Response>, ApiError> {
    let Transition {
        flow,
        effects,
        notices,
        new_device,
    } = transition;
    let cancelled = flow.generation != before.generation;
    let next = cancelled.then(|| next_state_handle(state.keys(), current));
    let sends = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Enqueue(_)));
    let commit = Commit {
        flow: flow.clone(),
        new_state_handle: next.as_deref().map(TokenHash::of),
        effects,
        request: end_user(&flow, caller.meta.clone()),
        now,
    };
    match state.store().commit(state.org(), commit).await {
        Err(StoreError::Conflict) => return Ok(None),
        Err(error) => return Err(error.into()),
        Ok(()) => Upgrade::begin_after(state, input, facts),
    }
    if sends {
        state.mail_is_due().notify_one();
    }
    if has_answered(before, &flow) {
        state.answered().add();
    }
    let current = next.as_deref().unwrap_or(current);
    let mut shown = show(state, &flow, current, facts.user.as_ref(), &notices);
    let known = facts.ledgers.device.is_some() && !flow.is_live();
    let shows_again = caller.device.shown().filter(|_| known);
    let cookie = new_device.as_ref().or(shows_again);
    let cookie = cookie.and_then(|token| caller.device.set(token, state.settings()));
    if let Some(cookie) = cookie {
        shown.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(Some(shown))
}

/// Whether a code that was sent was answered rightly: the org's budget of wrong ones grows with them.
fn has_answered(before: &Flow, after: &Flow) -> bool {
    let Stage::ChallengeAuthenticator { challenge, .. } = &before.stage else {
        return false;
    };
    match &after.stage {
        Stage::ResetAuthenticator { .. } => true,
        Stage::Completed(_)
        | Stage::ReenrollAuthenticator { .. }
        | Stage::SelectAuthenticatorEnroll { .. } => challenge.was_sent(),
        _ => false,
    }
}

/// A limit was over-run: the forms stay where showing them is affordable, so that whoever is at the
/// page can go on a little later.
async fn deny(state: &AppState, handle: &Handle, denied: Denied) -> Result<Response, ApiError> {
    match denied {
        Denied::OverRun(over) if over.shows_forms => {
            let shown = present_as_it_is(state, handle, Notice::TooManyRequests).await?;
            let mut shown = shown.unwrap_or_else(expired);
            let seconds = HeaderValue::from(over.retry_after_seconds);
            shown.headers_mut().insert(header::RETRY_AFTER, seconds);
            // No limit of the flow's.
            shown.extensions_mut().remove::<ByTheEngine>();
            Ok(shown)
        }
        Denied::OverRun(_) | Denied::Store(_) => Err(denied.into()),
    }
}

/// The flow's document with a message; `None` when the flow is over or was never there.
async fn present_as_it_is(
    state: &AppState,
    handle: &Handle,
    notice: Notice,
) -> Result<Option<Response>, ApiError> {
    let loaded = load(state, handle, &Input::Introspect).await?;
    Ok(loaded.and_then(|loaded| present_loaded(state, handle, &loaded, notice)))
}

fn present_loaded(
    state: &AppState,
    handle: &Handle,
    loaded: &Loaded,
    notice: Notice,
) -> Option<Response> {
    if loaded.flow.is_expired(loaded.now) || !loaded.flow.is_live() {
        return None;
    }
    let current = handle.state_handle(state, &loaded.flow);
    let user = loaded.user.as_ref();
    Some(show(state, &loaded.flow, &current, user, &[notice]))
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
        | Input::Enroll { .. }
        | Input::Introspect
        | Input::Poll
        | Input::Recover
        | Input::Resend
        | Input::Skip => None,
    };
    Ok(state
        .store()
        .load_flow(state.org(), &handle.key(), typed)
        .await?)
}

enum Decided {
    /// There is no time to hash a password now: nothing has changed.
    Busy,
    Next(Box<Transition>),
    Show(Vec<Notice>),
}

/// Steps, and computes what the step needs.
async fn decide(
    state: &AppState,
    (flow, now): (&Flow, Timestamp),
    input: &Input,
    facts: &mut Facts,
    hashed: &mut Hashed,
) -> Result<Decided, Refusal> {
    for _ in 0..=NEEDS_PER_STEP_MAX {
        let stepped = {
            let mut env = Env {
                now,
                wall: SystemClock::new().now(),
                rng: &mut SystemEntropy,
                policy: &state.settings().policy,
                keys: state.keys(),
                org: state.org(),
            };
            step(flow.clone(), input.clone(), facts, &mut env)
        };
        match stepped {
            Err(refusal) => return Err(refusal),
            Ok(Step::Next(transition)) => return Ok(Decided::Next(transition)),
            Ok(Step::Show(notices)) => return Ok(Decided::Show(notices)),
            Ok(Step::Need(need)) => match hashed.compute(state, need).await {
                Ok(Computed::Matches(matches)) => facts.password_matches = Some(matches),
                Ok(Computed::New(new)) => facts.new_password = Some(new),
                Err(busy) => {
                    tracing::warn!(flow = %flow.id, %busy, "a step was put off");
                    return Ok(Decided::Busy);
                }
            },
        }
    }
    Err(Refusal::Bug("a step never has enough"))
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
        org_name: &state.settings().brand.org_name,
        keys: state.keys(),
        policy: &state.settings().policy,
        user,
    };
    let status = notices.first().map_or(200, Notice::status);
    let mut response = respond(status, &present(flow, &frame, notices));
    if notices.contains(&Notice::Busy) {
        let seconds = HeaderValue::from(busy_seconds());
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// An error before a document was there. Pages show a busy server only as a document.
fn without_document(error: ApiError) -> Response {
    match error {
        ApiError::Busy => busy(),
        other => other.into_response(),
    }
}

/// No room or no store, so no form either: the message alone. auth-js ends with `TERMINAL` and the
/// message, and keeps the transaction, so that the same may be sent again; the generic envelope
/// (`idx-wire` §1.8 c) it would show to nobody.
pub(crate) fn busy() -> Response {
    let notice = Notice::Busy;
    let mut response = respond(notice.status(), &present_terminal(&[notice]));
    let seconds = HeaderValue::from(busy_seconds());
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
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

//! `GET /email/verify/{client}?token=…`: the link in a mail (`idx-wire` §6.9).
//!
//! Opening it changes nothing, so mail scanners may (L-01). It shows where the flow goes on: in the
//! app, which takes the code only for a flow of its own browser (L-03), or wherever the flow began,
//! with the code typed in.

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use form_urlencoded::Serializer;
use regain_engine::{CodeTicket, Flow, LinkState, LinkTarget};
use regain_mail::{Language, LinkPage, LiveLink, link_page};
use regain_oauth::Form;
use regain_store::{FlowKey, StoreError};
use regain_types::{ClientId, Secret, SystemEntropy, random_token};

use crate::api_error::ApiError;
use crate::state::AppState;

const ROUTE: &str = "/email/verify/{client}";

/// The route. Other methods than GET and HEAD are refused.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route(ROUTE, get(show))
}

/// What stands in the mail: it begins with the configured origin, whatever a request said (L-05).
pub(crate) fn address(state: &AppState, client: &ClientId, ticket: &CodeTicket) -> Secret<String> {
    let token = ticket.link_token(state.keys(), state.org());
    let path = ROUTE.replace("{client}", client.as_str());
    let origin = &state.settings().public_url;
    Secret::new(format!("{origin}{path}?token={}", token.expose()))
}

async fn show(
    State(state): State<AppState>,
    Path(client): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let found = find(&state, &client, query.as_deref()).await?;
    let (status, page, flow) = match found {
        None => (StatusCode::NOT_FOUND, LinkPage::Unknown, None),
        Some((flow, LinkState::Live(ticket))) => match live(&state, &flow, &ticket) {
            Some(link) => (StatusCode::OK, LinkPage::Live(link), Some(flow)),
            None => (StatusCode::NOT_FOUND, LinkPage::Unknown, Some(flow)),
        },
        Some((flow, LinkState::Expired)) => (StatusCode::GONE, LinkPage::Expired, Some(flow)),
        Some((flow, LinkState::Replaced)) => (StatusCode::GONE, LinkPage::Replaced, Some(flow)),
        Some((flow, LinkState::Used)) => (StatusCode::GONE, LinkPage::Used, Some(flow)),
    };
    let wish = flow.and_then(|flow| flow.app.language);
    let language = Language::choose(wish.as_deref().unwrap_or(&state.settings().locale));
    let nonce = random_token(&mut SystemEntropy);
    let html = link_page(&page, &state.settings().brand, language, &nonce);
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(
        HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex"),
    );
    Ok(response)
}

/// The flow that a link names, and what the link is good for. A token that was not made here costs
/// no look at the store.
async fn find(
    state: &AppState,
    client: &str,
    query: Option<&str>,
) -> Result<Option<(Flow, LinkState)>, StoreError> {
    let form = Form::parse(query.unwrap_or_default().as_bytes()).ok();
    let token = form.as_ref().and_then(|form| form.optional("token"));
    let target = token.and_then(|token| LinkTarget::read(token, state.keys(), state.org()));
    let Some(target) = target else {
        return Ok(None);
    };
    let key = FlowKey::Id(target.flow);
    let loaded = state.store().load_flow(state.org(), &key, None).await?;
    Ok(loaded
        .filter(|loaded| loaded.flow.app.client_id.as_str() == client)
        .map(|loaded| {
            let link = loaded.flow.link_state(&target.challenge, loaded.now);
            (loaded.flow, link)
        }))
}

/// What the page of a good link says; `None` when the flow's app takes no links.
fn live(state: &AppState, flow: &Flow, ticket: &CodeTicket) -> Option<LiveLink> {
    let code = ticket.code(state.keys(), state.org());
    let asked_by = flow.app.end_user.as_ref().or(flow.app.began_by.as_ref());
    Some(LiveLink {
        href: callback(flow, &code)?,
        code,
        app_label: flow.app.label.clone(),
        when: ticket.issued_at,
        client_address: asked_by.and_then(|who| who.address.clone()),
        user_agent: asked_by.and_then(|who| who.user_agent.clone()),
    })
}

/// Where the app goes on: with the code, and with its own name for the flow.
fn callback(flow: &Flow, code: &Secret<String>) -> Option<Secret<String>> {
    let uri = flow.app.email_verification_uri.as_deref()?;
    let joint = if uri.contains('?') { '&' } else { '?' };
    let mut query = Serializer::new(String::new());
    if let Some(state) = &flow.app.state {
        query.append_pair("state", state);
    }
    query.append_pair("otp", code.expose());
    Some(Secret::new(format!("{uri}{joint}{}", query.finish())))
}

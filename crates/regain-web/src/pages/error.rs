//! Pages for what went wrong: a sentence, a way on, a reference, and the true status.

use std::time::Duration;

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use regain_sdk::Error;

use crate::app::App;
use crate::failure::Failure;
use crate::record::Open;
use crate::routing::current_href;
use crate::sentences::{ENGLISH, Sentences, fill};
use crate::system::random_name;
use crate::view::{Frame, Messages, render_with};
use crate::visit::{Visit, go_to};

/// A page that only tells something.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct NoticePage {
    pub frame: Frame,
    pub messages: Messages,
    pub heading: String,
    pub lead: Vec<String>,
    pub code: Option<String>,
    pub next: Option<Link>,
    pub reference: Option<String>,
}

/// The one clear next action.
pub(crate) struct Link {
    pub href: String,
    pub text: String,
}

impl Link {
    pub(crate) fn new(href: impl Into<String>, text: &str) -> Self {
        Self {
            href: href.into(),
            text: text.to_owned(),
        }
    }
}

/// What a failure means to the person.
struct Meaning {
    status: StatusCode,
    heading: &'static str,
    lead: String,
    next: Link,
    wait: Option<Duration>,
    /// Whether the log has more about it.
    is_logged: bool,
}

/// A failure as a page: the one place that maps failures.
pub(crate) fn respond(visit: &Visit, failure: &Failure) -> Response {
    if let Failure::Sdk(Error::Expired { .. } | Error::NotFound(_) | Error::Sealed) = failure {
        return go_to("/login?notice=expired");
    }
    let again = again(visit);
    let meaning = match failure {
        Failure::Sdk(problem) => meaning_of(problem, visit.t, again),
        Failure::Store(_) | Failure::Page(_) | Failure::Bug(_) => broken(visit.t, again),
    };
    if meaning.status.is_server_error() {
        visit.app.front.forget();
    }
    show(&visit.app, Some(visit), &meaning, Some(failure))
}

/// Where to try again: the page of the current step, or the page that was asked for. Both are safe
/// to open.
fn again(visit: &Visit) -> Link {
    let state = visit
        .state()
        .filter(|id| regain_sdk::TransactionId::parse(id).is_some());
    match (state, visit.path()) {
        (Some(id), _) => Link::new(format!("/continue?state={id}"), visit.t.try_again),
        (None, path @ ("/" | "/login" | "/recover-password")) => Link::new(path, visit.t.try_again),
        (None, _) => Link::new("/login", visit.t.back_to_sign_in),
    }
}

fn meaning_of(problem: &Error, t: &'static Sentences, again: Link) -> Meaning {
    let meaning = |status, heading, lead: &str, next| Meaning {
        status,
        heading,
        lead: lead.to_owned(),
        next,
        wait: problem.retry_after(),
        is_logged: true,
    };
    if problem.flow_effect().is_some() {
        let next = Link::new("/login", t.sign_in);
        return meaning(
            StatusCode::BAD_GATEWAY,
            t.changed_not_signed_in_heading,
            t.changed_not_signed_in_lead,
            next,
        );
    }
    match problem {
        Error::Transport(_) | Error::Unavailable { .. } => meaning(
            StatusCode::BAD_GATEWAY,
            t.unavailable_heading,
            t.unavailable_lead,
            again,
        ),
        Error::RateLimited { retry_after, .. } => {
            let lead = retry_after.map_or_else(
                || t.busy_lead.to_owned(),
                |wait| fill(t.busy_wait, &[&whole_seconds(wait).to_string()]),
            );
            let busy = meaning(StatusCode::TOO_MANY_REQUESTS, t.busy_heading, &lead, again);
            Meaning {
                is_logged: false,
                ..busy
            }
        }
        Error::Unsupported(regain_sdk::Feature::RecoverPassword) => {
            let next = Link::new("/login", t.back_to_sign_in);
            let off = meaning(
                StatusCode::FORBIDDEN,
                t.recovery_off_heading,
                t.recovery_off_lead,
                next,
            );
            Meaning {
                is_logged: false,
                ..off
            }
        }
        Error::OAuth { .. } | Error::Api { .. } | Error::Unsupported(_) => meaning(
            StatusCode::BAD_GATEWAY,
            t.refused_heading,
            t.refused_lead,
            again,
        ),
        Error::Exchange(_) | Error::Token(_) | Error::Protocol(_) => meaning(
            StatusCode::BAD_GATEWAY,
            t.broken_heading,
            t.broken_lead,
            again,
        ),
        _ => broken(t, again),
    }
}

fn broken(t: &'static Sentences, next: Link) -> Meaning {
    Meaning {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        heading: t.broken_heading,
        lead: t.broken_lead.to_owned(),
        next,
        wait: None,
        is_logged: true,
    }
}

fn show(app: &App, visit: Option<&Visit>, meaning: &Meaning, cause: Option<&Failure>) -> Response {
    let t = visit.map_or(&ENGLISH, |visit| visit.t);
    let reference: String = random_name()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(10)
        .collect();
    if let Some(cause) = cause.filter(|_| meaning.is_logged) {
        tracing::error!(reference, status = meaning.status.as_u16(), %cause, "a page failed");
    }
    let page = NoticePage {
        frame: Frame {
            t,
            ..Frame::plain(app, meaning.heading)
        }
        .with_error(true),
        messages: Messages::none(),
        heading: meaning.heading.to_owned(),
        lead: vec![meaning.lead.clone()],
        code: None,
        next: Some(Link::new(meaning.next.href.clone(), &meaning.next.text)),
        reference: meaning.is_logged.then(|| fill(t.reference, &[&reference])),
    };
    let mut response = render_with(meaning.status, &page)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    if let Some(wait) = meaning.wait
        && let Ok(seconds) = HeaderValue::from_str(&whole_seconds(wait).to_string())
    {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// A form that may not come from our own page.
pub(crate) fn stale_form(app: &App, status: StatusCode) -> Response {
    told(
        app,
        status,
        ENGLISH.stale_form_heading,
        ENGLISH.stale_form_lead,
    )
}

/// A form that no page of ours makes.
pub(crate) fn bad_request(app: &App, status: StatusCode) -> Response {
    told(
        app,
        status,
        ENGLISH.bad_request_heading,
        ENGLISH.bad_request_lead,
    )
}

fn told(app: &App, status: StatusCode, heading: &'static str, lead: &str) -> Response {
    let meaning = Meaning {
        status,
        heading,
        lead: lead.to_owned(),
        next: Link::new("/", ENGLISH.go_home),
        wait: None,
        is_logged: false,
    };
    show(app, None, &meaning, None)
}

/// A form of a page that is older than what another tab did.
pub(crate) fn moved_on(visit: &Visit, open: Open) -> Result<Response, Failure> {
    let id = open.id;
    let outcome = visit.client.resume(open.transaction)?;
    let page = NoticePage {
        frame: Frame::new(visit, visit.t.moved_on_heading),
        messages: Messages::none(),
        heading: visit.t.moved_on_heading.to_owned(),
        lead: vec![visit.t.moved_on_lead.to_owned()],
        code: None,
        next: Some(Link::new(
            current_href(&outcome, &id),
            visit.t.moved_on_link,
        )),
        reference: None,
    };
    render_with(StatusCode::CONFLICT, &page)
}

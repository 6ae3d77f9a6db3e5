//! `/terminal`: a flow that ended without a session, and what to do next.

use axum::response::Response;

use crate::failure::Failure;
use crate::pages::error::{Link, NoticePage};
use crate::record::Ended;
use crate::routing::{Entry, go_to_current};
use crate::view::{Frame, MessageLine, Messages, render};
use crate::visit::{Visit, go_to};

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = show_or_fail(&visit).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit) -> Result<Response, Failure> {
    let Some(open) = visit.find_open().await? else {
        return Ok(Entry::Login.expired());
    };
    let (messages, succeeded, code) = match open.record.ended.clone() {
        Some(Ended::Terminal {
            messages,
            succeeded,
            code,
        }) => (messages, succeeded, code),
        Some(Ended::SignedIn) => return Ok(go_to("/")),
        None => return go_to_current(visit, open),
    };
    let t = visit.t;
    let (heading, next) = match (&code, succeeded) {
        (Some(_), _) => (t.code_elsewhere_heading, None),
        (None, true) => (
            t.terminal_done_heading,
            Some(Link::new("/login", t.sign_in)),
        ),
        (None, false) => (
            t.terminal_heading,
            Some(Link::new("/login", t.back_to_sign_in)),
        ),
    };
    let is_negative = !succeeded && messages.iter().any(|(_, is_error)| *is_error);
    let items: Vec<_> = messages
        .into_iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(text, _)| MessageLine { text, field: None })
        .collect();
    let lead = match (&code, items.is_empty()) {
        (Some(_), _) => vec![
            t.code_elsewhere_lead.to_owned(),
            t.code_elsewhere_not_you.to_owned(),
        ],
        (None, true) => vec![t.terminal_nothing_left.to_owned()],
        (None, false) => Vec::new(),
    };
    render(&NoticePage {
        frame: Frame::new(visit, heading).with_error(is_negative),
        messages: Messages {
            items,
            is_negative,
            takes_focus: is_negative,
        },
        heading: heading.to_owned(),
        lead,
        code,
        next,
        reference: None,
    })
}

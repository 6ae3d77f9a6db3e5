//! `/login/callback`: where the engine sends a browser back to. GET never uses a code up.

use axum::response::Response;
use http::StatusCode;

use crate::failure::Failure;
use crate::pages::error::{Link, NoticePage};
use crate::routing::{Entry, go_to_current};
use crate::view::{Frame, MessageLine, Messages, render, render_with};
use crate::visit::Visit;

/// The longest code that is shown; what is longer is no code.
const CODE_CHARS_MAX: usize = 20;
/// The longest text of an error that is shown.
const ERROR_CHARS_MAX: usize = 300;

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = show_or_fail(&visit).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit) -> Result<Response, Failure> {
    if let Some(error) = visit.query("error") {
        return refused(visit, error);
    }
    let open = visit.find_open().await?;
    match (visit.query("otp").filter(|code| is_code(code)), open) {
        // The mailed link, opened where the flow began: the code is in the field, one press away.
        (Some(code), Some(mut open)) if open.record.ended.is_none() => {
            open.record.prefilled_code = Some(code.to_owned());
            visit.keep_same(&open).await?;
            go_to_current(visit, open)
        }
        (_, Some(open)) => go_to_current(visit, open),
        // Opened elsewhere: nothing can be finished here, but the code can be carried over.
        (Some(code), None) => elsewhere(visit, code),
        (None, None) => Ok(Entry::Login.expired()),
    }
}

fn is_code(text: &str) -> bool {
    text.len() <= CODE_CHARS_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn elsewhere(visit: &Visit, code: &str) -> Result<Response, Failure> {
    let t = visit.t;
    render(&NoticePage {
        frame: Frame::new(visit, t.code_elsewhere_heading),
        messages: Messages::none(),
        heading: t.code_elsewhere_heading.to_owned(),
        lead: vec![
            t.code_elsewhere_lead.to_owned(),
            t.code_elsewhere_not_you.to_owned(),
        ],
        code: Some(code.to_owned()),
        next: None,
        reference: None,
    })
}

fn refused(visit: &Visit, error: &str) -> Result<Response, Failure> {
    let t = visit.t;
    let description = visit.query("error_description").unwrap_or_default();
    let text: String = match description {
        "" => error.to_owned(),
        _ => format!("{error}: {description}"),
    };
    let text = text.chars().take(ERROR_CHARS_MAX).collect();
    let page = NoticePage {
        frame: Frame::new(visit, t.refused_heading).with_error(true),
        messages: Messages {
            items: vec![MessageLine { text, field: None }],
            is_negative: true,
            takes_focus: true,
        },
        heading: t.refused_heading.to_owned(),
        lead: Vec::new(),
        code: None,
        next: Some(Link::new("/login", t.back_to_sign_in)),
        reference: None,
    };
    render_with(StatusCode::BAD_REQUEST, &page)
}

//! `/other-step`: a step that no page was written for, drawn from the server's form.

use askama::Template;
use axum::response::Response;
use regain_sdk::{Outcome, State, Step};

use crate::advance::{Move, advance};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::{Look, is_on, look};
use crate::raw_form::{FieldView, draw, read};
use crate::record::Open;
use crate::routing::{Entry, Page};
use crate::view::{FormView, Frame, Messages, render};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "other_step.html")]
struct OtherPage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    heading: String,
    action: String,
    fields: Vec<FieldView>,
    button: &'static str,
    /// Somewhere else to sign in, instead of a form.
    elsewhere: Option<(String, String)>,
    can_skip: bool,
}

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = show_or_fail(&visit).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit) -> Result<Response, Failure> {
    match look(visit, Entry::Login, is_on(&Page::OtherStep)).await? {
        Look::Away(response) => Ok(response),
        Look::Here(found) => {
            let (open, outcome) = *found;
            render(&page(visit, &open, outcome))
        }
    }
}

fn page(visit: &Visit, open: &Open, outcome: Outcome) -> OtherPage {
    let t = visit.t;
    let messages = match open.record.mistake {
        Some(_) => Messages::info([t.not_accepted.to_owned()]),
        None => Messages::of(visit, open, &outcome, None),
    };
    let can_skip = outcome.features.can_skip;
    let (elsewhere, waits, fields) = match outcome.state {
        State::Pending(Step::RedirectToIdp(step)) => {
            let idp = step.idp();
            let name = idp
                .name
                .clone()
                .or_else(|| idp.kind.clone())
                .unwrap_or_default();
            (
                is_web(&idp.href).then(|| (idp.href.clone(), name)),
                false,
                Vec::new(),
            )
        }
        State::Pending(Step::Wait(_)) => (None, true, Vec::new()),
        State::Pending(step) => (None, false, draw(&step.into_raw())),
        _ => (None, false, Vec::new()),
    };
    OtherPage {
        frame: Frame::new(visit, t.other_heading).with_error(messages.is_negative),
        form: FormView::of(visit, open),
        heading: t.other_heading.to_owned(),
        action: Page::OtherStep.href(&open.id),
        fields,
        button: if waits {
            t.try_again
        } else {
            t.continue_button
        },
        elsewhere,
        can_skip,
        messages,
    }
}

/// Whether an address may become a link: never a script.
fn is_web(href: &str) -> bool {
    url::Url::parse(href).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// POST.
pub(crate) async fn submit(visit: Visit, form: PostedForm) -> Response {
    let typed: Vec<(String, String)> = form
        .values()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let result = advance(&visit, &form, Entry::Login, move |outcome| async move {
        match outcome.state {
            State::Pending(step) if Page::of(&step) == Page::OtherStep => match step {
                Step::RedirectToIdp(_) => Ok(Move::OtherPage),
                Step::Wait(step) => Move::of(step.poll_once().await),
                step => {
                    let raw = step.into_raw();
                    let values = read(&raw, &typed);
                    Move::of(raw.submit(values).await)
                }
            },
            _ => Ok(Move::OtherPage),
        }
    })
    .await;
    visit.answer(result)
}

//! `/challenge-authenticator/okta_password`: the password, where the name came first.

use askama::Template;
use axum::response::Response;
use regain_sdk::{State, Step};

use crate::advance::{Move, advance};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::select_authenticator::has_another_way;
use crate::pages::{Look, is_on, look};
use crate::record::Mistake;
use crate::routing::{Entry, PASSWORD_KEY, Page};
use crate::sentences::fill;
use crate::view::{FormView, Frame, Messages, render};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "challenge_password.html")]
struct PasswordPage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    action: String,
    recover_href: String,
    username: String,
    signing_in_as: String,
    password_error: Option<String>,
    focus_password: bool,
    can_recover: bool,
    can_choose_another: bool,
}

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = show_or_fail(&visit).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit) -> Result<Response, Failure> {
    let (open, outcome) = match look(visit, Entry::Login, is_on(&Page::ChallengePassword)).await? {
        Look::Away(response) => return Ok(response),
        Look::Here(found) => *found,
    };
    let Some(Step::EnterPassword(step)) = outcome.step() else {
        return Err(Failure::Bug("the page of a password has no password"));
    };
    let t = visit.t;
    let messages = match open.record.mistake {
        Some(_) => Messages::mistake(t.enter_password, "password"),
        None => Messages::of(visit, &open, &outcome, Some("password")),
    };
    let username = open.identifier().to_owned();
    render(&PasswordPage {
        frame: Frame::new(visit, t.password_heading).with_error(messages.is_negative),
        form: FormView::of(visit, &open),
        action: Page::ChallengePassword.href(&open.id),
        recover_href: Page::Recover.href(&open.id),
        signing_in_as: fill(t.signing_in_as, &[&username]),
        username,
        password_error: messages.error_text(),
        focus_password: !messages.takes_focus,
        can_recover: step.can_recover_password(),
        can_choose_another: has_another_way(step.clone().choose_another().ok(), PASSWORD_KEY),
        messages,
    })
}

/// POST.
pub(crate) async fn submit(visit: Visit, form: PostedForm) -> Response {
    let password = form.secret("password");
    let result = advance(&visit, &form, Entry::Login, move |outcome| async move {
        match outcome.state {
            State::Pending(Step::EnterPassword(_)) if password.expose().is_empty() => {
                Ok(Move::Mistake(Mistake::PasswordMissing))
            }
            State::Pending(Step::EnterPassword(step)) => Move::of(step.submit(&password).await),
            _ => Ok(Move::OtherPage),
        }
    })
    .await;
    visit.answer(result)
}

//! `/reset-password`: choose a new password.

use askama::Template;
use axum::response::Response;
use regain_sdk::{Flow, NewPasswordReason, NewPasswordStep, Outcome, ResetOptions, State, Step};

use crate::advance::{Move, Note, advance};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::{Look, is_on, look};
use crate::password_rules::{PasswordRule, attribute, rules};
use crate::record::{Mistake, Open};
use crate::routing::{Entry, Page};
use crate::view::{FormView, Frame, Messages, Progress, RecoveryStep, render};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    progress: Option<Progress>,
    lead: String,
    action: String,
    username: String,
    rules: Vec<PasswordRule>,
    password_rules: String,
    password_error: Option<String>,
    confirm_error: Option<String>,
    focus_password: bool,
    /// "Sign me out of all other devices": whether the box is ticked, where there is one.
    revoke: Option<bool>,
    can_skip: bool,
}

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = show_or_fail(&visit).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit) -> Result<Response, Failure> {
    let (open, outcome) = match look(visit, Entry::Recover, is_on(&Page::ResetPassword)).await? {
        Look::Away(response) => return Ok(response),
        Look::Here(found) => *found,
    };
    match outcome.step() {
        Some(Step::SetPassword(step)) => render(&page(visit, &open, &outcome, step)),
        _ => Err(Failure::Bug("the page of a new password has none")),
    }
}

fn page(visit: &Visit, open: &Open, outcome: &Outcome, step: &NewPasswordStep) -> ResetPage {
    let t = visit.t;
    let messages = match open.record.mistake {
        Some(Mistake::PasswordsDiffer) => Messages::mistake(t.passwords_differ, "confirm-password"),
        Some(_) => Messages::mistake(t.enter_new_password, "password"),
        None => Messages::of(visit, open, outcome, Some("password")),
    };
    let recovers = open.transaction.flow() == Flow::Recover;
    ResetPage {
        frame: Frame::new(visit, t.reset_heading).with_error(messages.is_negative),
        form: FormView::of(visit, open),
        progress: recovers.then(|| Progress::at(RecoveryStep::NewPassword, t)),
        lead: match step.reason() {
            NewPasswordReason::Expired => t.expired_lead.to_owned(),
            _ => t.reset_lead.to_owned(),
        },
        action: Page::ResetPassword.href(&open.id),
        username: step
            .identifier()
            .unwrap_or_else(|| open.identifier())
            .to_owned(),
        rules: rules(step.policy(), t),
        password_rules: attribute(step.policy()),
        password_error: messages.error_text(),
        // Which of two different passwords is wrong, nobody knows: both fields are marked.
        confirm_error: messages
            .error_text()
            .filter(|_| open.record.mistake.is_some()),
        focus_password: !messages.takes_focus,
        revoke: step
            .can_revoke_other_sessions()
            .then(|| open.record.revoked_others.unwrap_or(true)),
        can_skip: step.can_skip(),
        messages,
    }
}

/// POST.
pub(crate) async fn submit(visit: Visit, form: PostedForm) -> Response {
    let password = form.secret("password");
    let confirmation = form.secret("confirmPassword");
    let revokes = form.is_ticked("revokeSessions");
    let result = advance(&visit, &form, Entry::Recover, move |outcome| async move {
        let State::Pending(Step::SetPassword(step)) = outcome.state else {
            return Ok(Move::OtherPage);
        };
        if password.expose().is_empty() || confirmation.expose().is_empty() {
            return Ok(Move::Mistake(Mistake::NewPasswordMissing));
        }
        if password != confirmation {
            return Ok(Move::Mistake(Mistake::PasswordsDiffer));
        }
        let revoked_others = step.can_revoke_other_sessions().then_some(revokes);
        let options = ResetOptions {
            revoke_other_sessions: revoked_others == Some(true),
        };
        let answer = step.submit(&password, options).await;
        Move::noting(
            answer,
            Note {
                revoked_others,
                ..Note::default()
            },
        )
    })
    .await;
    visit.answer(result)
}

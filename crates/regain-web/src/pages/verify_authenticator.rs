//! `/verify-authenticator/{key}`: choose how the code comes.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use regain_sdk::{Flow, State, Step};

use crate::advance::{Move, advance};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::{Look, is_on, look};
use crate::record::Mistake;
use crate::routing::{Entry, Page};
use crate::sentences::fill;
use crate::view::{ChoiceView, FormView, Frame, Messages, Progress, RecoveryStep, render};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "verify_authenticator.html")]
struct VerifyPage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    progress: Option<Progress>,
    heading: String,
    action: String,
    choices: Vec<ChoiceView>,
    choice_error: Option<String>,
    can_choose_another: bool,
}

/// GET.
pub(crate) async fn show(visit: Visit, Path(key): Path<String>) -> Response {
    let result = show_or_fail(&visit, key).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit, key: String) -> Result<Response, Failure> {
    let here = Page::VerifyAuthenticator(key.clone());
    let (open, outcome) = match look(visit, Entry::Recover, is_on(&here)).await? {
        Look::Away(response) => return Ok(response),
        Look::Here(found) => *found,
    };
    let t = visit.t;
    let messages = match open.record.mistake {
        Some(_) => Messages::mistake(t.choose_one, "authenticator-method-options"),
        None => Messages::of(visit, &open, &outcome, Some("authenticator-method-options")),
    };
    let Some(Step::ChooseMethod(step)) = outcome.step() else {
        return Err(Failure::Bug("the page of a method has no method"));
    };
    let heading = match key.as_str() {
        "okta_email" => t.verify_email_heading.to_owned(),
        "phone_number" => fill(t.verify_other_heading, &["phone authenticator"]),
        _ => fill(t.verify_other_heading, &[&key]),
    };
    let destination = step
        .destination()
        .map(|to| fill(t.send_to, &[to]))
        .unwrap_or_default();
    let choices = step.choices();
    let is_single = choices.len() == 1;
    let recovers = open.transaction.flow() == Flow::Recover;
    render(&VerifyPage {
        frame: Frame::new(visit, &heading).with_error(messages.is_negative),
        form: FormView::of(visit, &open),
        progress: recovers.then(|| Progress::at(RecoveryStep::ChooseWay, t)),
        action: here.href(&open.id),
        choices: choices
            .into_iter()
            .enumerate()
            .map(|(index, choice)| ChoiceView {
                element_id: format!("method-{index}"),
                label: method_label(&choice.value, &choice.label),
                value: choice.value,
                key: key.clone(),
                help: destination.clone(),
                is_checked: is_single,
            })
            .collect(),
        choice_error: messages.error_text(),
        can_choose_another: false,
        heading,
        messages,
    })
}

/// A method with a fixed value brings no label of its own.
fn method_label(value: &str, label: &str) -> String {
    match (value, label) {
        ("email", "" | "email") => "Email".to_owned(),
        (_, "") => value.to_owned(),
        _ => label.to_owned(),
    }
}

/// POST.
pub(crate) async fn submit(visit: Visit, Path(key): Path<String>, form: PostedForm) -> Response {
    let chosen = form.text("methodType").to_owned();
    let here = Page::VerifyAuthenticator(key);
    let result = advance(&visit, &form, Entry::Recover, move |outcome| async move {
        match outcome.state {
            State::Pending(step) if Page::of(&step) == here => match step {
                Step::ChooseMethod(_) if chosen.is_empty() => {
                    Ok(Move::Mistake(Mistake::ChoiceMissing))
                }
                Step::ChooseMethod(step) => Move::of(step.choose(&chosen).await),
                _ => Ok(Move::OtherPage),
            },
            _ => Ok(Move::OtherPage),
        }
    })
    .await;
    visit.answer(result)
}

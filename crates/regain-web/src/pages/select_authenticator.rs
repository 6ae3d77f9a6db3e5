//! `/select-authenticator`: choose how to prove who you are.

use askama::Template;
use axum::response::Response;
use regain_sdk::{Choice, Flow, Outcome, SelectPurpose, SelectStep, State, Step};

use crate::advance::{Move, advance};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::{Look, look};
use crate::record::{Mistake, Open};
use crate::routing::{APP_KEY, Entry, PASSWORD_KEY, Page};
use crate::sentences::{Sentences, fill};
use crate::view::{ChoiceView, FormView, Frame, Messages, Progress, RecoveryStep, render};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "select_authenticator.html")]
struct SelectPage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    progress: Option<Progress>,
    lead: Option<String>,
    action: String,
    legend: &'static str,
    choices: Vec<ChoiceView>,
    choice_error: Option<String>,
    can_skip: bool,
}

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = show_or_fail(&visit).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit) -> Result<Response, Failure> {
    match look(visit, Entry::Recover, offers_choice).await? {
        Look::Away(response) => Ok(response),
        Look::Here(found) => {
            let (open, outcome) = *found;
            let is_first = matches!(outcome.step(), Some(Step::SelectAuthenticator(_)));
            // What was wrong at the step that this page is an alternative to does not belong here.
            let messages = match (open.record.mistake, is_first) {
                (Some(_), true) => Messages::mistake(visit.t.choose_one, "authenticator-options"),
                (None, true) => Messages::of(visit, &open, &outcome, Some("authenticator-options")),
                (_, false) => Messages::none(),
            };
            let can_skip = outcome.features.can_skip;
            match choice_step(outcome) {
                Some(step) => render(&page(visit, &open, &step, messages, can_skip)),
                None => Err(Failure::Bug("a choice that was offered is gone")),
            }
        }
    }
}

/// Whether the step is the choice, or offers another choice beside it.
fn offers_choice(step: &Step) -> bool {
    match step {
        Step::SelectAuthenticator(_) => true,
        Step::EnterCode(step) => step.can_choose_another(),
        Step::EnterPassword(step) => step.can_choose_another(),
        _ => false,
    }
}

/// Whether a link to the choice leads anywhere: to several ways, or to another than the open one.
pub(crate) fn has_another_way(choice: Option<SelectStep>, open_key: &str) -> bool {
    choice.is_some_and(|step| {
        let choices = step.choices();
        choices.len() > 1
            || choices
                .iter()
                .any(|choice| choice.key.as_deref() != Some(open_key))
    })
}

fn choice_step(outcome: Outcome) -> Option<SelectStep> {
    match outcome.state {
        State::Pending(Step::SelectAuthenticator(step)) => Some(step),
        State::Pending(Step::EnterCode(step)) => step.choose_another().ok(),
        State::Pending(Step::EnterPassword(step)) => step.choose_another().ok(),
        _ => None,
    }
}

fn page(
    visit: &Visit,
    open: &Open,
    step: &SelectStep,
    messages: Messages,
    can_skip: bool,
) -> SelectPage {
    let t = visit.t;
    let recovers = open.transaction.flow() == Flow::Recover;
    let sets_up = step.purpose() == SelectPurpose::Enroll;
    let is_single = step.choices().len() == 1;
    SelectPage {
        frame: Frame::new(visit, t.select_heading).with_error(messages.is_negative),
        form: FormView::of(visit, open),
        progress: recovers.then(|| Progress::at(RecoveryStep::ChooseWay, t)),
        lead: match (sets_up, can_skip) {
            (true, true) => Some(t.enroll_optional_lead.to_owned()),
            (true, false) => Some(t.enroll_lead.to_owned()),
            (false, _) => recovers.then(|| t.select_lead.to_owned()),
        },
        legend: if sets_up {
            t.enroll_legend
        } else {
            t.select_legend
        },
        action: Page::SelectAuthenticator.href(&open.id),
        choices: step
            .choices()
            .iter()
            .enumerate()
            .map(|(index, choice)| ChoiceView {
                help: help(choice, sets_up, t),
                is_checked: is_single,
                ..choice_view(choice, index)
            })
            .collect(),
        choice_error: messages.error_text(),
        can_skip,
        messages,
    }
}

fn choice_view(choice: &Choice, index: usize) -> ChoiceView {
    ChoiceView {
        element_id: format!("authenticator-{index}"),
        value: choice.value.clone(),
        key: choice.key.clone().unwrap_or_default(),
        label: choice.label.clone(),
        help: String::new(),
        is_checked: false,
    }
}

/// What choosing it comes to.
fn help(choice: &Choice, sets_up: bool, t: &'static Sentences) -> String {
    match (&choice.destination, choice.key.as_deref()) {
        (Some(destination), _) => fill(t.send_to, &[destination]),
        (None, Some(APP_KEY)) if sets_up => t.enroll_app_help.to_owned(),
        (None, _) if sets_up => fill(t.enroll_other_help, &[&choice.label]),
        (None, Some("okta_email")) => t.email_help.to_owned(),
        (None, Some(PASSWORD_KEY)) => t.password_help.to_owned(),
        (None, _) => fill(t.other_help, &[&choice.label]),
    }
}

/// POST.
pub(crate) async fn submit(visit: Visit, form: PostedForm) -> Response {
    let chosen = form.text("authenticator").to_owned();
    let result = advance(&visit, &form, Entry::Recover, move |outcome| async move {
        let Some(step) = choice_step(outcome) else {
            return Ok(Move::OtherPage);
        };
        if chosen.is_empty() {
            return Ok(Move::Mistake(Mistake::ChoiceMissing));
        }
        Move::of(step.choose(&chosen).await)
    })
    .await;
    visit.answer(result)
}

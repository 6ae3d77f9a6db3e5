//! `/select-authenticator`: choose how to prove who you are.

use askama::Template;
use axum::response::Response;
use regain_sdk::{Choice, Flow, Outcome, SelectStep, State, Step};

use crate::advance::{Move, advance};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::{Look, look};
use crate::record::{Mistake, Open};
use crate::routing::{Entry, PASSWORD_KEY, Page};
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
            let can_skip = is_first && outcome.features.can_skip;
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
    let is_single = step.choices().len() == 1;
    SelectPage {
        frame: Frame::new(visit, t.select_heading).with_error(messages.is_negative),
        form: FormView::of(visit, open),
        progress: recovers.then(|| Progress::at(RecoveryStep::ChooseWay, t)),
        lead: recovers.then(|| t.select_lead.to_owned()),
        action: Page::SelectAuthenticator.href(&open.id),
        choices: step
            .choices()
            .iter()
            .enumerate()
            .map(|(index, choice)| choice_view(choice, index, is_single, t))
            .collect(),
        choice_error: messages.error_text(),
        can_skip,
        messages,
    }
}

fn choice_view(
    choice: &Choice,
    index: usize,
    is_checked: bool,
    t: &'static Sentences,
) -> ChoiceView {
    let key = choice.key.clone().unwrap_or_default();
    let help = match (&choice.destination, key.as_str()) {
        (Some(destination), _) => fill(t.send_to, &[destination]),
        (None, "okta_email") => t.email_help.to_owned(),
        (None, PASSWORD_KEY) => t.password_help.to_owned(),
        (None, _) => fill(t.other_help, &[&choice.label]),
    };
    ChoiceView {
        element_id: format!("authenticator-{index}"),
        value: choice.value.clone(),
        key,
        label: choice.label.clone(),
        help,
        is_checked,
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

//! `/recover-password`: say whose password is to be recovered.

use askama::Template;
use axum::response::Response;
use regain_sdk::{IdentifyStep, Outcome, State, Step, WorkChallenge};

use crate::advance::{Move, advance, finish};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::login::abandon;
use crate::record::{Mistake, Open};
use crate::routing::{Entry, Page, go_to_current};
use crate::view::{FormView, Frame, Messages, Progress, RecoveryStep, render};
use crate::visit::{Visit, go_to};

#[derive(Template)]
#[template(path = "recover.html")]
struct RecoverPage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    progress: Option<Progress>,
    action: String,
    username: String,
    username_error: Option<String>,
    focus_username: bool,
    /// What the browser has to calculate before the form goes through.
    work: Option<WorkChallenge>,
}

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = show_or_fail(&visit).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit) -> Result<Response, Failure> {
    let Some(open) = visit.find_left().await? else {
        return render(&page(visit, None, None));
    };
    match visit.client.resume(open.transaction.clone()) {
        Ok(outcome) if is_here(visit, &outcome) => {
            let work = match work_of(&outcome) {
                Some(step) => Some(step.work_challenge().await?),
                None => None,
            };
            let page = page(visit, Some(&open), Some(&outcome));
            render(&RecoverPage { work, ..page })
        }
        // Back from a later step, or "Forgot password?" in the middle of a sign-in: the form begins
        // anew, with the name that was typed before.
        Ok(_) => render(&page(visit, Some(&open), None)),
        Err(_) => render(&page(visit, None, None)),
    }
}

/// Whether the page is the transaction's own, not an entry page that it began at.
fn is_here(visit: &Visit, outcome: &Outcome) -> bool {
    visit.state().is_some()
        && matches!(outcome.step(), Some(Step::Identify(step)) if Page::of_identify(step) == Page::Recover)
}

/// The step, if it goes through only with proof of work.
fn work_of(outcome: &Outcome) -> Option<&IdentifyStep> {
    match outcome.step() {
        Some(Step::Identify(step)) if step.demands_work() => Some(step),
        _ => None,
    }
}

fn page(visit: &Visit, open: Option<&Open>, here: Option<&Outcome>) -> RecoverPage {
    let t = visit.t;
    let here = here.zip(open);
    let messages = match (here, visit.query("mistake"), visit.query("notice")) {
        (Some((outcome, open)), ..) => match open.record.mistake {
            Some(Mistake::UsernameMissing) => Messages::mistake(t.enter_username, "username"),
            Some(Mistake::WorkMissing) => Messages::mistake(t.work_missing, "username"),
            Some(_) => Messages::mistake(t.not_accepted, "username"),
            // The name was taken: what is asked for now is no mistake.
            None if work_of(outcome).is_some() => {
                Messages::of(visit, open, outcome, None).informing()
            }
            None => Messages::of(visit, open, outcome, Some("username")),
        },
        (None, Some("username"), _) => Messages::mistake(t.enter_username, "username"),
        (None, _, Some("expired")) => Messages::info([t.page_expired.to_owned()]),
        _ => Messages::none(),
    };
    RecoverPage {
        frame: Frame::new(visit, t.recover_heading).with_error(messages.is_negative),
        // Only the page of the current step may advance the transaction.
        form: match here {
            Some((_, open)) => FormView::of(visit, open),
            None => FormView::fresh(visit),
        },
        progress: Some(Progress::at(RecoveryStep::FindAccount, t)),
        action: match (visit.state(), open) {
            (Some(_), Some(open)) => Page::Recover.href(&open.id),
            _ => visit.entry_href(&Page::Recover),
        },
        username: open.map_or("", Open::identifier).to_owned(),
        username_error: messages.error_text(),
        focus_username: !messages.takes_focus,
        work: None,
        messages,
    }
}

/// POST.
pub(crate) async fn submit(mut visit: Visit, form: PostedForm) -> Response {
    if form.is_ticked("can_work") {
        visit.solves_work();
    }
    let result = submit_or_fail(&visit, &form).await;
    visit.answer(result)
}

async fn submit_or_fail(visit: &Visit, form: &PostedForm) -> Result<Response, Failure> {
    let username = form.text("username").trim().to_owned();
    let solution = form.text("work").to_owned();
    // The second press of the button waits for the first one, and finds what that began.
    let _turn = match visit.entry() {
        Some(entry) => Some(visit.app.turns.take(entry).await),
        None => None,
    };
    let Some(open) = visit.find_left().await? else {
        return begin(visit, &username).await;
    };
    let Ok(outcome) = visit.client.resume(open.transaction.clone()) else {
        visit.forget(&open.id).await?;
        return begin(visit, &username).await;
    };
    if is_here(visit, &outcome) {
        return advance(visit, form, Entry::Recover, move |outcome| async move {
            let State::Pending(Step::Identify(step)) = outcome.state else {
                return Ok(Move::OtherPage);
            };
            if username.is_empty() {
                return Ok(Move::Mistake(Mistake::UsernameMissing));
            }
            match (step.demands_work(), solution.as_str()) {
                (false, _) => Move::of(step.submit(&username).await),
                (true, "") => Ok(Move::Mistake(Mistake::WorkMissing)),
                (true, solution) => Move::of(step.submit_with_work(&username, solution).await),
            }
        })
        .await;
    }
    // The same name once more changes nothing; another name is another recovery, and the first
    // one ends.
    let is_recovery = open.transaction.flow() == regain_sdk::Flow::Recover;
    if is_recovery && username == open.identifier() {
        return go_to_current(visit, open);
    }
    let is_new = !username.is_empty();
    let new = begin(visit, &username).await?;
    if is_new {
        abandon(visit, open).await?;
    }
    Ok(new)
}

/// A new recovery: nothing is mailed before the person has chosen how.
async fn begin(visit: &Visit, username: &str) -> Result<Response, Failure> {
    if username.is_empty() {
        let href = visit.entry_href(&Page::Recover);
        return Ok(go_to(&format!("{href}&mistake=username")));
    }
    let outcome = visit
        .client
        .recover_password()
        .identifier(username)
        .start()
        .await?;
    visit.keep_new(&outcome, username).await?;
    finish(visit, outcome, None).await
}

//! `/login`: say who you are, on one page with the password or before it.

use askama::Template;
use axum::response::Response;
use regain_sdk::{Outcome, Secret, Step};

use crate::advance::{Move, advance, finish};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::front::{Front, front};
use crate::record::{Mistake, Open};
use crate::routing::{Entry, Page};
use crate::view::{FormView, Frame, Messages, render};
use crate::visit::{Visit, go_to, new_entry_href};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    heading: &'static str,
    action: String,
    recover_href: String,
    username: String,
    username_error: Option<String>,
    password_error: Option<String>,
    front: Front,
    /// The id of the input that the page opens at.
    focus: &'static str,
}

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = show_or_fail(&visit).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit) -> Result<Response, Failure> {
    if let Some(open) = visit
        .find_open()
        .await?
        .filter(|open| open.record.ended.is_none())
        && let Ok(outcome) = visit.client.resume(open.transaction.clone())
        && let Some(Step::Identify(step)) = outcome.step()
        && Page::of_identify(step) == Page::Login
    {
        let front = Front {
            wants_password: step.wants_password(),
            can_remember: step.can_remember(),
            can_recover: step.can_recover_password(),
        };
        return render(&page(visit, front, Some((&open, &outcome))));
    }
    // A finished or expired transaction, or one at a later step that somebody left with Back:
    // the page begins anew, with the name that was typed before.
    let mut page = page(visit, front(visit).await?, None);
    if let Some(open) = visit.find_left().await? {
        open.identifier().clone_into(&mut page.username);
    }
    render(&page)
}

fn page(visit: &Visit, front: Front, kept: Option<(&Open, &Outcome)>) -> LoginPage {
    let t = visit.t;
    let mistake = kept.map_or_else(|| asked_mistake(visit), |(open, _)| open.record.mistake);
    let notice = match (visit.query("notice"), kept) {
        (Some("expired"), None) => Messages::info([t.page_expired.to_owned()]),
        _ => Messages::none(),
    };
    let messages = match (mistake, kept) {
        (Some(Mistake::PasswordMissing), _) => Messages::mistake(t.enter_password, "password"),
        (Some(Mistake::UsernameMissing), _) => Messages::mistake(t.enter_username, "username"),
        (Some(_), _) => Messages::mistake(t.not_accepted, "username"),
        (None, Some((open, outcome))) => Messages::of(visit, open, outcome, Some("username")),
        (None, None) => notice,
    };
    let error_at = |wanted: Mistake| messages.error_text().filter(|_| mistake == Some(wanted));
    let username = kept.map_or("", |(open, _)| open.identifier()).to_owned();
    let has_focus = messages.takes_focus;
    LoginPage {
        frame: Frame::new(visit, t.sign_in_heading).with_error(messages.is_negative),
        form: kept.map_or_else(
            || FormView::fresh(visit),
            |(open, _)| FormView::of(visit, open),
        ),
        heading: t.sign_in_heading,
        action: kept.map_or_else(
            || visit.entry_href(&Page::Login),
            |(open, _)| Page::Login.href(&open.id),
        ),
        recover_href: kept.map_or_else(
            || new_entry_href(&Page::Recover),
            |(open, _)| Page::Recover.href(&open.id),
        ),
        username_error: error_at(Mistake::UsernameMissing),
        password_error: error_at(Mistake::PasswordMissing),
        focus: match (has_focus, username.is_empty()) {
            (true, _) => "",
            (false, true) => "username",
            (false, false) => "password",
        },
        username,
        // An engine that asks for the name first offers recovery with the password, one page on.
        front: Front {
            can_recover: front.can_recover || !front.wants_password,
            ..front
        },
        messages,
    }
}

/// The mistake of a page without a transaction.
fn asked_mistake(visit: &Visit) -> Option<Mistake> {
    match visit.query("mistake") {
        Some("username") => Some(Mistake::UsernameMissing),
        Some("password") => Some(Mistake::PasswordMissing),
        _ => None,
    }
}

/// POST.
pub(crate) async fn submit(visit: Visit, form: PostedForm) -> Response {
    let result = submit_or_fail(&visit, &form).await;
    visit.answer(result)
}

async fn submit_or_fail(visit: &Visit, form: &PostedForm) -> Result<Response, Failure> {
    let left = visit.find_left().await?;
    if let Some(open) = left.as_ref().filter(|_| visit.state().is_some())
        && let Ok(outcome) = visit.client.resume(open.transaction.clone())
        && matches!(outcome.step(), Some(Step::Identify(step)) if Page::of_identify(step) == Page::Login)
    {
        return again(visit, form).await;
    }
    let username = form.text("username").trim();
    if username.is_empty() {
        return Ok(mistaken(visit, "username"));
    }
    let front = front(visit).await?;
    let password = Some(form.secret("password")).filter(|_| front.wants_password);
    if password
        .as_ref()
        .is_some_and(|password| password.expose().is_empty())
    {
        return Ok(mistaken(visit, "password"));
    }
    let new = begin(visit, username, password, form.is_ticked("rememberMe")).await?;
    // Back from a later step: what was typed now is a new sign-in.
    if let Some(open) = left {
        abandon(visit, open).await?;
    }
    Ok(new)
}

/// Back to the form; a page without a transaction keeps its mistake in the URL, as a word of ours.
fn mistaken(visit: &Visit, field: &str) -> Response {
    go_to(&format!(
        "{}&mistake={field}",
        visit.entry_href(&Page::Login)
    ))
}

/// The second try on the same transaction, after a wrong password.
async fn again(visit: &Visit, form: &PostedForm) -> Result<Response, Failure> {
    let username = form.text("username").trim().to_owned();
    let password = form.secret("password");
    let remembers = form.is_ticked("rememberMe");
    advance(visit, form, Entry::Login, move |outcome| async move {
        let regain_sdk::State::Pending(Step::Identify(step)) = outcome.state else {
            return Ok(Move::OtherPage);
        };
        if username.is_empty() {
            return Ok(Move::Mistake(Mistake::UsernameMissing));
        }
        if !step.wants_password() {
            return Move::of(step.submit(&username).await);
        }
        if password.expose().is_empty() {
            return Ok(Move::Mistake(Mistake::PasswordMissing));
        }
        Move::of(
            step.submit_with_password(&username, &password, remembers)
                .await,
        )
    })
    .await
}

/// A new sign-in.
async fn begin(
    visit: &Visit,
    username: &str,
    password: Option<Secret>,
    remembers: bool,
) -> Result<Response, Failure> {
    let mut sign_in = visit.client.sign_in().identifier(username);
    if let Some(password) = password {
        sign_in = sign_in.password(password).remember_me(remembers);
    }
    let outcome = sign_in.start().await?;
    visit.keep_new(&outcome, username).await?;
    finish(visit, outcome, None).await
}

/// Gives up a transaction that a new one replaces. The engine may be slow to hear of it, or never:
/// it forgets by itself.
pub(crate) async fn abandon(visit: &Visit, open: Open) -> Result<(), Failure> {
    visit.forget(&open.id).await?;
    if let Err(problem) = visit.client.cancel(open.transaction).await {
        tracing::debug!(%problem, "an abandoned transaction stays open until it expires");
    }
    Ok(())
}

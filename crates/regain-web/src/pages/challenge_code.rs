//! `/challenge-authenticator/{key}`: enter the code. `email` is another name of `okta_email`.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use regain_sdk::{CodeStep, Flow, Outcome, State, Step};

use crate::advance::{Move, advance};
use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::select_authenticator::has_another_way;
use crate::pages::{Look, is_on, look};
use crate::record::{Mistake, Open};
use crate::routing::{Entry, Page};
use crate::sentences::fill;
use crate::view::{FormView, Frame, MessageLine, Messages, Progress, RecoveryStep, render};
use crate::visit::Visit;

const EMAIL_KEY: &str = "okta_email";
const CODE_INPUT: &str = "authenticator-code-input";

#[derive(Template)]
#[template(path = "challenge_code.html")]
struct CodePage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    progress: Option<Progress>,
    heading: String,
    lead: String,
    action: String,
    code: String,
    code_hint: String,
    code_error: Option<String>,
    is_email: bool,
    mailbox_url: Option<String>,
    /// What is asked whether the flow went on in another tab.
    poll: Option<String>,
    can_resend: bool,
    resend_wait_seconds: u64,
    can_choose_another: bool,
}

/// The authenticator that a path names: the older flow says `email`.
fn key_of(path: String) -> String {
    if path == "email" {
        EMAIL_KEY.to_owned()
    } else {
        path
    }
}

/// GET.
pub(crate) async fn show(visit: Visit, Path(path): Path<String>) -> Response {
    let result = show_or_fail(&visit, path).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit, path: String) -> Result<Response, Failure> {
    let key = key_of(path.clone());
    let here = Page::ChallengeCode(key.clone());
    let (open, outcome) = match look(visit, Entry::Recover, is_on(&here)).await? {
        Look::Away(response) => return Ok(response),
        Look::Here(found) => *found,
    };
    let Some(Step::EnterCode(step)) = outcome.step() else {
        return Err(Failure::Bug("the page of a code has no code"));
    };
    // The form stays on the path that it was opened under.
    let action = Page::ChallengeCode(path).href(&open.id);
    render(&page(visit, &open, &outcome, step, (key, action)))
}

fn page(
    visit: &Visit,
    open: &Open,
    outcome: &Outcome,
    step: &CodeStep,
    (key, action): (String, String),
) -> CodePage {
    let t = visit.t;
    let is_email = key == EMAIL_KEY;
    let name = step.authenticator_name().unwrap_or(&key);
    let messages = messages(visit, open, outcome, is_email);
    let heading = match key.as_str() {
        EMAIL_KEY => t.challenge_email_heading.to_owned(),
        "phone_number" => fill(t.challenge_other_heading, &["phone authenticator"]),
        _ => fill(t.challenge_other_heading, &[name]),
    };
    let recovers = open.transaction.flow() == Flow::Recover;
    CodePage {
        frame: Frame::new(visit, &heading).with_error(messages.is_negative),
        form: FormView::of(visit, open),
        // The pages of a recovery end with the new password; what comes then is a sign-in.
        progress: (recovers && is_email).then(|| Progress::at(RecoveryStep::CheckEmail, t)),
        lead: match (step.destination(), is_email) {
            _ if open.record.prefilled_code.is_some() => t.code_filled_in.to_owned(),
            (Some(destination), _) if step.has_link() => fill(t.link_sent_to, &[destination]),
            (Some(destination), _) => fill(t.code_sent_to, &[destination]),
            (None, true) if step.has_link() => t.link_sent_if_known.to_owned(),
            (None, true) => t.code_sent_if_known.to_owned(),
            (None, false) => fill(t.code_from_app, &[name]),
        },
        action,
        code: open.record.prefilled_code.clone().unwrap_or_default(),
        code_hint: match step.code_length() {
            (Some(least), Some(most)) if least == most => {
                fill(t.code_digits_hint, &[&most.to_string()])
            }
            _ => t.code_hint.to_owned(),
        },
        code_error: messages.error_text(),
        is_email,
        mailbox_url: visit
            .app
            .config
            .dev_mailbox_url
            .as_ref()
            .filter(|_| is_email)
            .map(ToString::to_string),
        poll: step.has_link().then(|| {
            format!(
                "/poll?state={}&page={}",
                open.id,
                Page::ChallengeCode(key.clone())
            )
        }),
        can_resend: step.can_resend(),
        resend_wait_seconds: step
            .resend_after()
            .map_or(0, |wait| wait.as_millis().div_ceil(1000))
            .try_into()
            .unwrap_or(0),
        can_choose_another: has_another_way(step.clone().choose_another().ok(), &key),
        heading,
        messages,
    }
}

/// The focus stays in the field, which is where a wrong code is put right.
fn messages(visit: &Visit, open: &Open, outcome: &Outcome, is_email: bool) -> Messages {
    let t = visit.t;
    let messages = match (open.record.mistake, open.record.resent_at) {
        (Some(Mistake::CodeMissing), _) => {
            let sentence = if is_email {
                t.enter_the_code
            } else {
                t.enter_the_app_s_code
            };
            Messages::mistake(sentence, CODE_INPUT)
        }
        (Some(_), _) => Messages::mistake(t.not_accepted, CODE_INPUT),
        (None, Some(at)) if !outcome.rejected => {
            let mut messages = Messages::info([fill(t.new_code_sent, &[&clock_time(at)])]);
            let said = Messages::of(visit, open, outcome, Some(CODE_INPUT));
            messages
                .items
                .extend(said.items.into_iter().map(|item| MessageLine {
                    field: None,
                    ..item
                }));
            messages
        }
        (None, _) => Messages::of(visit, open, outcome, Some(CODE_INPUT)),
    };
    messages.without_focus()
}

/// `14:03` in UTC: the browser's time zone is not known without a script.
fn clock_time(unix_seconds: i64) -> String {
    let minutes = unix_seconds.rem_euclid(24 * 60 * 60) / 60;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// POST.
pub(crate) async fn submit(visit: Visit, Path(path): Path<String>, form: PostedForm) -> Response {
    let here = Page::ChallengeCode(key_of(path));
    submit_code(visit, form, here, Entry::Recover).await
}

/// Sends the code of a form to the step that `here` shows.
pub(super) async fn submit_code(
    visit: Visit,
    form: PostedForm,
    here: Page,
    entry: Entry,
) -> Response {
    let code = digits(form.text("verificationCode"));
    let result = advance(&visit, &form, entry, move |outcome| async move {
        match outcome.state {
            State::Pending(step) if Page::of(&step) == here => match step {
                Step::EnterCode(_) if code.is_empty() => Ok(Move::Mistake(Mistake::CodeMissing)),
                Step::EnterCode(step) => Move::of(step.submit(&code).await),
                _ => Ok(Move::OtherPage),
            },
            _ => Ok(Move::OtherPage),
        }
    })
    .await;
    visit.answer(result)
}

/// The code without what people and mail programs put between its digits.
fn digits(typed: &str) -> String {
    let is_filler = |c: char| {
        c.is_whitespace()
            || matches!(c, '-' | '.' | '\u{2010}'..='\u{2015}' | '\u{200b}'..='\u{200f}')
    };
    typed.chars().filter(|c| !is_filler(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_dashes_in_a_code_do_not_count() {
        assert_eq!(digits(" 123\u{a0}456 "), "123456");
        assert_eq!(digits("123-4\u{2013}56"), "123456");
        assert_eq!(digits(" - "), "");
    }

    #[test]
    fn the_time_of_day_is_utc() {
        assert_eq!(clock_time(1_767_323_045), "03:04");
    }
}

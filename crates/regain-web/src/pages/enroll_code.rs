//! `/enroll-authenticator/{key}`: set up what gives codes, and show that it works.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use form_urlencoded::byte_serialize;
use regain_sdk::{CodeStep, Outcome, Step};

use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::challenge_code::submit_code;
use crate::pages::select_authenticator::has_another_way;
use crate::pages::{Look, is_on, look};
use crate::record::{Mistake, Open};
use crate::routing::{APP_KEY, Entry, Page};
use crate::sentences::fill;
use crate::view::{FormView, Frame, Messages, render};
use crate::visit::Visit;

const CODE_INPUT: &str = "authenticator-code-input";
/// Letters of a key that are read at once.
const GROUP: usize = 4;

#[derive(Template)]
#[template(path = "enroll_code.html")]
struct EnrollPage {
    frame: Frame,
    messages: Messages,
    form: FormView,
    heading: String,
    lead: &'static str,
    action: String,
    /// A data URL.
    qr_code: Option<String>,
    /// In groups; put together they are the key.
    secret: Vec<String>,
    /// Opens an app on the same device.
    app_href: Option<String>,
    code_error: Option<String>,
    can_skip: bool,
    can_choose_another: bool,
}

/// GET.
pub(crate) async fn show(visit: Visit, Path(key): Path<String>) -> Response {
    let result = show_or_fail(&visit, key).await;
    visit.answer(result)
}

async fn show_or_fail(visit: &Visit, key: String) -> Result<Response, Failure> {
    let here = Page::EnrollCode(key.clone());
    let (open, outcome) = match look(visit, Entry::Login, is_on(&here)).await? {
        Look::Away(response) => return Ok(response),
        Look::Here(found) => *found,
    };
    let Some(Step::EnterCode(step)) = outcome.step() else {
        return Err(Failure::Bug("the page of a new authenticator has no code"));
    };
    render(&page(visit, &open, &outcome, step, &key))
}

fn page(visit: &Visit, open: &Open, outcome: &Outcome, step: &CodeStep, key: &str) -> EnrollPage {
    let t = visit.t;
    let messages = match open.record.mistake {
        Some(Mistake::CodeMissing) => Messages::mistake(t.enter_the_app_s_code, CODE_INPUT),
        Some(_) => Messages::mistake(t.not_accepted, CODE_INPUT),
        None => Messages::of(visit, open, outcome, Some(CODE_INPUT)),
    }
    .without_focus();
    let heading = fill(
        t.enroll_heading,
        &[step.authenticator_name().unwrap_or(key)],
    );
    let secret = step.shared_secret().unwrap_or_default();
    EnrollPage {
        frame: Frame::new(visit, &heading).with_error(messages.is_negative),
        form: FormView::of(visit, open),
        lead: if key == APP_KEY {
            t.enroll_app_steps
        } else {
            t.enroll_other_lead
        },
        action: Page::EnrollCode(key.to_owned()).href(&open.id),
        qr_code: step
            .qr_code()
            .filter(|url| is_picture(url))
            .map(str::to_owned),
        app_href: step
            .shared_secret()
            .map(|secret| app_href(&visit.app.config.app_name, open.identifier(), secret)),
        secret: groups(secret),
        code_error: messages.error_text(),
        can_skip: outcome.features.can_skip,
        can_choose_another: has_another_way(step.clone().choose_another().ok(), key),
        heading,
        messages,
    }
}

/// Whether a server's picture is one, and nothing that a browser would go and fetch.
fn is_picture(url: &str) -> bool {
    url.starts_with("data:image/png;base64,")
}

/// What apps register for: `otpauth://totp/APP:NAME?secret=…&issuer=APP`.
fn app_href(app: &str, name: &str, secret: &str) -> String {
    let escaped = |text: &str| {
        byte_serialize(text.as_bytes())
            .collect::<String>()
            .replace('+', "%20")
    };
    let (app, name, secret) = (escaped(app), escaped(name), escaped(secret));
    format!("otpauth://totp/{app}:{name}?secret={secret}&issuer={app}")
}

fn groups(secret: &str) -> Vec<String> {
    let letters: Vec<char> = secret.chars().collect();
    letters
        .chunks(GROUP)
        .map(|group| group.iter().collect())
        .collect()
}

/// POST.
pub(crate) async fn submit(visit: Visit, Path(key): Path<String>, form: PostedForm) -> Response {
    submit_code(visit, form, Page::EnrollCode(key), Entry::Login).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_groups_and_stays_whole() {
        assert_eq!(groups("ABCDEFGHIJ"), ["ABCD", "EFGH", "IJ"]);
        assert_eq!(groups(""), Vec::<String>::new());
    }

    #[test]
    fn a_link_to_an_app_holds_what_the_picture_holds() {
        assert_eq!(
            app_href("Acme & Co", "dave+1@example.com", "GEZDGNBV"),
            "otpauth://totp/Acme%20%26%20Co:dave%2B1%40example.com?secret=GEZDGNBV&issuer=Acme%20%26%20Co"
        );
    }

    #[test]
    fn only_pictures_within_the_page_are_shown() {
        assert!(is_picture("data:image/png;base64,iVBOR"));
        for url in [
            "https://evil.example/x.png",
            "data:text/html,x",
            "javascript:1",
            "",
        ] {
            assert!(!is_picture(url), "{url}");
        }
    }
}

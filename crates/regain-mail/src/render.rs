//! A mail becomes sentences: subject, text, HTML.

use askama::Template;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regain_types::Timestamp;

use crate::plain::one_line;
use crate::sentences::Sentences;
use crate::{Brand, ChangeNotice, CodeMail, Language, Mail, browser};

/// The sentences of one mail.
#[derive(Clone)]
pub struct Rendered {
    /// One line, never with a code (M-05).
    pub subject: String,
    /// The text part, lines ending in LF. A code stands alone on its line.
    pub text: String,
    /// The HTML part: a whole document that loads nothing.
    pub html: String,
    /// What language it is.
    pub language: Language,
}

impl std::fmt::Debug for Rendered {
    /// Without the parts: they hold the code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendered")
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// Writes a mail in a language.
///
/// Every value is made fit for the part it goes into (M-05): one line without hidden characters in
/// the text, escaped in the HTML. The subject is not repaired: [`crate::compose`] refuses one that
/// does not fit a header.
#[must_use]
pub fn render(mail: &Mail, brand: &Brand, language: Language) -> Rendered {
    let frame = Frame::new(brand, language);
    let mut rendered = match mail {
        Mail::AuthenticatorAdded {
            authenticator,
            notice,
        } => change_mail(notice, Change::AuthenticatorAdded(authenticator), &frame),
        Mail::PasswordChanged(notice) => change_mail(notice, Change::Password, &frame),
        Mail::RecoveryCode(code) => code_mail(code, Purpose::Recovery, &frame),
        Mail::SignInCode(code) => code_mail(code, Purpose::SignIn, &frame),
    };
    if let Some(templates) = &brand.templates {
        templates.apply(mail, &frame, &mut rendered);
    }
    rendered
}

/// What every mail has around its content.
pub(crate) struct Frame {
    pub(crate) language: Language,
    pub(crate) say: &'static Sentences,
    /// What to do with the code, in English, under a mail in another language.
    english: Option<&'static str>,
    org_raw: String,
    pub(crate) org: String,
    pub(crate) automatic: String,
    pub(crate) support_url: Option<String>,
}

impl Frame {
    pub(crate) fn new(brand: &Brand, language: Language) -> Self {
        let say = Sentences::of(language);
        let org = one_line(&brand.org_name);
        Self {
            language,
            say,
            english: (language != Language::En)
                .then(|| Sentences::of(Language::En).enter_this_code),
            org_raw: brand.org_name.clone(),
            automatic: (say.automatic)(&org),
            org,
            support_url: brand.safe_support_url().map(str::to_owned),
        }
    }

    /// Help as people read it: without the scheme of mail addresses.
    pub(crate) fn support_shown(&self) -> Option<&str> {
        let url = self.support_url.as_deref()?;
        Some(url.strip_prefix("mailto:").unwrap_or(url))
    }
}

#[derive(Template)]
#[template(path = "code/body.txt")]
struct CodeText<'a> {
    frame: &'a Frame,
    content: &'a CodeContent,
}

#[derive(Template)]
#[template(path = "code/body.html")]
struct CodeHtml<'a> {
    frame: &'a Frame,
    content: &'a CodeContent,
}

/// What a code is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Recovery,
    SignIn,
}

pub(crate) struct CodeContent {
    pub(crate) heading: &'static str,
    pub(crate) not_you: String,
    pub(crate) code: String,
    pub(crate) identifier: String,
    pub(crate) app: String,
    pub(crate) intro: String,
    pub(crate) code_lives: String,
    pub(crate) word: Option<String>,
    pub(crate) request_word: Option<String>,
    pub(crate) link: Option<String>,
    pub(crate) autofill: Option<String>,
}

impl CodeContent {
    pub(crate) fn new(mail: &CodeMail, purpose: Purpose, frame: &Frame) -> Self {
        let say = frame.say;
        let code = mail.code.expose().clone();
        let (identifier, app) = (one_line(&mail.identifier), one_line(&mail.app_label));
        let word = mail
            .request_word
            .as_deref()
            .map(one_line)
            .filter(|word| !word.is_empty());
        let host = mail.autofill_host.as_deref().filter(|host| is_host(host));
        let (heading, intro, not_you) = match purpose {
            Purpose::Recovery => (
                say.recovery_heading,
                (say.recovery_intro)(&identifier, &app),
                say.recovery_not_you.to_owned(),
            ),
            Purpose::SignIn => (
                say.sign_in_heading,
                (say.sign_in_intro)(&identifier, &app),
                if mail.after_password {
                    (say.sign_in_not_you)(&app)
                } else {
                    say.sign_in_by_name.to_owned()
                },
            ),
        };
        Self {
            heading,
            intro,
            not_you,
            code_lives: (say.code_lives)(mail.minutes),
            request_word: word.as_deref().map(say.request_word),
            link: mail
                .link
                .as_ref()
                .map(|link| link.expose().clone())
                .filter(|link| is_link(link)),
            autofill: host.map(|host| format!("@{host} #{code}")),
            code,
            identifier,
            app,
            word,
        }
    }

    /// Codes of more than eight digits get smaller type, so that they fit a narrow phone.
    fn is_long(&self) -> bool {
        self.code.len() > 8
    }
}

fn code_mail(mail: &CodeMail, purpose: Purpose, frame: &Frame) -> Rendered {
    let say = frame.say;
    let content = CodeContent::new(mail, purpose, frame);
    let subject = match purpose {
        Purpose::Recovery => (say.recovery_subject)(&frame.org_raw),
        Purpose::SignIn => (say.sign_in_subject)(&frame.org_raw),
    };
    let subject = match &mail.request_word {
        Some(word) if !word.is_empty() => (say.with_request_word)(&subject, word),
        _ => subject,
    };
    let text = CodeText {
        frame,
        content: &content,
    }
    .render();
    let html = CodeHtml {
        frame,
        content: &content,
    }
    .render();
    finish(subject, text, html, frame.language)
}

#[derive(Template)]
#[template(path = "change/body.txt")]
struct ChangedText<'a> {
    frame: &'a Frame,
    content: &'a ChangedContent,
}

#[derive(Template)]
#[template(path = "change/body.html")]
struct ChangedHtml<'a> {
    frame: &'a Frame,
    content: &'a ChangedContent,
}

/// What was changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    AuthenticatorAdded(&'a str),
    Password,
}

pub(crate) struct ChangedContent {
    pub(crate) heading: &'static str,
    /// What was added, if that is the change.
    pub(crate) authenticator: Option<String>,
    pub(crate) identifier: String,
    pub(crate) app: String,
    pub(crate) when: String,
    pub(crate) browser: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) intro: String,
    pub(crate) not_you: String,
    /// Label and value of what is known about the change.
    pub(crate) rows: Vec<(&'static str, String)>,
}

impl ChangedContent {
    pub(crate) fn new(changed: &ChangeNotice, change: Change<'_>, frame: &Frame) -> Self {
        let say = frame.say;
        let (identifier, app) = (one_line(&changed.identifier), one_line(&changed.app_label));
        let when = (say.when)(utc(changed.when));
        let browser = changed.user_agent.as_deref().and_then(browser::describe);
        let address = changed
            .client_address
            .as_deref()
            .and_then(|text| text.parse().ok())
            .map(|ip: std::net::IpAddr| ip.to_canonical().to_string());
        let rows = [
            (say.when_label, Some(when.clone())),
            (say.app_label, Some(app.clone())),
            (say.browser_label, browser.clone()),
            (say.address_label, address.clone()),
        ];
        let authenticator = match change {
            Change::AuthenticatorAdded(name) => Some(one_line(name)),
            Change::Password => None,
        };
        let (heading, intro, not_you) = match &authenticator {
            Some(name) => (
                say.added_heading,
                (say.added_intro)(&identifier, name),
                (say.added_not_you)(&app),
            ),
            None => (
                say.changed_heading,
                (say.changed_intro)(&identifier),
                (say.changed_not_you)(&app),
            ),
        };
        Self {
            heading,
            authenticator,
            intro,
            not_you,
            rows: rows
                .into_iter()
                .filter_map(|(label, value)| Some((label, value?)))
                .collect(),
            identifier,
            app,
            when,
            browser,
            address,
        }
    }
}

fn change_mail(changed: &ChangeNotice, change: Change<'_>, frame: &Frame) -> Rendered {
    let say = frame.say;
    let content = ChangedContent::new(changed, change, frame);
    let subject = match change {
        Change::AuthenticatorAdded(_) => (say.added_subject)(&frame.org_raw),
        Change::Password => (say.changed_subject)(&frame.org_raw),
    };
    let text = ChangedText {
        frame,
        content: &content,
    }
    .render();
    let html = ChangedHtml {
        frame,
        content: &content,
    }
    .render();
    finish(subject, text, html, frame.language)
}

fn finish(
    subject: String,
    text: askama::Result<String>,
    html: askama::Result<String>,
    language: Language,
) -> Rendered {
    // Templates fail only when a value's own `Display` does; ours are strings.
    debug_assert!(text.is_ok() && html.is_ok(), "templates of strings render");
    Rendered {
        subject,
        text: text.unwrap_or_default(),
        html: html.unwrap_or_default(),
        language,
    }
}

pub(crate) fn utc(time: Timestamp) -> DateTime {
    let known = jiff::Timestamp::from_millisecond(time.as_millis());
    TimeZone::UTC.to_datetime(known.unwrap_or(jiff::Timestamp::MAX))
}

/// An address that no mail program takes for two.
fn is_link(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A host name as autofill knows it: no port, no path.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

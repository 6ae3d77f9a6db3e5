//! Tries a template with what a person could be called, at the start and not when a mail is due.

use regain_types::Secret;

use super::{TemplateProblem, Templates, context};
use crate::render::Frame;
use crate::{Brand, ChangeNotice, CodeMail, Language, Mail};

/// A value that nobody wants to see where it means something.
const CANARY: &str = "canary<i>\"'&x";
/// How the canary begins in every part.
const CANARY_HEAD: &str = "canary";
const CODE: &str = "918273";
const LINK: &str = "https://id.example/email/verify/app?token=918";
const SUBJECT_CHARS_MAX: usize = 250;

/// Tries one template in every language that it can be rendered in.
pub(super) fn run(
    templates: &Templates,
    name: &str,
    problems: &mut Vec<TemplateProblem>,
    warnings: &mut Vec<TemplateProblem>,
) {
    let parts: Vec<&str> = name.split('/').collect();
    let (Some(mail), Some(part)) = (parts.first(), parts.last()) else {
        return;
    };
    let own = parts.get(1).and_then(|tag| Language::from_tag(tag));
    let languages = own.map_or(Language::ALL.to_vec(), |language| vec![language]);
    for language in languages {
        for (mail, brand) in trials(mail) {
            let frame = Frame::new(&brand, language);
            let told = problems.len();
            match templates.render(name, &context(&mail, &frame)) {
                Err(error) => problems.push(templates.problem_of(name, &error)),
                Ok(text) => {
                    let file = templates.directory.join(name);
                    let said = |message: String| super::problem(file.clone(), message);
                    problems.extend(broken(&mail, part, &text).map(said));
                    let unusual = unusual(&mail, part, &text, language).map(said);
                    warnings.extend(unusual.filter(|new| !warnings.contains(new)));
                }
            }
            // One problem of a template is enough: the others follow from it.
            if problems.len() > told {
                return;
            }
        }
    }
}

/// A mail with everything that can be in it, and one with nothing that can be missing.
fn trials(name: &str) -> Vec<(Mail, Brand)> {
    let brand = |support_url| Brand {
        org_name: CANARY.to_owned(),
        support_url,
        ..Brand::default()
    };
    let full = brand(Some("https://support.example/help".to_owned()));
    let bare = brand(None);
    let code = |full: bool| CodeMail {
        code: Secret::new(CODE.to_owned()),
        app_label: CANARY.to_owned(),
        identifier: CANARY.to_owned(),
        request_word: full.then(|| CANARY.to_owned()),
        link: full.then(|| Secret::new(LINK.to_owned())),
        autofill_host: full.then(|| "app.example".to_owned()),
        ..CodeMail::sample()
    };
    let notice = |full: bool| {
        let sample = ChangeNotice::sample();
        ChangeNotice {
            app_label: CANARY.to_owned(),
            identifier: CANARY.to_owned(),
            client_address: sample.client_address.filter(|_| full),
            user_agent: sample.user_agent.filter(|_| full),
            ..sample
        }
    };
    let added = |full: bool| Mail::AuthenticatorAdded {
        authenticator: CANARY.to_owned(),
        notice: notice(full),
    };
    let changed = |full: bool| Mail::PasswordChanged(notice(full));
    match name {
        "authenticator_added" => vec![(added(true), full), (added(false), bare)],
        "recovery_code" => vec![
            (Mail::RecoveryCode(code(true)), full),
            (Mail::RecoveryCode(code(false)), bare),
        ],
        "sign_in_code" => vec![
            (Mail::SignInCode(code(true)), full),
            (Mail::SignInCode(code(false)), bare),
        ],
        _ => vec![(changed(true), full), (changed(false), bare)],
    }
}

/// Why a mail must not leave like this.
fn broken(mail: &Mail, part: &str, text: &str) -> Option<String> {
    let holds_code = mail.code().is_some();
    match part {
        "subject.txt" => {
            let subject = text.trim();
            if subject.is_empty() || subject.lines().count() > 1 {
                Some("must be one line".to_owned())
            } else if subject.chars().count() > SUBJECT_CHARS_MAX {
                Some(format!("must be at most {SUBJECT_CHARS_MAX} characters long"))
            } else if subject.contains(CODE) {
                Some("must not hold the code: subjects are shown on locked screens (M-05)".to_owned())
            } else {
                None
            }
        }
        "body.txt" if holds_code && !text.lines().any(|line| line == CODE) => Some(
            "must hold the code alone on a line, as {{ code }}: people and programs look for it there (M-06)"
                .to_owned(),
        ),
        "body.html" => {
            if holds_code && !text.contains(CODE) {
                return Some("must hold the code in one piece, as {{ code }}".to_owned());
            }
            out_of_place(text)
        }
        _ => None,
    }
}

/// Values where an escaped text means something all the same.
fn out_of_place(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    if lower.contains("<script") {
        return Some("must hold no script: mail programs remove the mail or the script".to_owned());
    }
    for (at, _) in lower.match_indices(CANARY_HEAD) {
        let before = lower.get(..at).unwrap_or_default();
        let tag = before
            .rfind('<')
            .map_or("", |open| before.get(open..).unwrap_or_default());
        let in_tag = !tag.is_empty() && !tag.contains('>');
        let in_style = before.rfind("<style") > before.rfind("</style");
        if in_style {
            return Some("writes a value into a style sheet: leave it to text".to_owned());
        }
        if !in_tag {
            continue;
        }
        let quoted = tag.matches('"').count() % 2 == 1 || tag.matches('\'').count() % 2 == 1;
        if !quoted {
            return Some("writes a value into a tag without quotes: put it in quotes".to_owned());
        }
        let attribute = tag
            .rsplit(['"', '\''])
            .nth(1)
            .unwrap_or_default()
            .trim_end();
        let acts = attribute
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default();
        let harmless = ["alt=", "title=", "aria-label=", "lang=", "content="];
        if !harmless.contains(&acts) {
            return Some(format!(
                "writes a value into {acts:?}: only alt, title and aria-label take values; a link takes support_url"
            ));
        }
    }
    None
}

/// What works and surprises.
fn unusual(mail: &Mail, part: &str, text: &str, language: Language) -> Option<String> {
    if !part.starts_with("body.") {
        return None;
    }
    look_of_html(mail, text, language)
        .filter(|_| part == "body.html")
        .or_else(|| {
            let has_link = mail.code().is_some_and(|code| code.link.is_some());
            (has_link && !text.contains(LINK)).then(|| {
                "leaves out {{ link }}: where an app has an email_verification_uri, its pages wait for the link in the mail"
                    .to_owned()
            })
        })
}

fn look_of_html(mail: &Mail, text: &str, language: Language) -> Option<String> {
    if ["src=\"http", "src='http", "url(http"]
        .iter()
        .any(|outside| text.contains(outside))
    {
        return Some(
            "loads something from elsewhere: mail programs ask first, and the owner of the server sees who reads the mail (M-04)"
                .to_owned(),
        );
    }
    let frame = Frame::new(&Brand::default(), language);
    let shape = format!("{} <b>{CODE}</b>", frame.say.enter_this_code);
    let english = format!(
        "{} <b>{CODE}</b>",
        Frame::new(&Brand::default(), Language::En)
            .say
            .enter_this_code
    );
    let missing = mail.code().is_some()
        && !text.to_lowercase().contains(&shape.to_lowercase())
        && !text.to_lowercase().contains(&english.to_lowercase());
    missing.then(|| {
        "has no line like `Enter this code: <b>{{ code }}</b>`: tests that were written for the vendor's mails look for it"
            .to_owned()
    })
}

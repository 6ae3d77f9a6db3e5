//! Every mail in every language.

use regain_mail::{CodeMail, Language, Mail, Rendered, render};
use regain_types::Secret;

use crate::fixtures::brand;

fn every_mail() -> Vec<(String, Mail, Rendered)> {
    let mut all = Vec::new();
    for mail in Mail::samples() {
        let name = match mail {
            Mail::AuthenticatorAdded { .. } => "authenticator_added",
            Mail::PasswordChanged(_) => "password_changed",
            Mail::RecoveryCode(_) => "recovery_code",
            Mail::SignInCode(_) => "sign_in_code",
        };
        for language in Language::ALL {
            let rendered = render(&mail, &brand(), language);
            all.push((format!("{name}.{}", language.tag()), mail.clone(), rendered));
        }
    }
    all
}

#[test]
fn every_mail_reads_as_it_did() {
    for (name, _, rendered) in every_mail() {
        let whole = format!(
            "{}\n\n{}\n\n{}",
            rendered.subject, rendered.text, rendered.html
        );
        insta::assert_snapshot!(name, whole);
    }
}

#[test]
fn the_code_stands_alone_and_contiguous_and_never_in_the_subject() {
    for (name, mail, rendered) in every_mail() {
        if mail.code().is_none() {
            continue;
        }
        let alone = rendered
            .text
            .lines()
            .filter(|line| *line == "123456")
            .count();
        assert_eq!(alone, 1, "{name}");
        assert_eq!(
            rendered.text.lines().last(),
            Some("@app.example #123456"),
            "{name}"
        );
        assert!(
            rendered.html.contains("enter this code: <b>123456</b>"),
            "{name}"
        );
        assert!(rendered.html.contains(">123456</td>"), "{name}");
        assert!(!rendered.subject.contains("123456"), "{name}");
    }
}

#[test]
fn codes_of_every_length_keep_their_form() {
    for code in ["000000", "12345678", "123456789012"] {
        let mail = CodeMail {
            code: Secret::new(code.to_owned()),
            ..CodeMail::sample()
        };
        let rendered = render(&Mail::RecoveryCode(mail), &brand(), Language::En);
        assert!(rendered.text.lines().any(|line| line == code));
        assert!(
            rendered
                .html
                .contains(&format!("enter this code: <b>{code}</b>"))
        );
    }
}

#[test]
fn nothing_is_loaded_and_nothing_acts() {
    for (name, mail, rendered) in every_mail() {
        let html = &rendered.html;
        for forbidden in [
            "<img",
            "src=",
            "url(",
            "@import",
            "<link",
            "<script",
            "<form",
            "<iframe",
            "background=",
        ] {
            assert!(!html.contains(forbidden), "{name}: {forbidden}");
        }
        // The addresses there are: the help page, and the link of a mail with a code.
        let mut rest = html.replace("href=\"https://example.com/help\"", "");
        rest = rest.replace(">https://example.com/help<", "");
        assert!(rest.len() < html.len(), "{name}");
        if let Some(link) = mail.code().and_then(|code| code.link.as_ref()) {
            let link = link.expose();
            let href = format!("<a id=\"email-authentication-button\" href=\"{link}\"");
            assert_eq!(rest.matches(&href).count(), 1, "{name}");
            rest = rest.replace(&href, "");
        }
        assert_eq!(rest.matches("href=").count(), 0, "{name}");
        assert_eq!(rest.matches("://").count(), 0, "{name}");
    }
}

#[test]
fn mails_follow_light_and_dark() {
    for (name, _, rendered) in every_mail() {
        assert!(
            rendered
                .html
                .contains(r#"<meta name="color-scheme" content="light dark">"#),
            "{name}"
        );
        assert!(
            rendered
                .html
                .contains("@media (prefers-color-scheme: dark)"),
            "{name}"
        );
        assert!(
            rendered
                .html
                .contains(&format!("<html lang=\"{}\">", rendered.language.tag()))
        );
    }
}

#[test]
fn the_notice_holds_no_code_and_says_when_and_where() {
    for (name, mail, rendered) in every_mail() {
        if mail.code().is_some() {
            continue;
        }
        assert!(rendered.text.contains("2026"), "{name}");
        assert!(rendered.text.contains("203.0.113.7"), "{name}");
        assert!(rendered.text.contains("Firefox, Linux"), "{name}");
        let digits = |line: &str| line.len() >= 6 && line.bytes().all(|b| b.is_ascii_digit());
        assert!(!rendered.text.lines().any(digits), "{name}");
    }
}

#[test]
fn one_minute_is_one_minute() {
    let sample = CodeMail {
        minutes: 1,
        ..CodeMail::sample()
    };
    let mail = Mail::RecoveryCode(sample);
    assert!(
        render(&mail, &brand(), Language::En)
            .text
            .contains("within 1 minute.")
    );
    assert!(
        render(&mail, &brand(), Language::De)
            .text
            .contains("binnen 1 Minute.")
    );
}

#[test]
fn what_is_missing_leaves_no_gap() {
    let bare = CodeMail {
        request_word: None,
        autofill_host: None,
        ..CodeMail::sample()
    };
    let rendered = render(&Mail::RecoveryCode(bare), &brand(), Language::En);
    assert_eq!(rendered.subject, "Reset your password for Example");
    assert!(!rendered.text.contains("request"));
    assert!(!rendered.text.contains('#'));
    assert!(!rendered.text.contains("\n\n\n"), "{}", rendered.text);
}

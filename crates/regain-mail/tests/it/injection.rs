//! No value from outside changes the shape of a mail (M-05, T-M3).

use proptest::prelude::*;
use regain_mail::{Brand, ChangeNotice, CodeMail, Language, Mail, MailError, compose, render};
use regain_types::{Secret, Timestamp};

use crate::fixtures::{HEADERS, envelope, seen_by_mail_parser, seen_by_mailparse};

const TAGS: [&str; 15] = [
    "html", "head", "meta", "title", "style", "body", "table", "tr", "td", "p", "h1", "a", "b",
    "br", "div",
];

/// Text that has broken mails before, mixed with anything else.
fn hostile() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        Just("\r\nBcc: mallory@evil.example\r\n".to_owned()),
        Just("\n\n999999\n".to_owned()),
        Just("\u{2028}999999\u{2029}".to_owned()),
        Just("<script>alert(1)</script>".to_owned()),
        Just("\"><img src=https://evil.example/x>".to_owned()),
        Just("</p><a id=\"email-authentication-button\" href=\"https://evil.example\">".to_owned()),
        Just("{{ code }}{% endblock %}".to_owned()),
        Just("=?utf-8?q?=0D=0ABcc:_mallory@evil.example?=".to_owned()),
        Just("\r\n--=_out1--\r\n".to_owned()),
        Just("\r\n.\r\nMAIL FROM:<mallory@evil.example>\r\n".to_owned()),
        Just("\u{202e}\u{200b}\u{feff}".to_owned()),
        Just("日本語 Bücher".to_owned()),
        any::<String>(),
        "[ -~]{0,40}",
    ];
    prop::collection::vec(fragment, 0..4).prop_map(|fragments| fragments.concat())
}

fn brand() -> impl Strategy<Value = Brand> {
    (hostile(), prop::option::of(hostile())).prop_map(|(org_name, support_url)| Brand {
        org_name,
        support_url,
        ..Brand::default()
    })
}

fn recovery() -> impl Strategy<Value = Mail> {
    (
        hostile(),
        hostile(),
        prop::option::of(hostile()),
        prop::option::of(hostile()),
        any::<u32>(),
    )
        .prop_map(
            |(app_label, identifier, request_word, autofill_host, minutes)| {
                Mail::RecoveryCode(CodeMail {
                    code: Secret::new("424242".to_owned()),
                    minutes,
                    app_label,
                    identifier,
                    after_password: true,
                    request_word,
                    link: None,
                    autofill_host,
                })
            },
        )
}

fn changed() -> impl Strategy<Value = Mail> {
    (
        hostile(),
        hostile(),
        prop::option::of(hostile()),
        prop::option::of(hostile()),
        any::<i64>(),
    )
        .prop_map(
            |(app_label, identifier, client_address, user_agent, when)| {
                Mail::PasswordChanged(ChangeNotice {
                    when: Timestamp::from_millis(when),
                    app_label,
                    identifier,
                    client_address,
                    user_agent,
                })
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn hostile_values_stay_values(
        mail in prop_oneof![recovery(), changed()],
        brand in brand(),
        language in prop::sample::select(Language::ALL.to_vec()),
    ) {
        let rendered = render(&mail, &brand, language);
        let message = match compose(&envelope("out1", "alice@example.com"), &rendered) {
            Ok(message) => message,
            // The one part that is refused instead of repaired.
            Err(error) => {
                prop_assert_eq!(error, MailError::Subject);
                return Ok(());
            }
        };

        let seen = seen_by_mail_parser(message.raw());
        for seen in [&seen, &seen_by_mailparse(message.raw())] {
            prop_assert_eq!(&seen.header_names, &HEADERS);
            prop_assert_eq!(words(&seen.subject), words(&rendered.subject));
            prop_assert_eq!(&seen.to, &["alice@example.com"]);
            prop_assert_eq!(&seen.from, &["no-reply@example.com"]);
            let kinds: Vec<_> = seen.parts.iter().map(|(kind, _)| kind.as_str()).collect();
            prop_assert_eq!(kinds, ["text/plain", "text/html"]);
        }

        let digits = |line: &&str| line.trim().len() >= 6 && line.trim().bytes().all(|b| b.is_ascii_digit());
        let codes: Vec<_> = rendered.text.lines().filter(digits).collect();
        let wanted: &[&str] = if mail.code().is_some() { &["424242"] } else { &[] };
        prop_assert_eq!(codes, wanted);
        only_our_markup(&rendered.html)?;
    }
}

/// Folding may change white space.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn only_our_markup(html: &str) -> Result<(), TestCaseError> {
    for tag in html.split('<').skip(1) {
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        prop_assert!(
            tag.starts_with("!doctype") || TAGS.contains(&name.as_str()),
            "<{}",
            tag
        );
    }
    // Help, at most.
    prop_assert!(html.matches("<a ").count() <= 1);
    prop_assert!(!html.contains("email-authentication-button\" href"));
    Ok(())
}

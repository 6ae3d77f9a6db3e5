//! What goes over the wire (M-04 to M-06).

use regain_mail::{Brand, CodeMail, Language, Mail, MailError, Sender, compose, render};
use regain_types::Timestamp;

use crate::fixtures::{brand, envelope, recovery_message, seen_by_mailparse};

/// Longest line that a mail may have, without CRLF. Source: RFC 5322 §2.1.1.
const LINE_BYTES_MAX: usize = 998;

#[test]
fn headers_say_that_no_person_wrote_it() {
    let message = recovery_message("out1", "alice@example.com");
    let raw = String::from_utf8(message.raw().to_vec()).unwrap();
    let (head, _) = raw.split_once("\r\n\r\n").unwrap();
    insta::assert_snapshot!("headers", head.replace("\r\n", "\n"));
}

#[test]
fn lines_are_short_end_in_crlf_and_hold_ascii_only() {
    for language in Language::ALL {
        let brand = Brand {
            org_name: "ä".repeat(200),
            support_url: None,
            ..Brand::default()
        };
        let mail = Mail::RecoveryCode(CodeMail {
            app_label: "x".repeat(5_000),
            identifier: "y".repeat(5_000),
            ..CodeMail::sample()
        });
        let message = compose(
            &envelope("out1", "alice@example.com"),
            &render(&mail, &brand, language),
        )
        .unwrap();
        for line in message.raw().split(|b| *b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or_else(|| {
                assert!(line.is_empty(), "a bare LF");
                line
            });
            assert!(line.len() <= LINE_BYTES_MAX, "{} bytes", line.len());
            assert!(line.is_ascii() && !line.contains(&b'\r'));
        }
    }
}

#[test]
fn the_raw_english_mail_holds_what_scrapers_look_for() {
    let raw = recovery_message("out1", "alice@example.com").raw().to_vec();
    let raw = String::from_utf8(raw).unwrap();
    assert!(raw.contains("enter this code: <b>123456</b>"));
    assert!(raw.contains("\r\n123456\r\n"));
}

#[test]
fn a_mail_composed_twice_has_the_same_bytes() {
    let message = recovery_message("out1", "alice@example.com");
    assert_eq!(
        message.raw(),
        recovery_message("out1", "alice@example.com").raw()
    );
    assert_ne!(
        message.raw(),
        recovery_message("out2", "alice@example.com").raw()
    );
}

#[test]
fn domains_travel_as_a_labels() {
    let message = recovery_message("out1", "alice@B\u{fc}cher.example");
    assert_eq!(message.to(), "alice@xn--bcher-kva.example");
    assert_eq!(
        seen_by_mailparse(message.raw()).to,
        ["alice@xn--bcher-kva.example"]
    );
}

#[test]
fn the_message_id_takes_names_and_addresses() {
    let rendered = render(
        &Mail::RecoveryCode(CodeMail::sample()),
        &brand(),
        Language::En,
    );
    for (host, id) in [
        ("localhost", "out1@localhost"),
        ("127.0.0.1", "out1@127.0.0.1"),
        ("[::1]", "out1@[IPv6:::1]"),
        ("::1", "out1@[IPv6:::1]"),
    ] {
        let mut envelope = envelope("out1", "alice@example.com");
        host.clone_into(&mut envelope.message_id_host);
        let message = compose(&envelope, &rendered).unwrap();
        let seen = mail_parser::MessageParser::default()
            .parse(message.raw())
            .unwrap();
        assert_eq!(seen.message_id(), Some(id));
    }
}

#[test]
fn names_beyond_ascii_survive() {
    let rendered = render(
        &Mail::RecoveryCode(CodeMail::sample()),
        &brand(),
        Language::En,
    );
    let mut envelope = envelope("out1", "alice@example.com");
    envelope.from = Sender::new("Bücher \"& Söhne\", 東京", "no-reply@example.com").unwrap();
    let message = compose(&envelope, &rendered).unwrap();
    let seen = mail_parser::MessageParser::default()
        .parse(message.raw())
        .unwrap();
    let name = seen.from().unwrap().first().unwrap().name().unwrap();
    assert_eq!(name, "Bücher \"& Söhne\", 東京");
}

#[test]
fn recipients_that_are_not_one_address_are_refused() {
    let rendered = render(
        &Mail::RecoveryCode(CodeMail::sample()),
        &brand(),
        Language::En,
    );
    for to in [
        "",
        "alice",
        "a@x.example,b@y.example",
        "a@x.example b@y.example",
        "A <a@x.example>",
        "a@x.example\r\nBcc: b@y.example",
        "\"a b\"@x.example",
        "a(b)@x.example",
        "a@",
        "@x.example",
        "a@b@x.example",
        "a@[127.0.0.1]",
        "a@x.example;",
        "group:a@x.example;",
    ] {
        let refused = compose(&envelope("out1", to), &rendered).map(|_| ());
        assert_eq!(refused, Err(MailError::Recipient), "{to:?}");
    }
}

#[test]
fn senders_are_read_or_refused() {
    for (text, address) in [
        ("Example <no-reply@example.com>", "no-reply@example.com"),
        (
            "\"Example, Inc.\" <no-reply@example.com>",
            "no-reply@example.com",
        ),
        ("no-reply@example.com", "no-reply@example.com"),
        ("<no-reply@example.com>", "no-reply@example.com"),
    ] {
        assert_eq!(text.parse::<Sender>().unwrap().address(), address);
    }
    for text in [
        "",
        "Example",
        "Ex\r\nBcc: b@y.example <a@x.example>",
        "A <a@x.example, b@y.example>",
    ] {
        assert_eq!(text.parse::<Sender>(), Err(MailError::Sender), "{text:?}");
    }
}

#[test]
fn headers_that_would_break_are_refused() {
    let mut rendered = render(
        &Mail::RecoveryCode(CodeMail::sample()),
        &brand(),
        Language::En,
    );
    let good = envelope("out1", "alice@example.com");

    let mut bad_host = good.clone();
    bad_host.message_id_host = "x>\r\nBcc: b@y.example".to_owned();
    assert_eq!(
        compose(&bad_host, &rendered).map(|_| ()),
        Err(MailError::MessageIdHost)
    );

    let mut bad_date = good.clone();
    bad_date.date = Timestamp::from_millis(-1);
    assert_eq!(
        compose(&bad_date, &rendered).map(|_| ()),
        Err(MailError::Date)
    );
    bad_date.date = Timestamp::from_millis(i64::MAX);
    assert_eq!(
        compose(&bad_date, &rendered).map(|_| ()),
        Err(MailError::Date)
    );

    for subject in [
        "a\r\nBcc: b@y.example",
        "a\nb",
        "a\rb",
        "a\0b",
        &"x".repeat(251),
    ] {
        subject.clone_into(&mut rendered.subject);
        assert_eq!(
            compose(&good, &rendered).map(|_| ()),
            Err(MailError::Subject),
            "{subject:?}"
        );
    }
}

#[test]
fn debug_shows_neither_code_nor_address() {
    let mail = Mail::RecoveryCode(CodeMail::sample());
    let rendered = render(&mail, &brand(), Language::En);
    let message = recovery_message("out1", "alice@example.com");
    for shown in [format!("{rendered:?}"), format!("{message:?}")] {
        assert!(
            !shown.contains("123456") && !shown.contains("alice"),
            "{shown}"
        );
    }
    assert!(!format!("{mail:?}").contains("123456"));
}

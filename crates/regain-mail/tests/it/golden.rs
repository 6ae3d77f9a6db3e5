//! T-M4: every mail in every language, as it goes over the wire and as two parsers read it (M-04,
//! M-06).

use std::collections::BTreeMap;

use mailparse::MailHeaderMap as _;
use regain_mail::{CodeMail, Language, Mail, Message, Rendered, Sender, compose, render};
use regain_types::Secret;

use crate::fixtures::{HEADERS, brand, envelope, seen_by_mail_parser, seen_by_mailparse};

/// Longest line of a mail, in octets, without CRLF. Source: RFC 5322 §2.1.1.
const LINE_OCTETS_MAX: usize = 998;

/// A mail that may be sent, with what it must say.
struct Golden {
    name: String,
    language: Language,
    /// As it is stored, and as it goes over the wire.
    to: (&'static str, &'static str),
    rendered: Rendered,
    code: Option<String>,
    message: Message,
}

/// Every mail in every language to addresses of every kind, with short and long codes.
fn every_mail() -> Vec<Golden> {
    let addresses = [
        ("alice@example.com", "alice@example.com"),
        ("ines@b\u{fc}cher.example", "ines@xn--bcher-kva.example"),
        ("j\u{f6}rg@example.com", "j\u{f6}rg@example.com"),
        (
            "\u{5c71}\u{7530}@\u{4f8b}\u{3048}.jp",
            "\u{5c71}\u{7530}@xn--r8jz45g.jp",
        ),
    ];
    let mut all = Vec::new();
    for mail in every_content() {
        for language in Language::ALL {
            for to in addresses {
                let rendered = render(&mail, &brand(), language);
                let mut envelope = envelope("out1", to.0);
                envelope.from = Sender::new("B\u{fc}cher, Inc.", "no-reply@example.com").unwrap();
                let message = compose(&envelope, &rendered).unwrap();
                let code = mail.code().map(|code| code.code.expose().clone());
                all.push(Golden {
                    name: format!("{}.{} to {}", mail.name(), language.tag(), to.0),
                    language,
                    to,
                    rendered,
                    code,
                    message,
                });
            }
        }
    }
    all
}

fn every_content() -> Vec<Mail> {
    let mut contents = Mail::samples();
    contents.push(Mail::RecoveryCode(CodeMail {
        code: Secret::new("000123456789".to_owned()),
        app_label: "\u{7a93}\u{53e3} \u{1f511}".to_owned(),
        request_word: None,
        autofill_host: None,
        ..CodeMail::sample()
    }));
    contents
}

/// Header names in lower case and decoded values, by one parser.
fn headers_by_mailparse(raw: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for header in mailparse::parse_mail(raw).unwrap().headers {
        let values = all.entry(header.get_key().to_ascii_lowercase());
        values.or_default().push(header.get_value());
    }
    all
}

/// The same by the other.
fn headers_by_mail_parser(raw: &[u8]) -> BTreeMap<String, Vec<String>> {
    let message = mail_parser::MessageParser::default().parse(raw).unwrap();
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in message.headers_raw() {
        let values = all.entry(name.to_ascii_lowercase());
        values.or_default().push(value.trim().to_owned());
    }
    all
}

#[test]
fn t_m4_every_mail_has_the_headers_it_must_have_and_no_others() {
    for golden in every_mail() {
        let name = &golden.name;
        let raw = golden.message.raw();
        for headers in [headers_by_mail_parser(raw), headers_by_mailparse(raw)] {
            let names: Vec<&str> = headers.keys().map(String::as_str).collect();
            assert_eq!(names, HEADERS, "{name}");
            assert!(headers.values().all(|values| values.len() == 1), "{name}");
            for (header, value) in [
                ("auto-submitted", "auto-generated"),
                ("x-auto-response-suppress", "All"),
                ("message-id", "<out1@id.example.com>"),
                ("mime-version", "1.0"),
                ("content-language", golden.language.tag()),
                ("to", golden.to.1),
            ] {
                assert_eq!(headers[header], [value], "{name}: {header}");
            }
        }
        assert_eq!(golden.message.to(), golden.to.1, "{name}");
    }
}

#[test]
fn t_m4_every_mail_was_written_at_its_time() {
    for golden in every_mail() {
        let raw = golden.message.raw();
        let message = mailparse::parse_mail(raw).unwrap();
        let date = message.headers.get_first_value("Date").unwrap();
        let second = golden.message.date().as_seconds();
        assert_eq!(mailparse::dateparse(&date).unwrap(), second, "{date}");
        let message = mail_parser::MessageParser::default().parse(raw).unwrap();
        assert_eq!(message.date().unwrap().to_timestamp(), second, "{date}");
    }
}

#[test]
fn t_m4_two_parsers_read_every_mail_alike_and_as_it_was_written() {
    for golden in every_mail() {
        let (name, rendered) = (&golden.name, &golden.rendered);
        let seen = seen_by_mail_parser(golden.message.raw());
        assert_eq!(seen, seen_by_mailparse(golden.message.raw()), "{name}");
        assert_eq!(seen.subject, rendered.subject, "{name}");
        assert_eq!(seen.to, [golden.to.1], "{name}");
        assert_eq!(seen.from, ["no-reply@example.com"], "{name}");
        let parts = [
            ("text/plain".to_owned(), rendered.text.clone()),
            ("text/html".to_owned(), rendered.html.clone()),
        ];
        assert_eq!(seen.parts, parts, "{name}");
        let alone = |line: &&str| line.len() >= 6 && line.bytes().all(|b| b.is_ascii_digit());
        let codes: Vec<&str> = seen.parts[0].1.lines().filter(alone).collect();
        assert_eq!(codes, Vec::from_iter(golden.code.as_deref()), "{name}");
        if let Some(code) = &golden.code {
            assert!(seen.parts[1].1.contains(code), "{name}");
            assert!(!seen.subject.contains(code), "{name}");
        }
    }
}

#[test]
fn t_m4_no_line_is_too_long_and_every_line_ends_as_it_must() {
    for golden in every_mail() {
        let name = &golden.name;
        let text = std::str::from_utf8(golden.message.raw()).unwrap();
        let lines = text
            .strip_suffix("\r\n")
            .expect("the last line ends")
            .split("\r\n");
        for line in lines {
            assert!(line.len() <= LINE_OCTETS_MAX, "{name}: {line}");
            assert!(!line.contains(['\r', '\n', '\0']), "{name}: {line}");
            // An address is what it is; all else is coded.
            let is_address = line == format!("To: {}", golden.to.1);
            assert!(line.is_ascii() || is_address, "{name}: {line}");
        }
    }
}

#[test]
fn t_m4_mails_on_the_wire_are_as_they_were() {
    for golden in every_mail() {
        let (kind, to) = golden.name.split_once(" to ").unwrap();
        let is_sample = golden.code.as_ref().is_none_or(|code| code.len() == 6);
        if to == "alice@example.com" && is_sample {
            let text = std::str::from_utf8(golden.message.raw()).unwrap();
            insta::assert_snapshot!(kind.to_owned(), text.replace("\r\n", "\n"));
        }
    }
}

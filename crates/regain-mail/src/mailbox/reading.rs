//! Reads a message back from its bytes, as a mail program does.
//!
//! What was rendered is not looked at: a mistake in composing must show in the mailbox.

use std::collections::BTreeMap;

use mail_parser::MessageParser;

use super::MailboxMessage;
use crate::Message;

/// Codes have 6 to 12 digits, long ones up to 16 (C-01, G-01).
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 6..=16;

pub(super) fn read(message: &Message) -> MailboxMessage {
    let parsed = MessageParser::default()
        .parse(message.raw())
        .unwrap_or_default();
    let text = parsed
        .body_text(0)
        .map(|text| unix_lines(&text))
        .unwrap_or_default();
    let html = parsed
        .body_html(0)
        .map(|html| unix_lines(&html))
        .unwrap_or_default();
    let decoded = parsed
        .headers_raw()
        .map(|(name, raw)| (name.to_owned(), unfold(raw)));
    let mut headers: BTreeMap<String, String> = decoded.collect();
    let subject = parsed.subject().unwrap_or_default().to_owned();
    if let Some(value) = headers.get_mut("Subject") {
        value.clone_from(&subject);
    }
    MailboxMessage {
        id: message.id().to_string(),
        to: message.to().to_owned(),
        subject,
        code: code_in(&text),
        link: link_in(&html),
        text,
        html,
        headers,
        events: Vec::new(),
    }
}

fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn unfold(raw: &str) -> String {
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first line of nothing but digits.
fn code_in(text: &str) -> Option<String> {
    let is_code =
        |line: &&str| CODE_DIGITS.contains(&line.len()) && line.bytes().all(|b| b.is_ascii_digit());
    text.lines().map(str::trim).find(is_code).map(str::to_owned)
}

/// The `href` of the button, by the mark-up that readers of the vendor's mails look for.
///
/// Source: `idx-wire.md` §6.9; `<a id="email-authentication-button" href="…">`.
fn link_in(html: &str) -> Option<String> {
    let (_, rest) = html.split_once(r#"<a id="email-authentication-button" href=""#)?;
    let (href, _) = rest.split_once('"')?;
    Some(href.replace("&#38;", "&").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_line_of_digits() {
        assert_eq!(
            code_in("Enter 999999 here\n\n 123456 \n\n@a.example #777777"),
            Some("123456".to_owned())
        );
        assert_eq!(code_in("123 456\n12345\n12345678901234567\n"), None);
    }

    #[test]
    fn the_link_is_the_button_s() {
        let html = r#"<a href="https://x.example/help">?</a>
            <a id="email-authentication-button" href="https://x.example/v?a=1&amp;b=2">Go</a>"#;
        assert_eq!(
            link_in(html).as_deref(),
            Some("https://x.example/v?a=1&b=2")
        );
        assert_eq!(link_in(r#"<a href="https://x.example/help">?</a>"#), None);
    }
}

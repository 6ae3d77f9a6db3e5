use std::sync::Arc;
use std::time::Duration;

use regain_mail::{Brand, CodeMail, Envelope, Language, Mail, Message, Sender, compose, render};
use regain_types::{Clock, OutboxId, Timestamp};

/// 2 January 2026, 03:04:05.678 UTC, for ever.
#[derive(Debug)]
pub(crate) struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_678)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(StoppedClock)
}

pub(crate) fn brand() -> Brand {
    Brand {
        org_name: "Example".to_owned(),
        support_url: Some("https://example.com/help".to_owned()),
        ..Brand::default()
    }
}

pub(crate) fn envelope(id: &str, to: &str) -> Envelope {
    Envelope {
        id: OutboxId::parse(id).unwrap(),
        from: "Example <no-reply@example.com>".parse::<Sender>().unwrap(),
        to: to.to_owned(),
        date: StoppedClock.now(),
        message_id_host: "id.example.com".to_owned(),
    }
}

pub(crate) fn recovery_message(id: &str, to: &str) -> Message {
    let mail = Mail::RecoveryCode(CodeMail::sample());
    compose(&envelope(id, to), &render(&mail, &brand(), Language::En)).unwrap()
}

/// The headers of a mail, and no others.
pub(crate) const HEADERS: [&str; 10] = [
    "auto-submitted",
    "content-language",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
    "x-auto-response-suppress",
];

/// What a reader sees of a message, by one parser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Names of all headers of the message, in lower case, sorted.
    pub(crate) header_names: Vec<String>,
    pub(crate) subject: String,
    pub(crate) to: Vec<String>,
    pub(crate) from: Vec<String>,
    /// Type and decoded content of each part, lines ending in LF.
    pub(crate) parts: Vec<(String, String)>,
}

pub(crate) fn seen_by_mail_parser(raw: &[u8]) -> Seen {
    use mail_parser::MimeHeaders as _;
    let message = mail_parser::MessageParser::default().parse(raw).unwrap();
    let addresses = |list: Option<&mail_parser::Address<'_>>| {
        let addresses = list.into_iter().flat_map(mail_parser::Address::iter);
        addresses
            .map(|address| address.address().unwrap().to_owned())
            .collect()
    };
    let mut header_names: Vec<_> = message
        .headers_raw()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    header_names.sort_unstable();
    let texts = message.parts.iter().filter(|part| !part.is_multipart());
    Seen {
        header_names,
        subject: message.subject().unwrap().to_owned(),
        to: addresses(message.to()),
        from: addresses(message.from()),
        parts: texts
            .map(|part| {
                let kind = part.content_type().unwrap();
                let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap());
                (kind, unix(part.text_contents().unwrap()))
            })
            .collect(),
    }
}

pub(crate) fn seen_by_mailparse(raw: &[u8]) -> Seen {
    use mailparse::{MailAddr, MailHeaderMap as _};
    let message = mailparse::parse_mail(raw).unwrap();
    let addresses = |name: &str| {
        let value = message.headers.get_first_header(name).unwrap();
        let parsed = mailparse::addrparse_header(value).unwrap();
        parsed
            .iter()
            .map(|address| match address {
                MailAddr::Single(one) => one.addr.clone(),
                MailAddr::Group(group) => format!("group {}", group.group_name),
            })
            .collect()
    };
    let mut header_names: Vec<_> = message
        .headers
        .iter()
        .map(|header| header.get_key().to_ascii_lowercase())
        .collect();
    header_names.sort_unstable();
    Seen {
        header_names,
        subject: message.headers.get_first_value("Subject").unwrap(),
        to: addresses("To"),
        from: addresses("From"),
        parts: message
            .subparts
            .iter()
            .map(|part| (part.ctype.mimetype.clone(), unix(&part.get_body().unwrap())))
            .collect(),
    }
}

pub(crate) fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

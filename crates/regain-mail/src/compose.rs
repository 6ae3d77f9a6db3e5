//! Sentences become one message: headers, two parts, bytes (M-04 to M-06).

use std::net::Ipv6Addr;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use regain_types::{OutboxId, Timestamp};

use crate::Rendered;

const ADDRESS_BYTES_MAX: usize = 254;
const NAME_CHARS_MAX: usize = 200;
/// Far below 998, the longest line there may be: a subject of one word cannot be folded.
const SUBJECT_CHARS_MAX: usize = 250;
/// 39 bytes are 52 characters of base64: with `=?utf-8?b?`, `?=` and the header's name the line
/// stays below 76.
const ENCODED_WORD_BYTES: usize = 39;

/// Why a message cannot be composed. The text names no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The recipient is no single address.
    #[error("the recipient is not one plain address")]
    Recipient,
    /// The sender is no address, or its name holds line breaks.
    #[error("the sender is not of the form `Name <address>` or `address`")]
    Sender,
    /// The subject is too long, or holds a line break or another control character (M-05).
    #[error("the subject is too long or holds a line break or another control character")]
    Subject,
    /// The host of the `Message-ID` is no host name.
    #[error("the host of the Message-ID is not a plain host name")]
    MessageIdHost,
    /// The date is before 1970 or after 9999.
    #[error("the date is outside of what a mail can carry")]
    Date,
    /// The parts do not fit together.
    #[error("the message cannot be put together")]
    Format,
}

/// Who the mail is from: the `From` header and the envelope's sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    mailbox: Mailbox,
}

impl Sender {
    /// A sender with the name that people see (may be empty) and an address.
    ///
    /// # Errors
    /// [`MailError::Sender`] when either would not fit a header.
    pub fn new(name: &str, address: &str) -> Result<Self, MailError> {
        let name = name.trim();
        if name.chars().any(char::is_control) || name.chars().count() > NAME_CHARS_MAX {
            return Err(MailError::Sender);
        }
        let address = plain_address(address).ok_or(MailError::Sender)?;
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self {
            mailbox: Mailbox::new(name, address),
        })
    }

    /// The bare address.
    #[must_use]
    pub fn address(&self) -> &str {
        self.mailbox.email.as_ref()
    }
}

impl FromStr for Sender {
    type Err = MailError;

    /// Reads `Name <address>`, `"Name" <address>` or `address`.
    fn from_str(text: &str) -> Result<Self, MailError> {
        match text
            .trim()
            .strip_suffix('>')
            .and_then(|text| text.rsplit_once('<'))
        {
            Some((name, address)) => Self::new(name.trim().trim_matches('"'), address),
            None => Self::new("", text.trim()),
        }
    }
}

/// Where a message goes and what tells it apart.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The row of the outbox: `Message-ID` and boundary derive from it, so that a message which
    /// is composed twice has the same bytes.
    pub id: OutboxId,
    /// Who it is from.
    pub from: Sender,
    /// The one recipient: a bare address.
    pub to: String,
    /// The `Date` header.
    pub date: Timestamp,
    /// The host after the `@` of the `Message-ID`: that of the configured public URL, or the
    /// sender's domain; never one from a request.
    pub message_id_host: String,
}

/// A message as it goes over the wire, with its envelope.
#[derive(Clone)]
pub struct Message {
    id: OutboxId,
    date: Timestamp,
    envelope: lettre::address::Envelope,
    raw: Vec<u8>,
}

impl Message {
    /// The row of the outbox that it was composed from.
    #[must_use]
    pub const fn id(&self) -> &OutboxId {
        &self.id
    }

    /// When it was written.
    #[must_use]
    pub const fn date(&self) -> Timestamp {
        self.date
    }

    /// The bytes of headers and body, lines ending in CRLF. They hold the code: never log them.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The recipient's address.
    #[must_use]
    pub fn to(&self) -> &str {
        self.envelope.to().first().map_or("", AsRef::as_ref)
    }

    pub(crate) const fn envelope(&self) -> &lettre::address::Envelope {
        &self.envelope
    }
}

impl std::fmt::Debug for Message {
    /// Its id only: address and content are nobody's business in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Puts one message together.
///
/// Source: RFC 5322 (headers), RFC 2046 §5.1.4 (two parts), RFC 3834 §5 (`Auto-Submitted`).
///
/// # Errors
/// [`MailError`] names the part that does not fit a mail. Nothing is repaired in silence: a line
/// break in a header is refused (M-05).
pub fn compose(envelope: &Envelope, rendered: &Rendered) -> Result<Message, MailError> {
    let subject = &rendered.subject;
    if subject.chars().any(char::is_control) || subject.chars().count() > SUBJECT_CHARS_MAX {
        return Err(MailError::Subject);
    }
    let to = plain_address(&envelope.to).ok_or(MailError::Recipient)?;
    let parts = MultiPart::alternative()
        .boundary(format!("=_{}", envelope.id))
        .singlepart(SinglePart::plain(rendered.text.clone()))
        .singlepart(SinglePart::html(rendered.html.clone()));
    let message = lettre::Message::builder()
        .date(UNIX_EPOCH + since_1970(envelope.date)?)
        .from(envelope.from.mailbox.clone())
        .to(Mailbox::new(None, to))
        .raw_header(subject_header(subject))
        .message_id(Some(message_id(envelope)?))
        .raw_header(text_header("Auto-Submitted", "auto-generated"))
        .raw_header(text_header("X-Auto-Response-Suppress", "All"))
        .raw_header(text_header("Content-Language", rendered.language.tag()))
        .multipart(parts)
        .map_err(|_| MailError::Format)?;
    Ok(Message {
        id: envelope.id.clone(),
        date: envelope.date,
        envelope: message.envelope().clone(),
        raw: message.formatted(),
    })
}

fn text_header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The subject as it stands when it is plain, else as encoded words throughout: mixed with plain
/// words, as the library writes them, white space between two of them gets lost.
///
/// Source: RFC 2047 §2 (at most 76 characters per line) and §5 (whole characters in each word).
fn subject_header(subject: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Subject");
    let spaced = subject
        .split_ascii_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if subject.is_ascii() && !subject.contains("=?") && spaced == subject {
        return HeaderValue::new(name, spaced);
    }
    let mut words = Vec::new();
    let mut rest = subject;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(ENCODED_WORD_BYTES));
        words.push(format!("=?utf-8?b?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    HeaderValue::dangerous_new_pre_encoded(name, subject.to_owned(), words.join("\r\n "))
}

/// `<outbox id@host>`: the same for every attempt, so that a mail which arrives twice is one.
///
/// Source: RFC 5322 §3.6.4; RFC 5321 §4.1.3 for an address in place of a name.
fn message_id(envelope: &Envelope) -> Result<String, MailError> {
    let host = &envelope.message_id_host;
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<Ipv6Addr>() {
        return Ok(format!("<{}@[IPv6:{address}]>", envelope.id));
    }
    let plain = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    if host.is_empty() || host.len() > ADDRESS_BYTES_MAX || !plain {
        return Err(MailError::MessageIdHost);
    }
    Ok(format!("<{}@{host}>", envelope.id))
}

fn since_1970(date: Timestamp) -> Result<Duration, MailError> {
    const YEAR_10000_SECONDS: u64 = 253_402_300_800;
    let millis = u64::try_from(date.as_millis()).map_err(|_| MailError::Date)?;
    let since = Duration::from_millis(millis);
    if since.as_secs() < YEAR_10000_SECONDS {
        Ok(since)
    } else {
        Err(MailError::Date)
    }
}

/// One address without comments, quotes, lists or routes (N-03), its domain as an A-label so that
/// only a local part beyond ASCII needs a relay with SMTPUTF8.
fn plain_address(text: &str) -> Option<Address> {
    let (local, domain) = text.rsplit_once('@')?;
    let forbidden = |c: char| {
        c.is_control()
            || c.is_whitespace()
            || matches!(
                c,
                ',' | ';' | ':' | '<' | '>' | '"' | '(' | ')' | '[' | ']' | '\\' | '@'
            )
    };
    if text.len() > ADDRESS_BYTES_MAX
        || local.chars().any(forbidden)
        || domain.chars().any(forbidden)
    {
        return None;
    }
    Address::new(local, idna::domain_to_ascii(domain).ok()?).ok()
}

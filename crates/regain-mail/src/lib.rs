//! Mails: what they say, how they are composed, and how they leave.
//!
//! A mail goes three steps: [`render`] turns a [`Mail`] and a [`Language`] into sentences,
//! [`compose`] turns these into the bytes of one message, and a [`Transport`] hands the message to
//! a relay ([`SmtpTransport`]) or keeps it where a developer can read it ([`DevMailbox`]).
//!
//! What it is not: the outbox. Which mail is due, how often it is tried and when it is given up is
//! the server's business; nothing here retries. Read [`Mail`], [`Message`] and [`Transport`] first.
//!
//! ```
//! use regain_mail::{Brand, Language, Mail, CodeMail, render};
//!
//! let brand = Brand { org_name: "Example".to_owned(), support_url: None, ..Brand::default() };
//! let mail = Mail::RecoveryCode(CodeMail::sample());
//! let rendered = render(&mail, &brand, Language::choose("de-AT, en;q=0.5"));
//! assert!(rendered.text.lines().any(|line| line == "123456"));
//! assert!(!rendered.subject.contains("123456"));
//! ```
#![deny(missing_docs)]

mod brand;
mod browser;
mod compose;
mod language;
mod link_page;
mod mail;
mod mailbox;
mod plain;
mod render;
mod sentences;
mod smtp;
mod templates;
mod transport;

pub use brand::Brand;
pub use compose::{Envelope, MailError, Message, Sender, compose};
pub use language::Language;
pub use link_page::{LinkPage, LiveLink, link_page};
pub use mail::{ChangeNotice, CodeMail, Mail};
pub use mailbox::{
    DevMailbox, Event, EventKind, MAILBOX_CSP, MailboxError, MailboxMessage, Note, mailbox_css,
    mailbox_js, mailbox_page,
};
pub use render::{Rendered, render};
pub use smtp::{SmtpSettings, SmtpSettingsError, SmtpTransport, Tls};
pub use templates::{TemplateProblem, Templates};
pub use transport::{Accepted, SendError, Transport};

//! Whom a row is about, in the words of its column: the same in every backend.

use regain_engine::{AuditSubject, Flow, Outgoing, Subject};
use regain_types::{FlowId, OrgId};

/// Whom the index of live flows lists a flow under. A flow about nobody is listed too, under a
/// name of its own: keeping the index takes time, and must take it for everybody (E-05).
#[must_use]
pub fn indexed_subject(flow: &Flow) -> Option<String> {
    match (flow.subject(), flow.climb()) {
        (Some(user), _) => Some(user.as_str().to_owned()),
        (None, Some(_)) => Some(format!("-{}", flow.id)),
        (None, None) => None,
    }
}

/// What the audit log says of whom an event of the engine is about (U-03).
#[must_use]
pub fn subject_of_event(org: &OrgId, subject: &AuditSubject) -> String {
    match subject {
        AuditSubject::Identifier(hash) => hex(hash),
        AuditSubject::Org => org.as_str().to_owned(),
        AuditSubject::User(user) => user.as_str().to_owned(),
    }
}

/// Whom a mail was for, and the flow that it belongs to, for the row that says what became of it.
#[must_use]
pub fn delivery_subject(outgoing: &Outgoing) -> (String, Option<&FlowId>) {
    match outgoing {
        Outgoing::AuthenticatorAdded { user, .. } | Outgoing::PasswordChanged { user, .. } => {
            (user.as_str().to_owned(), None)
        }
        Outgoing::Code {
            subject,
            identifier_hash,
            ticket,
            ..
        } => match subject {
            Subject::Known(user) => (user.as_str().to_owned(), Some(&ticket.flow)),
            Subject::Unknown => (hex(identifier_hash), Some(&ticket.flow)),
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

//! What a row of the outbox says, and to whom: looked up when it is sent.

use regain_engine::{CodeTicket, Intent, Outgoing, Subject, UserFacts};
use regain_mail::{ChangeNotice, CodeMail, Language, Mail};
use regain_store::{FlowKey, OutboxRow, StoreError, Typed};
use regain_types::{Timestamp, UserId};

use super::address::host_of;
use super::bounces;
use crate::email_link;
use crate::state::AppState;

/// A mail and its recipient.
pub(super) struct Letter {
    pub(super) to: String,
    pub(super) mail: Mail,
    pub(super) language: Language,
    /// Why it must not leave. It is written all the same: whether there is somebody must not show
    /// in how busy the server is (E-04).
    pub(super) withheld: Option<Unsendable>,
}

/// Why a row is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsendable {
    Bounced,
    CodeDead,
    NoAddress,
    NotAllowed,
    NoUser,
}

impl Unsendable {
    /// The code in the audit log.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Bounced => "BOUNCED",
            Self::CodeDead => "CODE_DEAD",
            // To the log, people without an account and without an address are the same.
            Self::NoAddress | Self::NotAllowed | Self::NoUser => "NO_RECIPIENT",
        }
    }

    /// The sentence for a developer.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Bounced => "the address bounced a mail; nothing is sent to it for a day",
            Self::CodeDead => "the code was replaced, used or expired before the mail was sent",
            Self::NoAddress => "the user has no verified e-mail address",
            Self::NotAllowed => "the user's status does not allow it",
            Self::NoUser => "no such user",
        }
    }
}

/// Writes the mail of a row; the inner error says why there is none.
pub(super) async fn write(
    state: &AppState,
    row: &OutboxRow,
    now: Timestamp,
) -> Result<Result<Letter, Unsendable>, StoreError> {
    match &row.outgoing {
        Outgoing::Code {
            subject,
            canonical,
            ticket,
            app_label,
            redirect_uri,
            after_password,
            link_of,
            language,
            identifier_hash: _,
            known_device: _,
        } => {
            let known = known(state, (ticket, canonical), now).await?;
            let (recipient, withheld) = match recipient((subject, ticket.intent), known.user) {
                Err(why) => (Recipient::nobody(canonical), Some(why)),
                Ok(recipient) if !known.is_alive => (recipient, Some(Unsendable::CodeDead)),
                Ok(recipient) if known.is_paused => (recipient, Some(Unsendable::Bounced)),
                Ok(recipient) => (recipient, None),
            };
            let code = CodeMail {
                code: ticket.code(state.keys(), state.org()),
                minutes: minutes(ticket),
                app_label: app_label.clone(),
                identifier: recipient.login,
                after_password: *after_password,
                request_word: None,
                link: link_of
                    .as_ref()
                    .map(|client| email_link::address(state, client, ticket)),
                autofill_host: Some(host_of(redirect_uri).to_owned()),
            };
            let mail = match ticket.intent {
                Intent::RecoverPassword => Mail::RecoveryCode(code),
                Intent::SignIn => Mail::SignInCode(code),
            };
            let wish = language.as_deref().unwrap_or(&recipient.locale);
            Ok(Ok(Letter {
                to: recipient.address,
                mail,
                language: Language::choose(wish),
                withheld,
            }))
        }
        Outgoing::AuthenticatorAdded {
            user,
            at,
            app_label,
            ..
        }
        | Outgoing::PasswordChanged {
            user,
            at,
            app_label,
        } => notice(state, row, (user, *at, app_label)).await,
    }
}

/// What tells an owner of a change: it goes to the address that the user has when it is sent.
async fn notice(
    state: &AppState,
    row: &OutboxRow,
    (user, at, app_label): (&UserId, Timestamp, &str),
) -> Result<Result<Letter, Unsendable>, StoreError> {
    let Some(record) = state.store().load_user(state.org(), user).await? else {
        return Ok(Err(Unsendable::NoUser));
    };
    let Some(to) = record.facts.email else {
        return Ok(Err(Unsendable::NoAddress));
    };
    let notice = ChangeNotice {
        when: at,
        app_label: app_label.to_owned(),
        identifier: record.facts.login,
        client_address: row.request.address.clone(),
        user_agent: row.request.user_agent.clone(),
    };
    let mail = match &row.outgoing {
        Outgoing::AuthenticatorAdded { authenticator, .. } => Mail::AuthenticatorAdded {
            authenticator: authenticator.display_name().to_owned(),
            notice,
        },
        Outgoing::Code { .. } | Outgoing::PasswordChanged { .. } => Mail::PasswordChanged(notice),
    };
    Ok(Ok(Letter {
        to,
        mail,
        language: Language::choose(&record.facts.locale),
        withheld: None,
    }))
}

/// Who gets a code.
struct Recipient {
    address: String,
    login: String,
    locale: String,
}

impl Recipient {
    /// A stand-in for nobody, under a name that no mail server takes (RFC 2606).
    fn nobody(canonical: &str) -> Self {
        Self {
            address: "nobody@nowhere.invalid".to_owned(),
            login: canonical.to_owned(),
            locale: "en_US".to_owned(),
        }
    }
}

/// The stored user behind a flow: never the address that was typed (N-02).
fn recipient(
    (subject, intent): (&Subject, Intent),
    user: Option<UserFacts>,
) -> Result<Recipient, Unsendable> {
    let user = user.ok_or(Unsendable::NoUser)?;
    let address = user.email.ok_or(Unsendable::NoAddress)?;
    let may = match intent {
        Intent::RecoverPassword => user.status.may_recover(),
        Intent::SignIn => user.status.may_sign_in(),
    };
    if *subject == Subject::Known(user.id) && may {
        Ok(Recipient {
            address,
            login: user.login,
            locale: user.locale,
        })
    } else {
        Err(Unsendable::NotAllowed)
    }
}

/// What one look at the store tells about a code.
struct Known {
    user: Option<UserFacts>,
    /// Whether the flow still waits for this very code.
    is_alive: bool,
    /// Whether mails to the name bounced lately.
    is_paused: bool,
}

async fn known(
    state: &AppState,
    (ticket, canonical): (&CodeTicket, &str),
    now: Timestamp,
) -> Result<Known, StoreError> {
    let key = FlowKey::Id(ticket.flow.clone());
    let typed = Typed {
        canonical,
        ledgers: bounces::ledger(state, canonical),
    };
    let loaded = state
        .store()
        .load_flow(state.org(), &key, Some(typed))
        .await?;
    Ok(match loaded {
        None => Known {
            user: None,
            is_alive: false,
            is_paused: false,
        },
        Some(loaded) => Known {
            is_alive: loaded.flow.is_challenged_by(&ticket.challenge, now),
            is_paused: loaded.ledgers.identifier.is_some(),
            user: loaded.user,
        },
    })
}

fn minutes(ticket: &CodeTicket) -> u32 {
    let seconds = ticket.expires_at.seconds_since(ticket.issued_at);
    u32::try_from((seconds + 59) / 60).unwrap_or(u32::MAX)
}

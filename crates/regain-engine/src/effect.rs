//! What must happen if a transition commits: applied by the store in one transaction.

use regain_types::{AuthServer, ClientId, Timestamp, TokenHash, UserId};
use serde::{Deserialize, Serialize};

use crate::authenticators::AuthenticatorKey;
use crate::authenticators::email::CodeTicket;
use crate::flow::Subject;
use crate::ledger::{LedgerKey, LedgerWrite};
use crate::need::{Enrollment, StoredPassword};

/// One change that belongs to a transition.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A row of the audit log.
    Audit(AuditEvent),
    /// End every other live flow of a user, and with it its challenges (I-07).
    EndOtherFlows {
        /// Whose.
        user: UserId,
    },
    /// A message for the outbox.
    Enqueue(Outgoing),
    /// The flow's single-use result.
    IssueInteractionCode(IssuedCode),
    /// Refuse the whole commit, as a conflict, if somebody has spent from this ledger since it was
    /// loaded; nothing is written. An answer that costs nothing must hold its place among those
    /// that do: of a thousand guesses at once, the right one would else always get through.
    RequireLedger {
        /// Which.
        key: LedgerKey,
        /// The version that was loaded, 0 when there was none.
        version: u64,
    },
    /// Refuse the whole commit, as a conflict, unless this is still the user's password. Comparing
    /// takes long: a reset may come in between, and it ends only what it finds (S-01).
    RequirePassword {
        /// Whose.
        user: UserId,
        /// What the answer was compared with.
        password: StoredPassword,
    },
    /// End all sessions and refresh tokens of a user (S-01).
    RevokeSessions {
        /// Whose.
        user: UserId,
    },
    /// Write what a user can prove with, if nobody else has changed it meanwhile: otherwise the whole
    /// commit is refused, as a conflict. So nothing that works once works twice (I-11).
    SaveEnrollments {
        /// Whose.
        user: UserId,
        /// The version that was loaded.
        version: u64,
        /// All of them.
        list: Vec<Enrollment>,
    },
    /// Write what was spent, if nobody else has spent from the same ledger meanwhile: otherwise
    /// the whole commit is refused, as a conflict.
    SaveLedger(LedgerWrite),
    /// A new password; the old one goes into the history.
    SetPassword {
        /// Whose.
        user: UserId,
        /// PHC string.
        phc: String,
        /// How many earlier passwords to keep.
        keep_history: u32,
        /// When.
        at: Timestamp,
    },
    /// Lift a lock, if there is one.
    Unlock {
        /// Whose.
        user: UserId,
    },
}

/// What the token endpoint needs to know when it redeems an interaction code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCode {
    /// What the store keeps of the code.
    pub hash: TokenHash,
    /// From when on it is worthless.
    pub expires_at: Timestamp,
    /// Who may redeem it.
    pub client_id: ClientId,
    /// Where the flow began.
    pub redirect_uri: String,
    /// PKCE challenge.
    pub code_challenge: String,
    /// Which server signs.
    pub server: AuthServer,
    /// What was asked for.
    pub scopes: Vec<String>,
    /// For the ID token, when the client sent one.
    pub nonce: Option<String>,
    /// Who signed in.
    pub user: UserId,
    /// When.
    pub auth_time: Timestamp,
    /// How (RFC 8176), sorted.
    pub amr: Vec<String>,
}

/// A message to be sent after the commit. It holds no code and no address: the worker derives
/// the one and looks up the other when it sends (E-04, C-07).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outgoing {
    /// A notice that there is something new to prove with.
    AuthenticatorAdded {
        /// Whom to tell.
        user: UserId,
        /// What.
        authenticator: AuthenticatorKey,
        /// When it was set up.
        at: Timestamp,
        /// Through which app.
        app_label: String,
    },
    /// A notice that the password was changed.
    PasswordChanged {
        /// Whom to tell.
        user: UserId,
        /// When it was changed.
        at: Timestamp,
        /// Through which app.
        app_label: String,
    },
    /// A code, of a recovery or of a sign-in: its ticket says which.
    #[serde(rename = "recovery_code")]
    Code {
        /// Whom it is for; for nobody the row looks the same and is dropped later.
        subject: Subject,
        /// What was typed, canonical.
        canonical: String,
        /// Its keyed hash, which the audit log names where nobody has the name (U-03).
        identifier_hash: [u8; 32],
        /// Whether a known device asks: its mails go first when the org's are scarce (M-03).
        known_device: bool,
        /// What the code derives from.
        ticket: CodeTicket,
        /// Through which app.
        app_label: String,
        /// Where the code is typed in, for safe autofill.
        redirect_uri: String,
        /// Whether somebody has shown the password before it: then a stranger's is known.
        #[serde(default = "yes")]
        after_password: bool,
        /// The app whose link is in the mail, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link_of: Option<ClientId>,
        /// Language wish of the browser.
        language: Option<String>,
    },
}

/// Before there were sign-ins without a password, each code of one came after it.
const fn yes() -> bool {
    true
}

impl Outgoing {
    /// Whether it goes before others when the org's mails are scarce (M-03): what tells an owner
    /// of a change, and what a known device asks for.
    #[must_use]
    pub const fn goes_first(&self) -> bool {
        match self {
            Self::AuthenticatorAdded { .. } | Self::PasswordChanged { .. } => true,
            Self::Code { known_device, .. } => *known_device,
        }
    }

    /// From when on it is useless to send it; `None`: send for as long as notices are tried.
    #[must_use]
    pub fn dead_at(&self) -> Option<Timestamp> {
        match self {
            Self::AuthenticatorAdded { .. } | Self::PasswordChanged { .. } => None,
            Self::Code { ticket, .. } => Some(ticket.expires_at),
        }
    }
}

/// A row of the audit log (U-02, U-03). The shell adds address, agent and request id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Name in the vendor's System Log.
    pub name: &'static str,
    /// Whom it is about.
    pub subject: AuditSubject,
    /// How it went.
    pub outcome: Outcome,
    /// A short code for why.
    pub reason: Option<&'static str>,
}

/// Whom an audit row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditSubject {
    /// A keyed hash of what was typed: nobody has it, or nothing is proved yet (U-03).
    Identifier([u8; 32]),
    /// The org as a whole.
    Org,
    /// A user.
    User(UserId),
}

/// How an audited event went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Refused.
    Failure,
    /// Done.
    Success,
}

impl Outcome {
    /// The word in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "FAILURE",
            Self::Success => "SUCCESS",
        }
    }
}

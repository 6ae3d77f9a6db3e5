//! Messages for the person at the page, with the protocol's keys (`idx-wire` §7).

/// A message; its key, text, class and status follow from what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Wrong name or password; never which (E-05).
    AuthenticationFailed,
    /// The input is not offered now.
    BadRequest,
    /// There is no time for it now: nothing has changed, and the same may be sent again.
    Busy,
    /// Wrong, expired or used code.
    CodeInvalid,
    /// A code of an authenticator app works once.
    CodeUsed,
    /// No answer to this code counts any more; a new code helps.
    CodeSpent,
    /// What was typed cannot be anybody's name; the sentence says why.
    IdentifierMalformed(String),
    /// The new password is a common one.
    PasswordCommon,
    /// The password soon is too old.
    PasswordExpiring {
        /// The label of the app, which clients put into a text of their own.
        app: String,
        /// In so many days, counted up.
        days_left: u32,
    },
    /// The password of a known user is wrong; only with enumeration prevention off.
    PasswordIncorrect,
    /// The new password breaks rules; the sentence names them.
    PasswordRequirementsNotMet(String),
    /// The password is changed; the user signs in next.
    RecoveryCompleted,
    /// The flow is over or was never there.
    SessionExpired,
    /// A limit was reached.
    TooManyRequests,
    /// Nobody has this name; only with enumeration prevention off.
    UnknownUser(String),
    /// The recovery begins when the browser has done some work (M-03).
    WorkNeeded,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the passcode field of the first remediation.
    Passcode,
    /// At the top of the document.
    Top,
}

impl Notice {
    /// The i18n key.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::AuthenticationFailed => "errors.E0000004",
            Self::BadRequest => "E0000020",
            Self::Busy => "idx.error.server.busy",
            Self::CodeInvalid => "api.authn.error.PASSCODE_INVALID",
            Self::CodeSpent | Self::TooManyRequests => "tooManyRequests",
            Self::CodeUsed => "authfactor.challenge.soft_token.used_passcode",
            Self::IdentifierMalformed(_) => "E0000001",
            Self::PasswordCommon => "password.common",
            Self::PasswordExpiring { .. } => "idx.password.expiring.message",
            Self::PasswordIncorrect => "incorrectPassword",
            Self::PasswordRequirementsNotMet(_) => "password.passwordRequirementsNotMet",
            Self::RecoveryCompleted => "idx.recovery.completed",
            Self::SessionExpired => "idx.session.expired",
            Self::UnknownUser(_) => "idx.unknown.user",
            Self::WorkNeeded => "regain.proof.of.work",
        }
    }

    /// The English text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::AuthenticationFailed => "Authentication failed".to_owned(),
            Self::BadRequest => "Bad request.".to_owned(),
            Self::Busy => "The server is busy. Please try again in a few seconds.".to_owned(),
            Self::CodeInvalid => "Invalid code. Try again.".to_owned(),
            Self::CodeSpent => "Too many wrong codes. Ask for a new one.".to_owned(),
            Self::CodeUsed => {
                "This code was used already. Wait for the next one, and enter that.".to_owned()
            }
            Self::IdentifierMalformed(sentence) => sentence.clone(),
            Self::PasswordCommon => {
                "This password is one of the most common ones. Please choose another.".to_owned()
            }
            Self::PasswordExpiring { days_left: 1, .. } => {
                "Your password expires within a day. Choose a new one now, or skip this.".to_owned()
            }
            Self::PasswordExpiring { days_left, .. } => format!(
                "Your password expires in {days_left} days. Choose a new one now, or skip this."
            ),
            Self::PasswordIncorrect => "Password is incorrect".to_owned(),
            Self::PasswordRequirementsNotMet(sentence) => {
                format!("Password requirements were not met. {sentence}")
            }
            Self::RecoveryCompleted => {
                "Your password is changed. You can now sign in with it.".to_owned()
            }
            Self::SessionExpired => {
                "You have been logged out due to inactivity. Refresh or return to the sign in screen."
                    .to_owned()
            }
            Self::TooManyRequests => "Too many requests".to_owned(),
            Self::UnknownUser(typed) => format!("There is no account with the Username {typed}."),
            Self::WorkNeeded => {
                "There were many requests. To keep out machines, your browser does a short calculation before this goes on: please continue."
                    .to_owned()
            }
        }
    }

    /// What goes into a client's own text.
    #[must_use]
    pub fn params(&self) -> Option<Vec<String>> {
        match self {
            Self::CodeInvalid | Self::UnknownUser(_) => Some(Vec::new()),
            Self::PasswordCommon => Some(vec![String::new()]),
            Self::PasswordExpiring { app: text, .. } | Self::PasswordRequirementsNotMet(text) => {
                Some(vec![text.clone()])
            }
            Self::AuthenticationFailed
            | Self::BadRequest
            | Self::Busy
            | Self::CodeSpent
            | Self::CodeUsed
            | Self::IdentifierMalformed(_)
            | Self::PasswordIncorrect
            | Self::RecoveryCompleted
            | Self::SessionExpired
            | Self::TooManyRequests
            | Self::WorkNeeded => None,
        }
    }

    /// Whether it is an error; else it is information.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        !matches!(
            self,
            Self::PasswordExpiring { .. }
                | Self::RecoveryCompleted
                | Self::UnknownUser(_)
                | Self::WorkNeeded
        )
    }

    /// Where it stands.
    #[must_use]
    pub const fn place(&self) -> Place {
        match self {
            Self::CodeInvalid
            | Self::CodeUsed
            | Self::PasswordCommon
            | Self::PasswordRequirementsNotMet(_) => Place::Passcode,
            Self::AuthenticationFailed
            | Self::BadRequest
            | Self::Busy
            | Self::CodeSpent
            | Self::IdentifierMalformed(_)
            | Self::PasswordExpiring { .. }
            | Self::PasswordIncorrect
            | Self::RecoveryCompleted
            | Self::SessionExpired
            | Self::TooManyRequests
            | Self::UnknownUser(_)
            | Self::WorkNeeded => Place::Top,
        }
    }

    /// The HTTP status of a document that carries it (`idx-wire` §1.7).
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::AuthenticationFailed
            | Self::CodeInvalid
            | Self::CodeUsed
            | Self::PasswordIncorrect
            | Self::SessionExpired => 401,
            Self::BadRequest
            | Self::IdentifierMalformed(_)
            | Self::PasswordCommon
            | Self::PasswordRequirementsNotMet(_) => 400,
            Self::Busy => 503,
            Self::PasswordExpiring { .. }
            | Self::RecoveryCompleted
            | Self::UnknownUser(_)
            | Self::WorkNeeded => 200,
            Self::CodeSpent | Self::TooManyRequests => 429,
        }
    }
}

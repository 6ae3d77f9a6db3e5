//! The mails there are, each with what it needs to know.

use regain_types::{Secret, Timestamp};

/// A mail to a user, before it has a language.
///
/// A new mail is a variant here, a context with a `sample()`, a template for text and one for
/// HTML, and its sentences in every language. The gallery test renders all of them.
#[derive(Debug, Clone)]
pub enum Mail {
    /// A notice that there is something new to sign in with (M-08).
    AuthenticatorAdded {
        /// What people call it, such as `Google Authenticator`.
        authenticator: String,
        /// When and where.
        notice: ChangeNotice,
    },
    /// A notice that a password was set (M-08). It holds no code and no link that acts.
    PasswordChanged(ChangeNotice),
    /// A code that proves, in a recovery, that somebody reads this inbox.
    RecoveryCode(CodeMail),
    /// A code that proves, after a password, that somebody reads this inbox.
    SignInCode(CodeMail),
}

impl Mail {
    /// The names of all mails, as directories of templates have them.
    pub const NAMES: [&'static str; 4] = [
        "authenticator_added",
        "password_changed",
        "recovery_code",
        "sign_in_code",
    ];

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AuthenticatorAdded { .. } => "authenticator_added",
            Self::PasswordChanged(_) => "password_changed",
            Self::RecoveryCode(_) => "recovery_code",
            Self::SignInCode(_) => "sign_in_code",
        }
    }

    /// What it says of a code, if it holds one.
    #[must_use]
    pub const fn code(&self) -> Option<&CodeMail> {
        match self {
            Self::AuthenticatorAdded { .. } | Self::PasswordChanged(_) => None,
            Self::RecoveryCode(code) | Self::SignInCode(code) => Some(code),
        }
    }

    /// Every mail with made-up content, for galleries and tests.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        vec![
            Self::AuthenticatorAdded {
                authenticator: "Google Authenticator".to_owned(),
                notice: ChangeNotice::sample(),
            },
            Self::PasswordChanged(ChangeNotice::sample()),
            Self::RecoveryCode(CodeMail::sample()),
            Self::SignInCode(CodeMail::sample()),
        ]
    }
}

/// What a mail with a code says.
#[derive(Debug, Clone)]
pub struct CodeMail {
    /// The code: digits, contiguous.
    pub code: Secret<String>,
    /// How long the code lives from now, in minutes.
    pub minutes: u32,
    /// The label of the app that asked.
    pub app_label: String,
    /// The login of the user, as stored.
    pub identifier: String,
    /// Whether somebody has shown the password before: then it is known to whoever asks.
    pub after_password: bool,
    /// A word that the page shows as well ("Heron"), so that two mails are not confused.
    pub request_word: Option<String>,
    /// What shows the code in a browser, and goes on from there; `https:`, or `http:` on this machine
    /// (L-08).
    pub link: Option<Secret<String>>,
    /// The host for which a browser may fill the code in: the last line becomes
    /// `@host #123456`. Anything but a plain host name is left out.
    pub autofill_host: Option<String>,
}

impl CodeMail {
    /// Made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            code: Secret::new("123456".to_owned()),
            minutes: 5,
            app_label: "Example App".to_owned(),
            identifier: "alice@example.com".to_owned(),
            after_password: true,
            request_word: Some("Heron".to_owned()),
            link: Some(Secret::new(
                "https://id.example/email/verify/app?token=example".to_owned(),
            )),
            autofill_host: Some("app.example".to_owned()),
        }
    }
}

/// What a notice says about a change of an account.
#[derive(Debug, Clone)]
pub struct ChangeNotice {
    /// When it was changed.
    pub when: Timestamp,
    /// The label of the app in which it happened.
    pub app_label: String,
    /// The login of the user, as stored.
    pub identifier: String,
    /// The IP address that the request came from. Anything else is left out.
    pub client_address: Option<String>,
    /// The `User-Agent` that came with the request; only names that are known are shown.
    pub user_agent: Option<String>,
}

impl ChangeNotice {
    /// Made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            when: Timestamp::from_millis(1_767_323_045_678),
            app_label: "Example App".to_owned(),
            identifier: "alice@example.com".to_owned(),
            client_address: Some("203.0.113.7".to_owned()),
            user_agent: Some(
                "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0".to_owned(),
            ),
        }
    }
}

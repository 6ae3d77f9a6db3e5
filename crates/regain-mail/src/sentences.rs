//! The catalogue of sentences: one file per language, all of the same type, so that a language
//! with a missing sentence does not compile.

mod de;
mod en;
mod ja;

use jiff::civil::DateTime;

use crate::Language;

/// Everything that mails say, in one language.
///
/// Sentences with values are functions: a language puts the values where they belong and knows its
/// own plurals. They return plain text; the HTML template escapes it.
pub(crate) struct Sentences {
    pub(crate) added_heading: &'static str,
    /// (identifier, what was added)
    pub(crate) added_intro: fn(&str, &str) -> String,
    /// What to do if it was somebody else: (app).
    pub(crate) added_not_you: fn(&str) -> String,
    /// (org)
    pub(crate) added_subject: fn(&str) -> String,
    /// Names the app in which it happened.
    pub(crate) app_label: &'static str,
    /// Names the IP address that a request came from.
    pub(crate) address_label: &'static str,
    /// At the foot: (org).
    pub(crate) automatic: fn(&str) -> String,
    /// Names the program that a request came from.
    pub(crate) browser_label: &'static str,
    pub(crate) changed_heading: &'static str,
    /// (identifier)
    pub(crate) changed_intro: fn(&str) -> String,
    /// What to do if it was somebody else: (app).
    pub(crate) changed_not_you: fn(&str) -> String,
    /// (org)
    pub(crate) changed_subject: fn(&str) -> String,
    pub(crate) changed_was_you: &'static str,
    /// How long the code works: (minutes).
    pub(crate) code_lives: fn(u32) -> String,
    /// What to do with the code, which follows at once.
    pub(crate) enter_this_code: &'static str,
    pub(crate) help_label: &'static str,
    /// On the button that leads to the app.
    pub(crate) link_button: &'static str,
    /// Above the button of a link's page: (app).
    pub(crate) link_continue: fn(&str) -> String,
    /// Above the code of a link's page.
    pub(crate) link_elsewhere: &'static str,
    pub(crate) link_expired: &'static str,
    pub(crate) link_heading: &'static str,
    pub(crate) link_not_you: &'static str,
    pub(crate) link_replaced: &'static str,
    /// Above what is known of who asked.
    pub(crate) link_rows: &'static str,
    /// Heading of a link's page when there is no such link.
    pub(crate) link_incomplete_heading: &'static str,
    /// Heading of a link's page when it is good for nothing any more.
    pub(crate) link_useless_heading: &'static str,
    pub(crate) link_unknown: &'static str,
    pub(crate) link_used: &'static str,
    pub(crate) never_share: &'static str,
    /// What to do with the link, which follows at once.
    pub(crate) open_this_link: &'static str,
    pub(crate) recovery_heading: &'static str,
    /// (identifier, app)
    pub(crate) recovery_intro: fn(&str, &str) -> String,
    pub(crate) recovery_not_you: &'static str,
    /// (org)
    pub(crate) recovery_subject: fn(&str) -> String,
    /// The word that page and mail share: (word).
    pub(crate) request_word: fn(&str) -> String,
    /// What to do if it was somebody else, who has shown no password.
    pub(crate) sign_in_by_name: &'static str,
    pub(crate) sign_in_heading: &'static str,
    /// (identifier, app)
    pub(crate) sign_in_intro: fn(&str, &str) -> String,
    /// (app)
    pub(crate) sign_in_not_you: fn(&str) -> String,
    /// (org)
    pub(crate) sign_in_subject: fn(&str) -> String,
    /// A point in time, UTC.
    pub(crate) when: fn(DateTime) -> String,
    pub(crate) when_label: &'static str,
    /// A subject with the word that page and mail share: (subject, word).
    pub(crate) with_request_word: fn(&str, &str) -> String,
}

impl Sentences {
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::De => &de::SENTENCES,
            Language::En => &en::SENTENCES,
            Language::Ja => &ja::SENTENCES,
        }
    }
}

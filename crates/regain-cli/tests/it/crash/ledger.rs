//! What was acknowledged about one person, and what must therefore hold for ever.

use std::time::Duration;

/// A person of the test: only one client acts for them, so that every fact has one source.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) login: String,
    pub(super) password: Password,
    /// The password before the present one: refused for ever.
    pub(super) former: Option<String>,
    /// Passwords that were set.
    pub(super) resets: usize,
    /// How many of them a sign-in has tried since.
    pub(super) tried: Option<usize>,
    /// Mails with a code that were acknowledged to be on their way.
    pub(super) codes_owed: usize,
    /// Of these, those that had not come when the code died.
    pub(super) codes_late: usize,
    pub(super) sessions: Vec<Session>,
    /// Refresh tokens that are dead, and why.
    pub(super) dead: Vec<(String, &'static str)>,
    /// Answers that were used up.
    pub(super) spent: Vec<Spent>,
    /// A recovery whose mail has not come yet.
    pub(super) parked: Option<Recovery>,
}

/// The password, as far as it is known.
#[derive(Clone, Debug)]
pub(super) enum Password {
    Known(String),
    /// A change was not answered, and its repetition came too late to tell.
    Either {
        old: String,
        new: String,
    },
}

/// Tokens that were handed out.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) refresh: String,
    /// The interaction code that gave it.
    pub(super) code: String,
}

/// A code of a mail that has done its work, or can do none any more.
#[derive(Clone, Debug)]
pub(super) struct Spent {
    pub(super) state_handle: String,
    pub(super) passcode: String,
    /// From then on not even its repetition counts.
    pub(super) from: Duration,
}

/// A recovery under way.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    pub(super) state_handle: String,
    /// Which of the person's mails holds the code.
    pub(super) mail: usize,
    pub(super) since: Duration,
    /// Whether all tries are to be wasted.
    pub(super) guesses: bool,
}

impl Person {
    pub(super) fn new(login: String, password: &str) -> Self {
        Self {
            login,
            password: Password::Known(password.to_owned()),
            former: None,
            resets: 0,
            tried: None,
            codes_owed: 0,
            codes_late: 0,
            sessions: Vec::new(),
            dead: Vec::new(),
            spent: Vec::new(),
            parked: None,
        }
    }

    /// A new password was acknowledged: nothing of before is good any more.
    pub(super) fn learn_reset(&mut self, old: String, new: String) {
        self.password = Password::Known(new);
        self.former = Some(old);
        self.resets += 1;
        let ended = self.sessions.drain(..);
        self.dead
            .extend(ended.map(|session| (session.refresh, "a password was set")));
    }
}

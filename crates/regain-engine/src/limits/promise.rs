//! What the limits come to: how likely somebody's account is guessed in a year (G-05).

use std::fmt;

use crate::policy::Policy;

/// What the default promises for one account and year (security §2.4): 130 guesses at six digits,
/// and what guesses at long codes add.
const PROMISED: f64 = 1.33e-4;
const YEAR_DAYS: u32 = 365;
/// The window of wrong answers to short codes, in days.
const WINDOW_DAYS: u32 = 30;
/// Mails that one inbox gets at most in a year, each with a code: 30 an hour.
const CODES_PER_YEAR: u32 = 30 * 24 * 365;

/// How likely guessing succeeds within a year, against the best that an attacker can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuessBound {
    /// At one account.
    pub one_account: f64,
    /// How many accounts of the whole org fall, on average, to one guess each at many.
    pub whole_org: f64,
}

/// The limits allow more guessing than the product promises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PromiseBroken {
    bound: GuessBound,
    code_length: u8,
    long_code_digits: u8,
}

impl Policy {
    /// What an attacker can get at most.
    #[must_use]
    pub fn guess_bound(&self) -> GuessBound {
        let limits = &self.limits;
        let chance = |digits: u8| 10_f64.powi(-i32::from(digits));
        let short = chance(self.email.code_length);
        let windows = YEAR_DAYS.div_ceil(WINDOW_DAYS);
        let guesses = f64::from(windows) * f64::from(limits.identifier_short_wrong_30d);
        let long = self.email.code_length.max(limits.long_code_digits);
        let long_guesses =
            f64::from(CODES_PER_YEAR) * f64::from(limits.wrong_answers_per_challenge);
        // The best is to stay just below the budget of a day, every day: reaching it ends short
        // codes for days.
        let spray = f64::from(limits.org_short_wrong_24h) * f64::from(YEAR_DAYS);
        GuessBound {
            one_account: guesses * short + long_guesses * chance(long),
            whole_org: spray * short,
        }
    }

    /// Whether the limits keep what the product promises for one account.
    ///
    /// # Errors
    /// [`PromiseBroken`], which says what would keep it.
    pub fn keeps_promise(&self) -> Result<GuessBound, PromiseBroken> {
        let bound = self.guess_bound();
        if bound.one_account <= PROMISED {
            Ok(bound)
        } else {
            Err(PromiseBroken {
                bound,
                code_length: self.email.code_length,
                long_code_digits: self.limits.long_code_digits,
            })
        }
    }
}

impl fmt::Display for PromiseBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "codes of {} digits and long ones of {} let an attacker into one account with a \
             chance of {:.1e} a year, more than {PROMISED:.2e}: use longer codes or fewer tries",
            self.code_length, self.long_code_digits, self.bound.one_account
        )
    }
}

impl std::error::Error for PromiseBroken {}

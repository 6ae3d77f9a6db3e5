//! The flow engine: what a person may do next, and what doing it changes.
//!
//! It is a pure function: state, input, facts, clock and randomness in; new state and effects
//! out. It reads nothing, writes nothing and waits for nothing; the shell around it does.
//!
//! Read [`Flow`], then [`offers()`] (the one table of what is allowed), then [`step`] and
//! [`present`].
//!
//! ```
//! use regain_engine::{Flow, FlowApp, Offer, Policy, offers};
//! use regain_types::{SystemEntropy, Timestamp};
//! let flow = Flow::begin(FlowApp::sample(), Timestamp::from_millis(0), &mut SystemEntropy);
//! let allowed = offers(&flow, &Policy::default());
//! assert!(allowed.iter().any(|offer| *offer == Offer::Identify { with_password: true }));
//! ```
#![deny(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod authenticators;
mod effect;
mod flow;
mod handle;
mod input;
mod intents;
mod ledger;
mod limits;
mod need;
mod notice;
mod offers;
mod policy;
mod present;
mod refusal;
mod step;
mod steps;
mod work;

pub use authenticators::email::{
    CODE_DIGITS_MAX, CODE_DIGITS_MIN, CodeTicket, LinkState, LinkTarget, email_key, enroll_email,
};
pub use authenticators::totp::{TotpSecret, enroll_totp, totp_key, totp_secret};
pub use authenticators::{AuthenticatorKey, Descriptor, Proof, descriptors};
pub use effect::{AuditEvent, AuditSubject, Effect, IssuedCode, Outcome, Outgoing};
pub use flow::{
    Challenge, Climb, Completed, EndUser, Ending, Enrolling, Flow, FlowApp, Intent, Replay, Stage,
    Subject, Tally, Who,
};
pub use handle::{interaction_code, new_interaction_handle, next_state_handle, state_handle};
pub use input::{Endpoint, Input};
pub use ledger::{LedgerKey, LedgerKeys, LedgerRow, LedgerWrite, Ledgers};
pub use limits::{
    DeviceLedger, GuessBound, IdentifierLedger, InARow, Limit, Limited, Marks, OrgLedger, OrgTurn,
    Payment, PromiseBroken, StartVerdict,
};
pub use need::{
    Enrollment, Enrollments, Facts, Need, NewPassword, StoredPassword, UserFacts, UserStatus,
};
pub use notice::{Notice, Place};
pub use offers::{Holder, Offer, Offers, offers};
pub use policy::password::{BrokenRule, PasswordRules, normalised as normalised_password};
pub use policy::{
    EmailPolicy, EnrollmentPolicy, Limits, Policy, ProofOfWork, RecoveryPolicy, RevokeSessions,
    SignInMode, SignInPolicy, SingleAuthenticator,
};
pub use present::{Frame, present, present_terminal};
pub use refusal::Refusal;
pub use step::{Env, NEEDS_PER_STEP_MAX, Step, Transition, step};
pub use work::{WORK_CHALLENGE_PATH, WorkChallenge, WorkDemand, work_price};

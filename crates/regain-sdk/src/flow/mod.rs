//! Flows from their beginning, with any subset of the values given up front.
//!
//! Each builder owns a fixed script of step kinds. A value belongs to a kind of step, not to the
//! name of a field, so a new password is never sent to a password challenge; it is used once; and
//! what found no use is named in [`Outcome::unused`](crate::Outcome::unused). The run stops at
//! the first question that it cannot answer, and at the first refusal.

mod begin;
mod recover;
mod script;
mod sign_in;

pub use begin::Begin;
pub use recover::RecoverPassword;
pub use sign_in::SignIn;

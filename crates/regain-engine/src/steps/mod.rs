//! One file per remediation or action: what it takes and what it changes.

pub(crate) mod cancel;
pub(crate) mod challenge_authenticator;
pub(crate) mod enroll_authenticator;
pub(crate) mod identify;
pub(crate) mod identify_recovery;
pub(crate) mod recover;
pub(crate) mod repeated;
pub(crate) mod resend;
pub(crate) mod reset_authenticator;
pub(crate) mod select_authenticator;
pub(crate) mod select_authenticator_enroll;
pub(crate) mod skip;

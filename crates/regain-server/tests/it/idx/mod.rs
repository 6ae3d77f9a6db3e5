//! `/idp/idx/*`: a file per endpoint, and one for what all of them refuse.

mod altcha;
mod cancel;
mod challenge;
mod challenge_answer;
mod challenge_poll;
mod challenge_resend;
mod happy_path;
mod headers;
mod identify;
mod identify_recovery;
mod introspect;
mod malformed;
mod reset_authenticator;

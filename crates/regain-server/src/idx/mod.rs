//! `/idp/idx/*`: decode, run, encode (`idx-wire` §3).

mod altcha;
mod body;
mod endpoints;
mod hashed;
mod run;
mod upgrade;

pub(crate) use endpoints::router;
pub(crate) use run::busy;

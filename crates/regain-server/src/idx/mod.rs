//! `/idp/idx/*`: decode, run, encode (`idx-wire` §3).

mod body;
mod endpoints;
mod run;
mod upgrade;

pub(crate) use endpoints::router;

//! Rows of the catalogue in the security rules; the name of each test begins with its row.

mod access_matrix;
mod account;
mod answers_at_once;
mod at_rest;
mod atomic_completion;
mod clock;
mod escalation;
mod guessing;
mod imported;
mod indistinguishable;
mod list;
mod locked_store;
mod mail_budget;
mod many_at_once;
mod names;
mod persistent;
mod proof;
mod repeated;
mod replay;
mod slow_relay;
mod step_orders;
mod timing;
mod volume;

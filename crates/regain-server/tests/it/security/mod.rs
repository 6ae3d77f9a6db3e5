//! Rows of the catalogue in the security rules; the name of each test begins with its row.

mod access_matrix;
mod account;
mod answers_at_once;
mod at_rest;
mod atomic_completion;
mod clock;
mod cross_site;
mod garbage;
mod guessing;
mod head_and_body_sizes;
mod headers;
mod imported;
mod indistinguishable;
mod list;
mod locked_store;
mod many_at_once;
mod names;
mod pepper;
mod proof;
mod repeated;
mod replay;
mod slow_relay;
mod smuggling;
mod step_orders;
mod timing;
mod volume;

//! The client against a scripted server: the conformance list of the SDK, item by item.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "helpers of tests fail where they stand, and a table of cases is as long as it is"
)]

mod answer;
mod answer_cases;
mod callback;
mod config;
mod errors;
mod exchange;
mod flow;
mod http_client;
mod id_token;
mod leak;
mod live;
mod passwords;
mod poll;
mod samples;
mod sign_in;
mod steps;
mod store;
mod support;
mod user_actions;

//! The client against a scripted server: the conformance list of the SDK, item by item.
#![expect(clippy::large_futures, reason = "tests await on a stack of their own")]

mod answer;
mod callback;
mod config;
mod errors;
mod exchange;
mod flow;
mod leak;
mod poll;
mod samples;
mod sign_in;
mod steps;
mod store;
mod support;

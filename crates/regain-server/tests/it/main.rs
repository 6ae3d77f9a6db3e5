//! The server over HTTP on a real store: the tree mirrors the routes, `security` the test
//! catalogue of the security rules.

#[cfg(test)]
mod app;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod dev;
#[cfg(test)]
mod idx;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod security;

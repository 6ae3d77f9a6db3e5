//! Tests of the PostgreSQL store through its public surface.

#[cfg(test)]
mod backend;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod work;

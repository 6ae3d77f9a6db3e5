//! Overload: how many requests may be under way at once, and who is let in when there is
//! little room.
//!
//! By Little's law what is under way, divided by what is done in a second, is how long everybody
//! waits; so a bound on the one is a bound on the other, and needs no clock. Who finds no room is
//! told so at once, which costs little, instead of waiting for what then comes too late. What a
//! request is decides, never whom it is about: nothing has been looked up by then.
//!
//! [`bodies`] bounds what has come of requests that are not whole yet. [`Room`] is the rule, a pure
//! function; [`Shedding`] counts; [`shed`] applies both to a request.
//! Who waits for a password hash uses no processor and stands in a queue with a bound of its own
//! so it counts there and not here.

pub(crate) mod bodies;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;

use bodies::OfAll;
use regain_types::{Clock as _, SystemClock};

use crate::state::AppState;
use crate::{idx, oauth};

/// Requests of all kinds that may be under way, for each processor. A processor does some 3,000
/// light steps in a second, writes on the disk included: so many take 170 ms. More is memory for
/// answers that nobody waits for.
const ESSENTIAL_PER_CORE: usize = 512;
/// Beyond this, steps of flows wait for later: 85 ms.
const CONTINUING_PER_CORE: usize = 256;
/// Beyond this, what has just begun does: 43 ms.
const OPENING_PER_CORE: usize = 128;
/// Beyond this nothing new begins: 21 ms. Each start brings eight further steps, so under overload
/// it is this bound that holds, and the others have room.
const STARTING_PER_CORE: usize = 64;
const TELL_EVERY_SECONDS: u64 = 10;

/// What a request is, by its path; what is lost most when it is refused comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Begins a flow: nothing is lost yet.
    Starting,
    /// The second request of a flow, or a client that asks for the document before each step.
    Opening,
    /// A step of a flow that somebody is in the middle of.
    Continuing,
    /// Apps that hold a result of it, or people who are signed in: tokens, keys, who is it.
    Essential,
}

impl Class {
    /// Of a route's template.
    fn of(route: &str) -> Self {
        if route.starts_with("/idp/idx/") {
            Self::Continuing
        } else if route.ends_with("/interact") || route.ends_with("/authorize") {
            Self::Starting
        } else {
            Self::Essential
        }
    }
}

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    cores: usize,
}

impl Room {
    const fn of(cores: usize) -> Self {
        Self {
            cores: if cores == 0 { 1 } else { cores },
        }
    }

    /// How many may be under way, this one included, for it to be let in.
    const fn up_to(self, class: Class) -> usize {
        self.cores
            * match class {
                Class::Starting => STARTING_PER_CORE,
                Class::Opening => OPENING_PER_CORE,
                Class::Continuing => CONTINUING_PER_CORE,
                Class::Essential => ESSENTIAL_PER_CORE,
            }
    }

    /// Whether one more is let in beside those that are under way.
    const fn admits(self, class: Class, under_way: usize) -> bool {
        under_way < self.up_to(class)
    }
}

/// Counts what is under way.
#[derive(Debug)]
pub(crate) struct Shedding {
    room: Room,
    under_way: AtomicUsize,
    bodies: OfAll,
    told: Told,
}

impl Default for Shedding {
    fn default() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Shedding {
    fn of(cores: usize) -> Self {
        Self {
            room: Room::of(cores),
            under_way: AtomicUsize::new(0),
            bodies: OfAll::default(),
            told: Told::default(),
        }
    }

    /// A place until it is dropped; `None` when there is no room.
    fn enter(&self, class: Class) -> Option<Place<'_>> {
        // Two at once must not both see the last place, nor a refused one take it for a moment.
        let one_more = |under_way| self.room.admits(class, under_way).then_some(under_way + 1);
        self.under_way
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Place(self))
    }

    /// Whether a request that has a place would have got one as a lesser class too.
    fn keeps(&self, class: Class) -> bool {
        self.under_way.load(Ordering::Relaxed) <= self.room.up_to(class)
    }

    /// The request that has a place waits for something that costs nothing here, until what is
    /// returned is dropped.
    pub(crate) fn step_aside(&self) -> Aside<'_> {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        Aside(self)
    }
}

/// A request under way.
#[derive(Debug)]
struct Place<'a>(&'a Shedding);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that is not counted while it waits. It is counted again afterwards, whatever the room
/// is by then: what it waited for is done.
#[derive(Debug)]
pub(crate) struct Aside<'a>(&'a Shedding);

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lets a request in, or says that there is no room.
pub(crate) async fn shed<F: Future<Output = Response>>(
    state: &AppState,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let class = matched.map_or(Class::Essential, |path| Class::of(path.as_str()));
    let Ok(request) = state.shedding().bodies.read_whole(request).await else {
        return refuse(state, class);
    };
    // A start that would end at a queue for passwords which is nearly full is work for nothing.
    let is_in_vain = class == Class::Starting && state.hasher().is_pressed();
    let place = (!is_in_vain)
        .then(|| state.shedding().enter(class))
        .flatten();
    match place {
        Some(place) => {
            let response = next(request).await;
            drop(place);
            response
        }
        None => refuse(state, class),
    }
}

/// What a request turns out to be once its body is decoded: the refusal, if there is no room for
/// such a one.
pub(crate) fn found_to_be(state: &AppState, class: Class) -> Option<Response> {
    (!state.shedding().keeps(class)).then(|| refuse(state, class))
}

fn refuse(state: &AppState, class: Class) -> Response {
    state.metrics().shed(class);
    state.shedding().told.one_more();
    let mut response = match class {
        Class::Continuing | Class::Opening => idx::busy(),
        Class::Essential | Class::Starting => oauth::busy(),
    };
    response.extensions_mut().insert(SentAway);
    response
}

/// Marks the answer to a request for which there was no room. A line of the log for each of them
/// would cost as much as sending it away does: [`Told`] writes one for many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentAway;

/// Tells the log how many were sent away.
#[derive(Debug, Default)]
struct Told {
    clock: SystemClock,
    /// By the monotonic clock, in seconds and one; 0 before the first.
    at: AtomicU64,
    /// Since then.
    count: AtomicU64,
}

impl Told {
    fn one_more(&self) {
        if let Some(count) = self.counts(self.clock.monotonic()) {
            tracing::warn!(
                count,
                "requests were sent away: this node has more to do than it can"
            );
        }
    }

    /// How many to tell of, now and then.
    fn counts(&self, now: Duration) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let now = now.as_secs() + 1;
        let is_due = |at: u64| (at == 0 || at + TELL_EVERY_SECONDS <= now).then_some(now);
        self.at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due)
            .ok()
            .map(|_| self.count.swap(0, Ordering::Relaxed))
    }
}

//! The one clock of a measurement, shared by everything on the generator's thread.

use std::rc::Rc;
use std::time::Duration;

use regain_types::{Clock as _, SystemClock};

/// Time since the measurement began; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Stopwatch(Rc<SystemClock>);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Rc::new(SystemClock::new()))
    }

    /// Time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.0.monotonic()
    }

    /// Time since an earlier [`Stopwatch::now`].
    pub(crate) fn since(&self, earlier: Duration) -> Duration {
        self.now().saturating_sub(earlier)
    }
}

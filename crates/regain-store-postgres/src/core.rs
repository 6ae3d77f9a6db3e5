//! What every operation works with: the connections and the time.

use std::sync::Arc;

use regain_types::Timestamp;
use tokio_postgres::Row;

use crate::attempts::{Database, Repeat, Work};
use crate::background;
use crate::clock::StoreClock;
use crate::error::Fault;
use crate::param::{Call, values};

/// The connections and the time.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) database: Database,
    pub(crate) clock: StoreClock,
}

impl Core {
    /// The statement, called with the org, the bounds of the time (`$1` to `$3`) and `rest`.
    pub(crate) fn timed(
        &self,
        sql: &'static str,
        org: &str,
        rest: Vec<crate::param::Param>,
    ) -> Call {
        let (floor, database_too) = self.clock.bounds();
        let mut params = values![org, floor, database_too];
        params.extend(rest);
        Call::new(sql, params)
    }

    /// Takes over the time from a row that begins with `wall`, `now` and `db`; answers `now`.
    pub(crate) fn time_of(&self, row: &Row) -> Result<Timestamp, Fault> {
        let read = |index: usize| {
            row.try_get::<_, i64>(index)
                .map(Timestamp::from_millis)
                .map_err(|error| Fault::unavailable(error.to_string()))
        };
        self.clock.observe(read(0)?, read(2)?);
        read(1)
    }

    /// Writes down how far the clock came, now and then, beside what is asked for.
    pub(crate) fn mark_time(self: &Arc<Self>) {
        let Some(mark) = self.clock.due_mark() else {
            return;
        };
        let core = Arc::clone(self);
        drop(background::run(async move {
            let work = Work::Alone(mark_call(mark));
            // What goes wrong here is done again by the next one.
            drop(core.database.run(&work, Repeat::Safe).await);
        }));
    }
}

fn mark_call(mark: Timestamp) -> Call {
    Call::new(
        "UPDATE clock SET high_water_ms = $1 WHERE id = 1 AND high_water_ms < $1",
        values![mark],
    )
}

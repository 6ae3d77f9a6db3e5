//! Asking whether something has happened elsewhere.

use std::time::Duration;

use super::{Base, post_action};
use crate::document;
use crate::wire::idx::IdxResponse;
use crate::{Error, Feature, Outcome};

/// Between two questions, when the server does not say.
const INTERVAL: Duration = Duration::from_secs(4);
/// After a limit was hit, when the server does not say: what the vendor's pages wait.
const INTERVAL_LIMITED: Duration = Duration::from_mins(1);
/// Never faster than this, whatever the server says.
const INTERVAL_MIN: Duration = Duration::from_millis(500);
/// A stream ends by itself after this many questions: an hour at the usual interval.
const QUESTIONS_MAX: u32 = 900;

/// Waits for something that happens elsewhere; there is nothing to fill in.
#[derive(Clone, Debug)]
pub struct WaitStep {
    pub(crate) base: Box<Base>,
}

impl WaitStep {
    /// How often to ask.
    #[must_use]
    pub fn poll_interval(&self) -> Duration {
        interval(&self.base.transaction.0.document).unwrap_or(INTERVAL)
    }

    /// Asks once.
    ///
    /// # Errors
    /// As every call.
    pub async fn poll_once(self) -> Result<Outcome, Error> {
        post_action(self.base, "poll", Feature::Poll).await
    }

    /// Keeps asking, in the server's interval, until something has changed. Dropping the stream
    /// ends it.
    #[must_use]
    pub fn poll(self) -> PollStream {
        PollStream::new(*self.base)
    }
}

/// The interval that the document asks for.
pub(super) fn interval(document: &IdxResponse) -> Option<Duration> {
    let form = document::poll(document)?;
    Some(
        form.refresh
            .map_or(INTERVAL, Duration::from_millis)
            .max(INTERVAL_MIN),
    )
}

/// Asks again and again. It asks nothing unless [`PollStream::next`] is awaited, and has no task
/// of its own.
#[derive(Debug)]
pub struct PollStream {
    base: Base,
    questions_left: u32,
    wait: Duration,
    is_over: bool,
    failed_before: bool,
}

impl PollStream {
    pub(super) fn new(base: Base) -> Self {
        let wait = interval(&base.transaction.0.document);
        Self {
            wait: wait.unwrap_or_default(),
            is_over: wait.is_none(),
            base,
            questions_left: QUESTIONS_MAX,
            failed_before: false,
        }
    }

    /// Waits for the interval and asks. Gives an outcome for each answer; after one whose step
    /// is another one, and after an error, comes `None`. A single failed request is no error yet.
    pub async fn next(&mut self) -> Option<Result<Outcome, Error>> {
        while !self.is_over && self.questions_left > 0 {
            tokio::time::sleep(self.wait).await;
            self.questions_left -= 1;
            let transaction = self.base.transaction.clone();
            let answer = self.base.client.poll(transaction).await;
            match answer {
                Ok(outcome) => {
                    self.failed_before = false;
                    self.take(&outcome);
                    return Some(Ok(outcome));
                }
                Err(Error::Transport(_)) if !self.failed_before => self.failed_before = true,
                Err(Error::RateLimited { retry_after, .. }) => {
                    self.wait = retry_after.unwrap_or(INTERVAL_LIMITED);
                }
                Err(e) => {
                    self.is_over = true;
                    return Some(Err(e));
                }
            }
        }
        None
    }

    fn take(&mut self, outcome: &Outcome) {
        let is_same = outcome.step().is_some_and(|step| {
            step.name() == self.base.form.name
                && step.authenticator_key() == self.base.authenticator_key()
        });
        match (is_same, interval(&outcome.transaction.0.document)) {
            (true, Some(wait)) => {
                self.wait = match (outcome.rejected, outcome.retry_after) {
                    (_, Some(asked)) => asked.max(wait),
                    (true, None) => INTERVAL_LIMITED,
                    (false, None) => wait,
                };
            }
            _ => self.is_over = true,
        }
        self.base.transaction = outcome.transaction.clone();
    }
}

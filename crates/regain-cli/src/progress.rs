//! How far long work is: a bar on a terminal, lines of JSON for scripts.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use regain_types::{Clock as _, SystemClock};
use serde_json::{Map, Value, json};

/// How often a line of JSON is printed.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// How often the bar is drawn, per second.
const DRAWS_PER_SECOND: u8 = 5;

/// Asks how progress is shown.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ProgressOption {
    /// How to show progress: a bar on a terminal, or one line of JSON per second on stderr
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: How,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    /// A bar when stderr is a terminal
    Auto,
    /// One line of JSON per second on stderr, and one at the end
    Json,
    /// Nothing
    None,
}

/// Work that goes on.
pub(crate) struct Progress {
    how: How,
    bar: ProgressBar,
    clock: SystemClock,
    started: Duration,
    said: Duration,
}

impl Progress {
    /// Begins; `length` is in the unit of [`Progress::step`], if it is known.
    pub(crate) fn begin(option: ProgressOption, length: Option<u64>, what: &str) -> Self {
        let shown = option.progress == How::Auto && io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(length, target);
        let template = if length.is_some() {
            "{prefix} {wide_bar} {percent}% {msg} (left: {eta})"
        } else {
            "{prefix} {spinner} {msg} ({elapsed})"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        let clock = SystemClock::new();
        let started = clock.monotonic();
        Self {
            how: option.progress,
            bar,
            clock,
            started,
            said: started,
        }
    }

    /// Says how far it is: `done` of the length, and counts with their names.
    pub(crate) fn step(&mut self, done: u64, counts: &[(&str, u64)]) {
        self.bar.set_position(done);
        if !self.bar.is_hidden() {
            let words: Vec<String> = counts
                .iter()
                .map(|(what, n)| format!("{n} {what}"))
                .collect();
            self.bar.set_message(words.join(", "));
        }
        let now = self.clock.monotonic();
        if self.how == How::Json && now.saturating_sub(self.said) >= LINE_EVERY {
            self.said = now;
            self.line("progress", counts);
        }
    }

    /// Ends it.
    pub(crate) fn end(&self, counts: &[(&str, u64)]) {
        self.bar.finish_and_clear();
        if self.how == How::Json {
            self.line("done", counts);
        }
    }

    fn line(&self, event: &str, counts: &[(&str, u64)]) {
        let elapsed = self.clock.monotonic().saturating_sub(self.started);
        let mut line = Map::new();
        line.insert("event".to_owned(), json!(event));
        for (what, count) in counts {
            line.insert(what.replace(' ', "_"), json!(count));
        }
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        line.insert("elapsed_ms".to_owned(), json!(millis));
        crate::say(&Value::Object(line).to_string());
    }
}

//! The first line on stdout: scripts wait for it (design §2.2).

use std::io::{self, Write as _};

use serde::Serialize;

/// What listens now, and under which process id.
#[derive(Debug, Serialize)]
pub(crate) struct Ready<'a> {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<&'a str>,
    pid: u32,
}

impl<'a> Ready<'a> {
    /// A process that serves these origins.
    pub(crate) fn new(engine: Option<&'a str>, app: Option<&'a str>) -> Self {
        Self {
            event: "ready",
            engine,
            app,
            metrics: None,
            pid: std::process::id(),
        }
    }

    /// And its metrics at this origin.
    pub(crate) fn with_metrics(mut self, metrics: Option<&'a str>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Writes the line at once, also into a pipe. A reader that is gone is nobody's problem.
    pub(crate) fn announce(&self) {
        let mut stdout = io::stdout().lock();
        if let Ok(line) = serde_json::to_string(self) {
            let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_only_what_runs() {
        let pid = std::process::id();
        let line = |ready: &Ready<'_>| serde_json::to_string(ready).unwrap();
        assert_eq!(
            line(&Ready::new(
                Some("http://localhost:8400"),
                Some("http://localhost:8401")
            )),
            format!(
                r#"{{"event":"ready","engine":"http://localhost:8400","app":"http://localhost:8401","pid":{pid}}}"#
            )
        );
        assert_eq!(
            line(&Ready::new(None, Some("http://localhost:8401"))),
            format!(r#"{{"event":"ready","app":"http://localhost:8401","pid":{pid}}}"#)
        );
    }
}

//! Why a command did not do what was asked: one line for people, one exit code for scripts.

use std::fmt;
use std::process::ExitCode;

/// What the process ends with (design §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something did not work: 1.
    Failed,
    /// The usage, the configuration or the machine's state does not allow it: 2.
    Unusable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Failed => Self::from(1),
            Exit::Unusable => Self::from(2),
        }
    }
}

/// A failure in one sentence that says what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    exit: Exit,
}

impl Failure {
    /// Something did not work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit: Exit::Failed,
        }
    }

    /// Wrong usage, wrong configuration, a port or a directory that cannot be had.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit: Exit::Unusable,
        }
    }

    /// What the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    /// Always one line, whatever the cause said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.message))
    }
}

/// Joins lines and drops control characters: messages quote what was typed or stored.
pub(crate) fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the system says about a failed operation, without its number: `permission denied`.
pub(crate) fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "it is not there".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotADirectory => "a part of the path is not a directory".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_it_quotes() {
        let failure = Failure::failed("first\n  second\u{1b}[31m\r\nthird");
        assert_eq!(failure.to_string(), "first second [31m third");
        assert_eq!(failure.exit(), Exit::Failed);
    }
}

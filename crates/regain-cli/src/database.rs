//! The store that a deployment names: `sqlite:PATH`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use regain_store_sqlite::{OpenError, SqliteStore};
use regain_types::SystemClock;

use crate::failure::Failure;

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// A file of this machine.
    Sqlite(PathBuf),
}

impl StoreUrl {
    /// Reads `sqlite:PATH`; a relative path is relative to `directory`.
    ///
    /// # Errors
    /// The rest of a sentence that begins with the key.
    pub(crate) fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(
                directory.join(path.strip_prefix("//").unwrap_or(path)),
            )),
            _ => {
                let scheme = text.split(':').next().unwrap_or_default();
                Err(format!(
                    "must be sqlite:PATH; there is no store for {scheme:?}"
                ))
            }
        }
    }

    /// Opens the database, makes it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// A [`Failure`] in the database's words.
    pub(crate) fn open(&self) -> Result<Arc<SqliteStore>, Failure> {
        let Self::Sqlite(path) = self;
        SqliteStore::open(path, Arc::new(SystemClock::new()))
            .map(Arc::new)
            .map_err(|error| refused(&error))
    }

    /// Opens the database as it is: for commands that must not make or change one.
    ///
    /// # Errors
    /// A [`Failure`] in the database's words.
    pub(crate) fn open_current(&self) -> Result<Arc<SqliteStore>, Failure> {
        let Self::Sqlite(path) = self;
        SqliteStore::open_current(path, Arc::new(SystemClock::new()))
            .map(Arc::new)
            .map_err(|error| refused(&error))
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        let Self::Sqlite(path) = self;
        path
    }
}

/// A database that cannot be used is a question of configuration: exit code 2.
pub(crate) fn refused(error: &OpenError) -> Failure {
    let hint = match error {
        OpenError::Missing { .. } => "; `regain migrate` makes it",
        OpenError::Unwritable { .. } => {
            "; choose another place, or give this user the right to write there"
        }
        _ => "",
    };
    Failure::unusable(format!("{error}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_begin_at_the_configuration_file() {
        let directory = Path::new("/etc/regain");
        let parse = |text| StoreUrl::parse(text, directory);
        assert_eq!(
            parse("sqlite:regain.db"),
            Ok(StoreUrl::Sqlite("/etc/regain/regain.db".into()))
        );
        assert_eq!(
            parse("sqlite:/var/x.db"),
            Ok(StoreUrl::Sqlite("/var/x.db".into()))
        );
        assert_eq!(
            parse("sqlite:///var/x.db"),
            Ok(StoreUrl::Sqlite("/var/x.db".into()))
        );
        assert!(
            parse("mysql://localhost/regain")
                .unwrap_err()
                .contains("mysql")
        );
        assert!(parse("sqlite:").is_err());
        assert!(parse("").is_err());
    }
}

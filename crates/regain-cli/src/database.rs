//! The store that a deployment names: `sqlite:PATH`, or `postgres://…`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regain_store::Store;
use regain_store_postgres::{Options, PostgresStore};
use regain_store_sqlite::{OpenError, SqliteStore};
use regain_types::SystemClock;

use crate::failure::Failure;

/// The variable that PostgreSQL's own clients take the password from.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// A server, which several nodes may share.
    Postgres {
        /// How to get there.
        options: Box<Options>,
        /// Where this node keeps what is not in the database.
        directory: PathBuf,
    },
    /// A file of this machine.
    Sqlite(PathBuf),
}

/// What a migration did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migrated {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl StoreUrl {
    /// Reads `sqlite:PATH` or `postgres://…`; a relative path is relative to `directory`.
    ///
    /// # Errors
    /// The rest of a sentence that begins with the key. It never holds a password.
    #[expect(clippy::disallowed_methods, reason = "configuration is read here")]
    pub(crate) fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(
                directory.join(path.strip_prefix("//").unwrap_or(path)),
            )),
            Some(("postgres" | "postgresql", _)) => {
                let options = Options::parse_in(text, directory);
                let mut options = options.map_err(|error| format!("cannot be used: {error}"))?;
                if !options.has_password()
                    && let Ok(password) = std::env::var(PASSWORD_VARIABLE)
                {
                    options.set_password(&password);
                }
                Ok(Self::Postgres {
                    options: Box::new(options),
                    directory: directory.to_owned(),
                })
            }
            _ => {
                let scheme = text.split(':').next().unwrap_or_default();
                Err(format!(
                    "must be sqlite:PATH or postgres://USER@HOST/DATABASE; there is no store for {scheme:?}"
                ))
            }
        }
    }

    /// Opens the database, makes its schema or brings it up to date.
    ///
    /// # Errors
    /// A [`Failure`] in the database's words.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        Ok(match self {
            Self::Postgres { options, .. } => Arc::new(
                PostgresStore::open(options)
                    .await
                    .map_err(|error| unusable(&error))?,
            ),
            Self::Sqlite(path) => Arc::new(
                SqliteStore::open(path, Arc::new(SystemClock::new()))
                    .map_err(|error| refused(&error))?,
            ),
        })
    }

    /// Opens the database as [`StoreUrl::open`] does, for the process that serves from it: beside a
    /// file it keeps some space for the day on which the disk is full.
    ///
    /// # Errors
    /// A [`Failure`] in the database's words.
    pub(crate) async fn open_to_serve(&self) -> Result<Arc<dyn Store>, Failure> {
        match self {
            Self::Postgres { .. } => self.open().await,
            Self::Sqlite(path) => Ok(Arc::new(
                SqliteStore::open_to_serve(path, Arc::new(SystemClock::new()))
                    .map_err(|error| refused(&error))?,
            )),
        }
    }

    /// Opens the database as it is: for commands that must not make or change one.
    ///
    /// # Errors
    /// A [`Failure`] in the database's words.
    pub(crate) async fn open_current(&self) -> Result<Arc<dyn Store>, Failure> {
        Ok(match self {
            Self::Postgres { options, .. } => Arc::new(
                PostgresStore::open_current(options)
                    .await
                    .map_err(|error| unusable(&error))?,
            ),
            Self::Sqlite(path) => Arc::new(
                SqliteStore::open_current(path, Arc::new(SystemClock::new()))
                    .map_err(|error| refused(&error))?,
            ),
        })
    }

    /// Makes the schema or brings it up to date.
    ///
    /// # Errors
    /// A [`Failure`] in the database's words.
    pub(crate) async fn migrate(&self) -> Result<Migrated, Failure> {
        Ok(match self {
            Self::Postgres { options, .. } => {
                let migrated = regain_store_postgres::migrate(options)
                    .await
                    .map_err(|error| unusable(&error))?;
                Migrated {
                    from: migrated.from,
                    to: migrated.to,
                }
            }
            Self::Sqlite(path) => {
                let migrated =
                    regain_store_sqlite::migrate(path).map_err(|error| refused(&error))?;
                Migrated {
                    from: migrated.from,
                    to: migrated.to,
                }
            }
        })
    }

    /// What this node keeps beside the database goes here: for a file, where it is.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        match self {
            Self::Postgres { directory, .. } => directory.join(name),
            Self::Sqlite(path) => path.with_file_name(name),
        }
    }

    /// Whether no other node can share it.
    pub(crate) const fn is_one_node(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// What an operator looks at first when the database cannot be written.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Postgres { .. } => "look at the server, its disk and what this user may do there",
            Self::Sqlite(_) => "look at the disk's space and the file's owner",
        }
    }
}

impl fmt::Display for StoreUrl {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres { options, .. } => options.fmt(f),
            Self::Sqlite(path) => path.display().fmt(f),
        }
    }
}

/// A URL as it may be shown: without the user's password.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    // What is before the last @ of the authority is the user, and the password behind a colon.
    let authority_end = base.find('/').unwrap_or(base.len());
    let (authority, path) = base.split_at(authority_end);
    let shown = match authority.rsplit_once('@') {
        Some((user, hosts)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{user}@{hosts}")
        }
        None => authority.to_owned(),
    };
    let shown_query: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("password="))
        .collect();
    let mark = if shown_query.is_empty() { "" } else { "?" };
    format!("{scheme}://{shown}{path}{mark}{}", shown_query.join("&"))
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

fn unusable(error: &regain_store_postgres::OpenError) -> Failure {
    Failure::unusable(error.to_string())
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

    #[test]
    fn both_names_of_the_scheme_are_known() {
        for url in [
            "postgres://regain@db.example/regain?sslmode=verify-full",
            "postgresql://regain@db.example/regain",
        ] {
            let parsed = StoreUrl::parse(url, Path::new("/etc/regain")).unwrap();
            assert_eq!(parsed.to_string(), "postgres://db.example:5432/regain");
            assert_eq!(
                parsed.beside("dev-mailbox"),
                Path::new("/etc/regain/dev-mailbox")
            );
        }
    }

    /// Y-06: what is shown and what is complained about holds no password.
    #[test]
    fn a_password_is_not_shown() {
        for (url, shown) in [
            (
                "postgres://regain:canary@one,two:5433/db?password=canary&sslmode=require",
                "postgres://regain@one,two:5433/db?sslmode=require",
            ),
            (
                "postgres://regain:c@n@ry@one/db",
                "postgres://regain@one/db",
            ),
            ("postgres://one/db", "postgres://one/db"),
            ("sqlite:regain.db", "sqlite:regain.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
        let directory = Path::new("/etc/regain");
        let wrong = "postgres://regain:canary@host:port/db";
        assert!(
            !StoreUrl::parse(wrong, directory)
                .unwrap_err()
                .contains("canary")
        );
    }
}

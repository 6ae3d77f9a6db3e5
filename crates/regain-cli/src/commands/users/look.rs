//! `regain users list`, `show` and `status`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_engine::UserStatus;
use regain_store::{Store, UserRecord, UserRow};
use regain_types::{Identifier, OrgId, UserId};

use super::record::Record;
use super::unavailable;
use crate::commands::ConfigFile;
use crate::failure::{Failure, one_line};
use crate::{config, print, say};

const PAGE: usize = 1_000;
const NOT_READ: &str = "the users were not read";

/// List users: id, status, login and address, one per line
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    file: ConfigFile,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    /// Those after this one
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

impl List {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = &configuration.settings.org;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let mut after = self.after.map(UserId::parse).transpose().map_err(|error| {
            Failure::unusable(format!("--after is {error}: give the id of a user"))
        })?;
        let mut left = self.limit;
        while left > 0 {
            let page = store.list_users(org, after.as_ref(), left.min(PAGE)).await;
            let page = page.map_err(|error| unavailable(NOT_READ, &error))?;
            let Some(last) = page.last() else {
                return Ok(ExitCode::SUCCESS);
            };
            after = Some(last.facts.id.clone());
            left = left.saturating_sub(page.len());
            page.iter().for_each(print_line);
        }
        if let Some(last) = after {
            say(&format!("There may be more: --after {last}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print_line(user: &UserRow) {
    let facts = &user.facts;
    let email = facts.email.as_deref().unwrap_or("-");
    let (id, status) = (&facts.id, facts.status.as_str());
    print(&format!(
        "{id}\t{status}\t{}\t{}",
        one_line(&facts.login),
        one_line(email)
    ));
}

/// Show one user as JSON, without the password
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    file: ConfigFile,
    /// Login or id
    #[arg(value_name = "LOGIN")]
    who: String,
}

impl Show {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let user = find(&*store, &configuration.settings.org, &self.who).await?;
        let has_password = user.facts.password.is_some();
        let row = UserRow {
            created_at: user.updated_at,
            updated_at: user.updated_at,
            facts: user.facts,
        };
        let mut record = Record::of(&row, None);
        record.created_at = None;
        let json = serde_json::to_string_pretty(&record);
        print(&json.map_err(|error| Failure::failed(error.to_string()))?);
        say(if has_password {
            "has a password"
        } else {
            "has no password yet"
        });
        for factor in &row.facts.enrollments.list {
            let key = one_line(factor.authenticator.as_str());
            say(&format!("has a second factor: {key}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Change what a user may do; who may not sign in any more is signed out everywhere
#[derive(Debug, Args)]
#[command(after_help = "Example: regain users status alice@example.com suspended")]
pub(crate) struct Status {
    #[command(flatten)]
    file: ConfigFile,
    /// Login or id
    #[arg(value_name = "LOGIN")]
    who: String,
    /// active, deprovisioned, `locked_out`, staged or suspended
    #[arg(value_name = "STATUS", value_parser = status)]
    to: UserStatus,
}

fn status(word: &str) -> Result<UserStatus, &'static str> {
    UserStatus::parse(&word.to_ascii_uppercase())
        .ok_or("must be active, deprovisioned, locked_out, staged or suspended")
}

impl Status {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = &configuration.settings.org;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let user = find(&*store, org, &self.who).await?;
        let changed = store.set_user_status(org, &user.facts.id, self.to).await;
        changed.map_err(|error| unavailable("the status was not changed", &error))?;
        print(&format!("{} {}", user.facts.id, self.to.as_str()));
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) async fn find(store: &dyn Store, org: &OrgId, who: &str) -> Result<UserRecord, Failure> {
    let mut found = None;
    if let Ok(identifier) = Identifier::parse(who) {
        found = store
            .find_user(org, identifier.canonical())
            .await
            .map_err(|error| unavailable(NOT_READ, &error))?;
    }
    if let (None, Ok(id)) = (&found, UserId::parse(who)) {
        let loaded = store.load_user(org, &id).await;
        found = loaded.map_err(|error| unavailable(NOT_READ, &error))?;
    }
    found.ok_or_else(|| {
        Failure::failed(format!(
            "there is no user {who:?}; `regain users list` shows all"
        ))
    })
}

//! `regain users create`.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use regain_engine::{
    BrokenRule, PasswordRules, StoredPassword, UserFacts, UserStatus, normalised_password,
};
use regain_server::{HashSettings, hash_with};
use regain_store::{NewUser, StoreError};
use regain_types::{PepperKey, Secret, SystemEntropy, UserId};

use super::{canonical, canonical_address, name, unavailable};
use crate::commands::{ConfigFile, keys};
use crate::failure::{Failure, reason};
use crate::{config, print};

/// Longest line that is read as a password, in bytes.
const PASSWORD_BYTES_MAX: usize = 4_096;
const NOT_CREATED: &str = "the user was not created";

/// Create a user; prints the new id
///
/// Without a password the user sets the first one with "Forgot password?".
#[derive(Debug, Args)]
#[command(after_help = "\
Example: regain users create --login alice@example.com --first-name Alice --last-name Example
The user's address counts as verified: codes are mailed to it.")]
pub(crate) struct Create {
    #[command(flatten)]
    file: ConfigFile,
    /// What the user signs in with, usually the address
    #[arg(value_name = "LOGIN", required_unless_present = "login")]
    login_argument: Option<String>,
    /// The same, as an option
    #[arg(long, value_name = "LOGIN", conflicts_with = "login_argument")]
    login: Option<String>,
    /// The address for codes; the login unless given, if that is an address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Given name
    #[arg(long, value_name = "NAME", default_value = "")]
    first_name: String,
    /// Family name
    #[arg(long, value_name = "NAME", default_value = "")]
    last_name: String,
    /// Read the first password from the first line of stdin
    #[arg(long, conflicts_with = "password_file")]
    password_stdin: bool,
    /// Read the first password from the first line of a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Create {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let settings = &configuration.settings;
        let mut user = self.user()?;
        let password = if let Some(password) = self.read_password()? {
            Some(checked(&password, &user, &settings.policy.password)?)
        } else {
            None
        };
        let store = configuration.store.open().await?;
        let pepper = keys::begin(&configuration, &*store, false).await?;
        if let Some(password) = password {
            user.password = Some(StoredPassword {
                phc: hash(password, settings.hash, pepper).await?,
                nfc: true,
                set_at: store
                    .now()
                    .await
                    .map_err(|error| unavailable(NOT_CREATED, &error))?,
            });
        }
        let (id, login) = (user.id.clone(), user.login.clone());
        store.create_user(&settings.org, user).await.map_err(|error| match error {
            StoreError::Exists(what) => Failure::failed(format!(
                "{login} was not created: {what} exists already; choose another login or address"
            )),
            other => unavailable(NOT_CREATED, &other),
        })?;
        print(id.as_str());
        Ok(ExitCode::SUCCESS)
    }

    fn user(&self) -> Result<NewUser, Failure> {
        let login = self.login_argument.as_ref().or(self.login.as_ref());
        let login = canonical("the login", login.map(String::as_str).unwrap_or_default())
            .map_err(Failure::unusable)?;
        let email = match &self.email {
            Some(address) => {
                Some(canonical_address("--email", address).map_err(Failure::unusable)?)
            }
            None => login.contains('@').then(|| login.clone()),
        };
        Ok(NewUser {
            id: UserId::random(&mut SystemEntropy),
            login,
            email,
            first_name: name("--first-name", &self.first_name).map_err(Failure::unusable)?,
            last_name: name("--last-name", &self.last_name).map_err(Failure::unusable)?,
            locale: "en_US".to_owned(),
            time_zone: "UTC".to_owned(),
            status: UserStatus::Active,
            password: None,
        })
    }

    fn read_password(&self) -> Result<Option<Secret<String>>, Failure> {
        let text = match (&self.password_file, self.password_stdin) {
            (Some(path), _) => Some(first_line_of_file(path)?),
            (None, true) => Some(first_line_of_stdin()?),
            (None, false) => None,
        };
        match text {
            Some(text) if text.expose().is_empty() => Err(Failure::unusable(
                "the password is empty: its first line is read",
            )),
            text => Ok(text),
        }
    }
}

fn first_line_of_file(path: &Path) -> Result<Secret<String>, Failure> {
    let text = std::fs::read_to_string(path)
        .map(Secret::new)
        .map_err(|error| {
            Failure::unusable(format!(
                "{} cannot be read: {}",
                path.display(),
                reason(&error)
            ))
        })?;
    Ok(Secret::new(
        text.expose().lines().next().unwrap_or_default().to_owned(),
    ))
}

fn first_line_of_stdin() -> Result<Secret<String>, Failure> {
    if io::stdin().is_terminal() {
        crate::say("Type the password and press Enter (it is shown while you type):");
    }
    let mut line = String::new();
    let mut input = io::Read::take(io::stdin().lock(), PASSWORD_BYTES_MAX as u64);
    let read = input.read_line(&mut line);
    let line = Secret::new(line);
    read.map_err(|error| Failure::failed(format!("stdin cannot be read: {}", reason(&error))))?;
    Ok(Secret::new(
        line.expose().trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

/// An administrator's password keeps the rules too: it is one that people may go on with.
fn checked(
    password: &Secret<String>,
    user: &NewUser,
    rules: &PasswordRules,
) -> Result<Secret<String>, Failure> {
    let facts = UserFacts {
        id: user.id.clone(),
        login: user.login.clone(),
        email: user.email.clone(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        locale: user.locale.clone(),
        time_zone: user.time_zone.clone(),
        status: user.status,
        password: None,
        history: Vec::new(),
        enrollments: regain_engine::Enrollments::default(),
    };
    let broken = rules.broken_by(password.expose(), &facts);
    if broken.is_empty() {
        Ok(Secret::new(normalised_password(password.expose())))
    } else {
        Err(Failure::unusable(BrokenRule::sentence(&broken)))
    }
}

async fn hash(
    password: Secret<String>,
    settings: HashSettings,
    pepper: Option<PepperKey>,
) -> Result<String, Failure> {
    tokio::task::spawn_blocking(move || hash_with(&password, settings, pepper.as_ref()))
        .await
        .map_err(|error| Failure::failed(format!("the password was not hashed: {error}")))?
        .map_err(|error| Failure::unusable(error.to_string()))
}

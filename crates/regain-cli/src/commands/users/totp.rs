//! `regain users totp`: codes from an authenticator app.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_engine::{enroll_totp, totp_key};
use regain_store::Store;
use regain_types::{KeyRing, SystemEntropy};

use super::look::find;
use super::unavailable;
use crate::commands::ConfigFile;
use crate::failure::Failure;
use crate::{config, print, say};

/// Give a user an authenticator app, which is asked for at each sign-in from then on, or take it away
///
/// Prints the secret, which is shown once and never again, and the address that apps read from a
/// QR code.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  regain users totp dave@example.com
  regain users totp dave@example.com --replace   # the phone is lost
  regain users totp dave@example.com --remove")]
pub(crate) struct Totp {
    #[command(flatten)]
    file: ConfigFile,
    /// Login or id
    #[arg(value_name = "LOGIN")]
    who: String,
    /// Let a new secret take the place of the one that the user has
    #[arg(long, conflicts_with = "remove")]
    replace: bool,
    /// Take the app away: the password alone signs in
    #[arg(long)]
    remove: bool,
}

impl Totp {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = &configuration.settings.org;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let user = find(&*store, org, &self.who).await?.facts;
        let (key, enrollments) = (totp_key(), &user.enrollments);
        let has_one = enrollments.of(&key).is_some();
        let save = |list| store.save_enrollments(org, &user.id, enrollments.version, list);
        if self.remove {
            if !has_one {
                return Err(Failure::failed("the user has no authenticator app"));
            }
            let mut list = enrollments.list.clone();
            list.retain(|enrollment| enrollment.authenticator != key);
            save(list)
                .await
                .map_err(|error| unavailable("the app was not taken away", &error))?;
            print(&format!("{} no authenticator app", user.id));
            return Ok(ExitCode::SUCCESS);
        }
        if has_one && !self.replace {
            return Err(Failure::failed(
                "the user has an authenticator app: --replace gives a new secret, and the old app's codes end",
            ));
        }
        let keys = KeyRing::derive(&configuration.master_key);
        let now = store.now().await;
        let now = now.map_err(|error| unavailable("the app was not added", &error))?;
        let (enrollment, secret) = enroll_totp((&keys, org), now, &mut SystemEntropy);
        save(enrollments.with(enrollment))
            .await
            .map_err(|error| unavailable("the app was not added", &error))?;
        let issuer = &configuration.settings.brand.org_name;
        print(secret.base32().expose());
        print(secret.uri(issuer, &user.login).expose());
        say(
            "Enter the first line in the app, or make a QR code of the second. Neither is shown again.",
        );
        Ok(ExitCode::SUCCESS)
    }
}

//! `regain users factors`: what a user is asked for after the password.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_engine::{
    AuthenticatorKey, Enrollment, Outcome, TotpSecret, UserFacts, enroll_email, enroll_totp,
    totp_key,
};
use regain_store::{AuditRow, RequestMeta, Store};
use regain_types::{KeyRing, OrgId, SystemEntropy, Timestamp, random_base62};

use super::look::find;
use super::unavailable;
use crate::commands::ConfigFile;
use crate::config::{self, Configuration, second_factor};
use crate::failure::{Failure, one_line};
use crate::{print, say};

const AUDIT_ID_LENGTH: usize = 20;
/// A mail is what a recovery takes, too.
const MAIL_IS_WEAK: &str = "A code by mail keeps out who has the password alone. Who reads the mailbox can set another password and has the code as well, also beside an app.";

/// List what a user is asked for after the password, and add or remove it
///
/// `google_otp` is an authenticator app: adding one prints its secret, which is shown once and never
/// again, and the address that apps read from a QR code. `okta_email` is a code by mail. What
/// `[sign_in] second_factors` does not name is not asked for. While several nodes are upgraded, wait
/// until all of them run this release: an older one asks nobody.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  regain users factors dave@example.com
  regain users factors dave@example.com --add google_otp
  regain users factors dave@example.com --add google_otp --replace   # the phone is lost
  regain users factors bob@example.com --add okta_email
  regain users factors bob@example.com --remove okta_email")]
pub(crate) struct Factors {
    #[command(flatten)]
    file: ConfigFile,
    /// Login or id
    #[arg(value_name = "LOGIN")]
    who: String,
    /// `google_otp` or `okta_email`
    #[arg(long, value_name = "KEY", value_parser = second_factor, conflicts_with = "remove")]
    add: Option<AuthenticatorKey>,
    /// Let what is added take the place of what the user has: an old app's codes end
    #[arg(long, requires = "add")]
    replace: bool,
    /// The same keys
    #[arg(long, value_name = "KEY", value_parser = second_factor)]
    remove: Option<AuthenticatorKey>,
}

impl Factors {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = &configuration.settings.org;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let user = find(&*store, org, &self.who).await?.facts;
        let now = store.now().await;
        let now = now.map_err(|error| unavailable("the user was not changed", &error))?;
        let mut secret = None;
        let list = match (&self.add, &self.remove) {
            (Some(key), _) => {
                let (added, of_app) = self.added(key, &user, &configuration, now)?;
                secret = of_app;
                user.enrollments.with(added)
            }
            (None, Some(key)) => without(key, &user)?,
            (None, None) => {
                user.enrollments.list.iter().for_each(print_line);
                return Ok(ExitCode::SUCCESS);
            }
        };
        store
            .save_enrollments(org, &user.id, user.enrollments.version, list.clone())
            .await
            .map_err(|error| unavailable("the user was not changed", &error))?;
        if let Some(secret) = secret {
            let issuer = &configuration.settings.brand.org_name;
            print(secret.base32().expose());
            print(secret.uri(issuer, &user.login).expose());
            say(
                "Enter the first line in the app, or make a QR code of the second. Neither is shown again.",
            );
        }
        list.iter().for_each(print_line);
        let policy = &configuration.settings.policy;
        if let Some(key) = &self.add
            && !policy.sign_in.second_factors.contains(key)
        {
            let key = key.as_str();
            say(&format!(
                "It is not asked for: [sign_in] second_factors does not name {key}."
            ));
        }
        if self.add.is_some() && list.iter().any(|it| it.authenticator != totp_key()) {
            say(MAIL_IS_WEAK);
        }
        note(&*store, org, &user, (&self, now)).await?;
        Ok(ExitCode::SUCCESS)
    }

    fn added(
        &self,
        key: &AuthenticatorKey,
        user: &UserFacts,
        configuration: &Configuration,
        now: Timestamp,
    ) -> Result<(Enrollment, Option<TotpSecret>), Failure> {
        if user.enrollments.of(key).is_some() && !self.replace {
            return Err(Failure::failed(format!(
                "the user has {} already: --replace puts a new one in its place",
                key.as_str()
            )));
        }
        if *key == totp_key() {
            let keys = KeyRing::derive(&configuration.master_key);
            let org = &configuration.settings.org;
            let (enrollment, secret) = enroll_totp((&keys, org), now, &mut SystemEntropy);
            return Ok((enrollment, Some(secret)));
        }
        if user.email.is_none() {
            return Err(Failure::failed(
                "the user has no address that codes could be sent to",
            ));
        }
        Ok((enroll_email(now), None))
    }
}

/// The log tells of it, and devices that were known are not any more: somebody may have signed in on
/// them with the password alone.
async fn note(
    store: &dyn Store,
    org: &OrgId,
    user: &UserFacts,
    (asked, now): (&Factors, Timestamp),
) -> Result<(), Failure> {
    let name = match (&asked.add, asked.replace) {
        (Some(_), false) => "user.mfa.factor.activate",
        (Some(_), true) => "user.mfa.factor.update",
        (None, _) => "user.mfa.factor.deactivate",
    };
    let row = AuditRow {
        id: random_base62(&mut SystemEntropy, AUDIT_ID_LENGTH),
        at: now,
        name: name.to_owned(),
        subject: user.id.as_str().to_owned(),
        flow: None,
        outcome: Outcome::Success.as_str().to_owned(),
        reason: Some("OPERATOR".to_owned()),
        request: RequestMeta::default(),
    };
    let forgotten = store.forget_devices(org, &user.id).await;
    let noted = store.add_audit(org, vec![row]).await;
    forgotten
        .and(noted)
        .map_err(|error| unavailable("it is done, but the log does not tell of it", &error))
}

fn without(key: &AuthenticatorKey, user: &UserFacts) -> Result<Vec<Enrollment>, Failure> {
    if user.enrollments.of(key).is_none() {
        let message = format!("the user has no {}", key.as_str());
        return Err(Failure::failed(message));
    }
    let mut list = user.enrollments.list.clone();
    list.retain(|enrollment| enrollment.authenticator != *key);
    Ok(list)
}

fn print_line(enrollment: &Enrollment) {
    print(&format!(
        "{}\t{}",
        one_line(enrollment.authenticator.as_str()),
        enrollment.enrolled_at
    ));
}

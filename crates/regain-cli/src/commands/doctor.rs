//! `regain doctor`: looks at everything that the engine needs, and says what to do.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_mail::{SmtpTransport, Transport as _};
use regain_oauth::SigningKey;
use regain_server::compare_pepper;
use regain_store::Store;
use regain_types::{Clock as _, PepperKey, SystemClock, Timestamp};

use super::{ConfigFile, keys};
use crate::config::{self, Configuration};
use crate::failure::{Exit, Failure, one_line};
use crate::print;

/// How far the store's time may be ahead of the machine's before it is worth a word.
const CLOCK_AHEAD_SECONDS_MAX: i64 = 5;
/// Before this release was made no clock is right: 2026-01-01.
const EARLIEST: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Check store, schema, keys, pepper, mail, clock and addresses; exit code 1 if something needs attention
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    file: ConfigFile,
}

/// What was found about one thing.
#[derive(Debug)]
enum Finding {
    /// It works.
    Fine(String),
    /// It works, and there is something to know.
    Note(String),
    /// It does not, and what to do.
    Problem(String),
}

/// Runs every check.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let configuration = config::load(&options.file.config, None)?;
    let (store, opened) = open_store(&configuration).await;
    let findings = [
        ("store", opened),
        ("keys", check_keys(&configuration, store.as_deref()).await),
        (
            "pepper",
            check_pepper(&configuration, store.as_deref()).await,
        ),
        ("mail", check_mail(&configuration).await),
        ("clock", check_clock(store.as_deref()).await),
        ("address", check_address(&configuration)),
    ];
    let mut is_sound = true;
    for (what, finding) in findings {
        let (word, text) = match finding {
            Finding::Fine(text) => ("ok", text),
            Finding::Note(text) => ("note", text),
            Finding::Problem(text) => {
                is_sound = false;
                ("PROBLEM", text)
            }
        };
        print(&format!("{what:<8} {word:<8} {}", one_line(&text)));
    }
    for warning in configuration.warnings() {
        print(&format!(
            "{:<8} {:<8} {}",
            "config",
            "note",
            one_line(&warning)
        ));
    }
    Ok(if is_sound {
        ExitCode::SUCCESS
    } else {
        Exit::Failed.into()
    })
}

/// Opens the database as it is: looking must not migrate.
async fn open_store(configuration: &Configuration) -> (Option<Arc<dyn Store>>, Finding) {
    let store = match configuration.store.open_current().await {
        Ok(store) => store,
        Err(failure) => return (None, Finding::Problem(failure.to_string())),
    };
    let path = &configuration.store;
    let org = &configuration.settings.org;
    let finding = match (store.check().await, store.count_users(org).await) {
        (Ok(()), Ok(0)) => Finding::Note(format!(
            "{path} can be written; there is nobody in it yet: `regain users create`"
        )),
        (Ok(()), Ok(users)) => Finding::Fine(format!("{path} can be written; {users} user(s)")),
        (Err(error), _) | (_, Err(error)) => {
            Finding::Problem(format!("{path}: {error}; {}", path.advice()))
        }
    };
    (Some(store), finding)
}

/// The permissions of the master key were checked with the configuration. Here: does it open what
/// the database holds?
async fn check_keys(configuration: &Configuration, store: Option<&dyn Store>) -> Finding {
    let Some(store) = store else {
        return Finding::Note("the master key can be read; not tried without the store".to_owned());
    };
    let org = &configuration.settings.org;
    match store.list_signing_keys(org).await {
        Ok(keys) if keys.is_empty() => Finding::Fine(
            "the master key can be read; `serve` makes the first signing key".to_owned(),
        ),
        Ok(keys) => {
            let opened = keys
                .iter()
                .filter(|key| {
                    SigningKey::open(&configuration.master_key, &key.kid, &key.sealed).is_ok()
                })
                .count();
            if opened == keys.len() {
                Finding::Fine(format!("the master key opens {opened} signing key(s)"))
            } else {
                Finding::Problem(format!(
                    "the master key opens {opened} of {} signing keys: it is not the one of this database; put the right one back",
                    keys.len()
                ))
            }
        }
        Err(error) => Finding::Problem(error.to_string()),
    }
}

/// Whether every password hash can be checked.
async fn check_pepper(configuration: &Configuration, store: Option<&dyn Store>) -> Finding {
    let place = &configuration.pepper_place;
    let Some(store) = store else {
        return Finding::Note("not tried without the store".to_owned());
    };
    let listed = match keys::listed(store, &configuration.settings.org).await {
        Ok(listed) => listed,
        Err(failure) => return Finding::Problem(failure.to_string()),
    };
    let in_use = match compare_pepper(&configuration.pepper, &listed) {
        Ok(in_use) => in_use,
        Err(problem) => return Finding::Problem(keys::refused(place, problem).to_string()),
    };
    let newest = configuration.pepper.newest().map(PepperKey::version);
    match (in_use.current, newest) {
        (None, None) => Finding::Note(format!(
            "password hashes have no pepper: `regain keys rotate pepper` makes one in {place}"
        )),
        (current, Some(newest)) if current < Some(newest) => Finding::Note(format!(
            "version {newest} in {place} is not in use yet: {}",
            if configuration.store.is_one_node() {
                "the next start of `regain serve` takes it into use"
            } else {
                "when all nodes have it and were restarted, run `regain keys use pepper`"
            }
        )),
        (Some(current), _) => Finding::Fine(format!(
            "version {current} goes into new password hashes; {place} has every version that old ones need"
        )),
        (None, Some(_)) => Finding::Fine(format!("{place} can be read")),
    }
}

async fn check_mail(configuration: &Configuration) -> Finding {
    let Some(smtp) = &configuration.smtp else {
        return Finding::Note(
            "[mail.smtp] is missing: mails wait in the outbox (with `serve --dev` they are at /dev/mailbox)"
                .to_owned(),
        );
    };
    let relay = format!("{}:{}", smtp.host, smtp.port);
    let checked = match SmtpTransport::new(smtp.clone()) {
        Ok(transport) => transport.check().await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match checked {
        Ok(()) => Finding::Fine(format!("{relay} takes mails")),
        Err(why) => Finding::Problem(format!(
            "{relay}: {why}; look at [mail.smtp]: host, port, tls, ca_file, username, password"
        )),
    }
}

async fn check_clock(store: Option<&dyn Store>) -> Finding {
    let here = SystemClock::new().now();
    if here < EARLIEST {
        return Finding::Problem(format!(
            "the machine's clock says {here}: set it (NTP), or no token verifies"
        ));
    }
    match store {
        None => Finding::Fine(format!("the machine's clock says {here}")),
        Some(store) => match store.now().await {
            Ok(now) if now.seconds_since(here) > CLOCK_AHEAD_SECONDS_MAX => {
                Finding::Problem(format!(
                    "the store's time is {now}, {} s ahead of the machine's: the machine's clock was set back, or POST /dev/clock moved it; codes and limits wait until it catches up",
                    now.seconds_since(here)
                ))
            }
            Ok(now) => Finding::Fine(format!("{now}")),
            Err(error) => Finding::Problem(error.to_string()),
        },
    }
}

/// Whether the public address can lead to where the engine listens.
fn check_address(configuration: &Configuration) -> Finding {
    let url = &configuration.settings.public_url;
    let Ok(parsed) = url::Url::parse(url) else {
        return Finding::Problem(format!("server.public_url {url} cannot be read"));
    };
    let listens = configuration
        .listen
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if !configuration.is_public_url_local() {
        return Finding::Fine(format!(
            "{url} must lead to {listens}; if a proxy is between, name it in server.trusted_proxies"
        ));
    }
    let port = parsed.port_or_known_default();
    if configuration
        .listen
        .iter()
        .any(|address| Some(address.port()) == port)
    {
        Finding::Fine(format!("{url} leads to {listens}"))
    } else {
        Finding::Problem(format!(
            "{url} does not lead to {listens}: make the port of server.public_url one of server.listen"
        ))
    }
}

//! `regain serve`: the engine for production.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_mail::{DevMailbox, SmtpTransport, Transport};
use regain_server::{Dev, Parts, Peers, ServerTls};
use regain_store::Store;
use regain_types::SystemClock;
use tokio::net::TcpListener;

use super::{ConfigFile, keys};
use crate::certificate;
use crate::config::{self, Configuration};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::listeners;
use crate::no_relay::NoRelay;
use crate::ready::Ready;
use crate::stopping::{Signals, Stop, Stops};

/// Directory of the dev mailbox, beside the database or the configuration.
const DEV_MAILBOX_DIR: &str = "dev-mailbox";

/// Run the engine with a configuration file
#[derive(Debug, Args)]
#[command(after_help = "\
Example: regain init ./regain && regain serve --config regain/regain.toml --dev
SIGTERM and Ctrl-C let requests in flight finish; a second one stops at once. After SIGTERM
/health/ready is red for server.stop_grace_seconds before no connection is accepted any more. SIGHUP
reads the certificate of [server.tls] again; so does a change of its files.")]
pub(crate) struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// Another database than the configuration's, such as `sqlite:/var/lib/regain.db`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// For development: add /dev/mailbox, /dev/clock and /dev/reset. Refused unless every listen
    /// address is of this machine only
    #[arg(long)]
    dev: bool,
}

/// Serves until it is asked to stop.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let signals = Signals::catch()?;
    let hangup = Signals::catch_hangup()?;
    let configuration = config::load(&options.file.config, options.database.as_deref())?;
    if options.dev {
        refuse_dev_abroad(&configuration)?;
    }
    configuration
        .check_certificate()
        .map_err(Failure::unusable)?;
    for warning in configuration.warnings() {
        tracing::warn!("{warning}");
    }
    // Ports first: a second start by mistake touches no data.
    let listeners = listeners::bind(&configuration.listen)?;
    let operations = listeners::bind(configuration.metrics_listen.as_slice())?;
    let metrics = operations
        .first()
        .and_then(|listener| listener.local_addr().ok())
        .map(|address| format!("http://{address}"));
    let public_url = configuration.settings.public_url.clone();
    let addresses = configuration.listen.clone();
    let tls = configuration.tls.clone();
    let grace = configuration.stop_grace;
    let engine = Engine::start(parts(configuration, options.dev).await?).await?;
    tracing::info!(%public_url, ?addresses, dev = options.dev, "the engine is ready");
    Ready::new(Some(&public_url), None)
        .with_metrics(metrics.as_deref())
        .announce();
    Ok(signals
        .run(grace, |stops| {
            let fresh = certificate::keep_fresh(tls.clone(), hangup, stops.close.clone());
            let serving = serve(engine, (listeners, tls), operations, stops);
            async {
                tokio::join!(fresh, serving);
            }
        })
        .await)
}

/// Serves people and operators; the operators for as long as anybody is served, so that they see
/// the end.
async fn serve(
    engine: Engine,
    (listeners, tls): (Vec<TcpListener>, Option<Arc<ServerTls>>),
    operations: Vec<TcpListener>,
    stops: Stops,
) {
    let Stops { asked, close } = stops;
    let (is_done, operations_stop) = Stop::pair();
    let people = async {
        let (router, peers, stop) = (engine.router(), engine.peers(), close.wait());
        match tls {
            Some(tls) => regain_server::serve_tls(listeners, router, tls, peers, stop).await,
            None => regain_server::serve(listeners, router, peers, stop).await,
        }
        is_done.send_replace(true);
    };
    let operators = async {
        // With nothing to listen on it would be done at once.
        if !operations.is_empty() {
            let (router, stop) = (engine.operations(), operations_stop.wait());
            regain_server::serve(operations, router, Peers::default(), stop).await;
        }
    };
    tokio::join!(people, operators, engine.turn_red(asked));
    engine.drain().await;
}

async fn parts(configuration: Configuration, is_dev: bool) -> Result<Parts, Failure> {
    let store = configuration.store.open_to_serve().await?;
    begin_pepper(&configuration, &*store).await?;
    for client in configuration.clients {
        store
            .save_client(&configuration.settings.org, client)
            .await
            .map_err(|error| {
                Failure::unusable(format!(
                    "the clients of the configuration cannot be stored: {error}"
                ))
            })?;
    }
    let mailbox = if is_dev {
        Some(dev_mailbox(&configuration.store.beside(DEV_MAILBOX_DIR))?)
    } else {
        None
    };
    let transport: Arc<dyn Transport> = match (configuration.smtp, &mailbox) {
        (Some(smtp), _) => Arc::new(
            SmtpTransport::new(smtp).map_err(|error| Failure::unusable(error.to_string()))?,
        ),
        (None, Some(mailbox)) => Arc::clone(mailbox) as _,
        (None, None) => {
            tracing::warn!("[mail.smtp] is missing: mails wait in the outbox and are not sent");
            Arc::new(NoRelay)
        }
    };
    Ok(Parts {
        settings: configuration.settings,
        store,
        master_key: configuration.master_key,
        pepper: configuration.pepper,
        transport,
        dev: mailbox.map(|mailbox| Dev {
            mailbox,
            seed: None,
        }),
    })
}

/// A new version waits until every node has it; where there is one node, that is now.
async fn begin_pepper(configuration: &Configuration, store: &dyn Store) -> Result<(), Failure> {
    let one_node = configuration.store.is_one_node();
    let current = keys::begin(configuration, store, one_node).await?;
    let current = current.map(|key| key.version());
    if let Some(newest) = configuration.pepper.newest()
        && current < Some(newest.version())
    {
        tracing::warn!(version = %newest.version(), "a version of the pepper is here and not in use: when all nodes have it, run `regain keys use pepper`");
    }
    Ok(())
}

fn dev_mailbox(directory: &Path) -> Result<Arc<DevMailbox>, Failure> {
    DevMailbox::open(directory, Arc::new(SystemClock::new()))
        .map(Arc::new)
        .map_err(|error| Failure::unusable(format!("{}: {error}", directory.display())))
}

/// The surface for developers has no sign-in: it stays on this machine (design §2.2).
fn refuse_dev_abroad(configuration: &Configuration) -> Result<(), Failure> {
    match configuration
        .listen
        .iter()
        .find(|address| !address.ip().is_loopback())
    {
        None => Ok(()),
        Some(address) => Err(Failure::unusable(format!(
            "--dev shows every mail to whoever reaches it, and server.listen holds {address}: listen on 127.0.0.1 or ::1 only, or leave --dev out"
        ))),
    }
}

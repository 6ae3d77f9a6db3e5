//! `regain app`: the web app alone, against any issuer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use regain_server::{Network, Peers};
use regain_web::WebError;

use crate::config::app::{self, AppOptions};
use crate::failure::Failure;
use crate::listeners;
use crate::ready::Ready;
use crate::stopping::Signals;

/// Run the web app alone, against any issuer, an Okta org included
#[derive(Debug, Args)]
#[command(after_help = "\
Example: regain app --issuer http://localhost:8400/oauth2/default --client-id my-app
A secret comes from client_secret_file in app.toml, or from REGAIN__APP__CLIENT_SECRET.")]
pub(crate) struct Options {
    /// The app's configuration file; without it defaults, variables `REGAIN__APP__…`
    /// and options
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The issuer to sign in at
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The app's client id at the issuer
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Listen here, such as 127.0.0.1:8401
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

/// Serves until it is asked to stop.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let signals = Signals::catch()?;
    let given = AppOptions {
        issuer: options.issuer.as_deref(),
        client_id: options.client_id.as_deref(),
        listen: options.listen,
    };
    let configuration = app::load(options.config.as_deref(), &given)?;
    let listeners = listeners::bind(&[configuration.listen])?;
    let public_url = configuration.web.public_url.origin().ascii_serialization();
    let issuer = configuration.web.issuer.clone();
    let proxies = configuration.web.trusted_proxies.iter();
    let peers = Peers::behind(proxies.filter_map(|it| Network::parse(it)).collect());
    let router = regain_web::router(configuration.web)
        .await
        .map_err(|error| refused(&error))?;
    tracing::info!(%public_url, %issuer, "the web app is ready");
    Ready::new(None, Some(&public_url)).announce();
    Ok(signals
        .run(Duration::ZERO, |stops| {
            regain_server::serve(listeners, router, peers, stops.close.wait())
        })
        .await)
}

/// Every way in which the app does not start is a question of its configuration.
fn refused(error: &WebError) -> Failure {
    Failure::unusable(format!("the web app cannot start: {error}"))
}

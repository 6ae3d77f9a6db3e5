//! `regain demo`: engine, mailbox and web app in one process, with people and apps to try.

mod data;
mod people;
mod site;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Args;
use regain_engine::TotpSecret;
use regain_server::{Dev, Parts, Peers};
use regain_types::KeyRing;
use tokio::net::TcpListener;

use crate::engine::Engine;
use crate::failure::Failure;
use crate::ready::Ready;
use crate::stopping::{Signals, Stop, Stops};
use crate::{deployment, listeners, say};

use data::DataDir;
use people::DemoPeople;
use site::Site;

/// Run everything at once to look around: engine, mailbox and web app, with demo data
///
/// Prints where to look. Without --data everything is gone when it stops.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: regain demo
Then open http://localhost:8401, choose \"Forgot password?\", and recover alice@example.com with the
code that arrives at http://localhost:8400/dev/mailbox")]
pub(crate) struct Options {
    /// Keep users, keys and mails here; made if it is missing. Without it: a temporary directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep users and flows in this database, such as `postgres://localhost/demo`, and the rest in
    /// --data
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Port of the engine; 0 takes any free port
    #[arg(long, value_name = "PORT", default_value_t = 8400)]
    engine_port: u16,
    /// Port of the web app; 0 takes any free port
    #[arg(long, value_name = "PORT", default_value_t = 8401)]
    app_port: u16,
    /// Listen on this address besides 127.0.0.1 and `::1`. The demo has no secrets: whoever
    /// reaches it reads every mail
    #[arg(long, value_name = "ADDR")]
    listen: Option<IpAddr>,
}

/// The demo, complete but for people who use it.
struct Demo {
    engine: Engine,
    app: Router,
    engine_listeners: Vec<TcpListener>,
    app_listeners: Vec<TcpListener>,
    site: Site,
    app_secret: TotpSecret,
    // Last: a temporary directory goes when nothing uses it any more.
    data: DataDir,
}

/// Runs the demo until it is asked to stop.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let signals = Signals::catch()?;
    let demo = set_up(&options).await?;
    welcome(&demo, options.listen);
    Ready::new(Some(&demo.site.engine), Some(&demo.site.app)).announce();
    Ok(signals.run(Duration::ZERO, |stops| demo.serve(stops)).await)
}

async fn set_up(options: &Options) -> Result<Demo, Failure> {
    let (engine_port, engine_listeners) =
        listeners::bind_local(options.engine_port, options.listen)?;
    let (app_port, app_listeners) = listeners::bind_local(options.app_port, options.listen)?;
    let site = Site::new(engine_port, app_port);
    let data = DataDir::open(options.data.as_deref(), options.database.as_deref()).await?;
    for client in site.clients()? {
        data.store
            .save_client(&data.org, client)
            .await
            .map_err(|error| data.cannot_use(&error))?;
    }
    let people = Arc::new(DemoPeople {
        org: data.org.clone(),
        pepper: data.begin_pepper().await?,
        keys: KeyRing::derive(&data.master_key),
    });
    people
        .add(&*data.store)
        .await
        .map_err(|error| data.cannot_use(&error))?;
    let engine = Engine::start(Parts {
        settings: site.settings(deployment::org()?)?,
        store: Arc::clone(&data.store),
        master_key: data.master_key.clone(),
        pepper: data.pepper.clone(),
        transport: Arc::clone(&data.mailbox) as _,
        dev: Some(Dev {
            mailbox: Arc::clone(&data.mailbox),
            seed: Some(Arc::clone(&people) as _),
        }),
    })
    .await?;
    let app = regain_web::router(site.web_config(data.app_dir())?)
        .await
        .map_err(|error| Failure::unusable(format!("the web app cannot start: {error}")))?;
    Ok(Demo {
        engine,
        app,
        engine_listeners,
        app_listeners,
        site,
        app_secret: people.app_secret(),
        data,
    })
}

impl Demo {
    /// Serves both; the app stops first, because its requests need the engine.
    async fn serve(self, stops: Stops) {
        let Stops { asked, close } = stops;
        let (app_is_done, engine_stop) = Stop::pair();
        let app = async {
            let peers = Peers::on_one_machine();
            regain_server::serve(self.app_listeners, self.app, peers, close.wait()).await;
            app_is_done.send_replace(true);
        };
        let engine = regain_server::serve(
            self.engine_listeners,
            self.engine.router(),
            self.engine.peers(),
            engine_stop.wait(),
        );
        tokio::join!(app, engine, self.engine.turn_red(asked));
        self.engine.drain().await;
        drop(self.data);
    }
}

/// Tells people where to look.
fn welcome(demo: &Demo, listen: Option<IpAddr>) {
    let Demo { site, data, .. } = demo;
    if let Some(address) = listen.filter(|address| !address.is_loopback()) {
        say(&banner(address));
    }
    let Site { engine, app, .. } = site;
    let kept: String = match data.kept() {
        Some(path) => Path::display(path).to_string(),
        None => {
            "in a temporary directory, gone when the demo stops (--data DIR keeps it)".to_owned()
        }
    };
    let mailbox = format!("{engine}/dev/mailbox");
    let width = mailbox.len();
    say(&format!(
        "
  Regain demo

  Web app    {app:<width$}   sign in, or choose \"Forgot password?\"
  Mailbox    {mailbox}   mails arrive here, and nowhere else
  Issuer     {issuer}

  Users      {login:<width$}   password {password}
             {with_mail:<width$}   the same, and a code by mail
             {with_app:<width$}   the same, and an authenticator app with the secret
             {nothing:<width$}   {secret_of_app}

  Clients    {web:<width$}   confidential, secret {secret}
             {spa:<width$}   public, PKCE

  Data       {kept}
  Stop       Ctrl-C
",
        issuer = site.issuer(),
        login = people::LOGIN,
        password = people::PASSWORD,
        with_mail = people::LOGIN_WITH_MAIL,
        with_app = people::LOGIN_WITH_APP,
        nothing = "",
        secret_of_app = demo.app_secret.base32().expose(),
        web = site::WEB_CLIENT,
        secret = site::WEB_SECRET,
        spa = site::SPA_CLIENT,
    ));
}

fn banner(address: IpAddr) -> String {
    let line = "!".repeat(78);
    format!(
        "{line}\n!!  THE DEMO LISTENS ON {address}.\n!!  Its passwords and keys are public, and whoever reaches it reads every mail.\n!!  Never put real people's data into it.\n{line}"
    )
}

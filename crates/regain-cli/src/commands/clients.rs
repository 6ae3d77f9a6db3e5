//! `regain clients create`: also while `serve` runs.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use regain_oauth::Client;
use regain_store::StoreError;
use regain_types::{ClientId, Secret, SystemEntropy, TokenHash, random_token};

use super::ConfigFile;
use crate::failure::Failure;
use crate::{config, print, say};

/// Manage apps (OAuth clients)
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Create(Create),
}

/// Register an app; prints its secret once
///
/// Apps can stand in regain.toml as well ([[clients]]); those are stored at each start.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: regain clients create --id my-app --label \"My app\" \\
           --redirect-uri https://app.example/login/callback \\
           --post-logout-redirect-uri https://app.example/")]
pub(crate) struct Create {
    #[command(flatten)]
    file: ConfigFile,
    /// The id that the app uses; drawn unless given
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What people call the app
    #[arg(long, value_name = "TEXT")]
    label: String,
    /// Where flows may lead back to, exactly; may be given several times
    #[arg(long = "redirect-uri", value_name = "URI", required = true)]
    redirect_uris: Vec<String>,
    /// Where the link in a mail leads back to, with `state` and `otp`; without it mails have a code
    /// and no link
    #[arg(long, value_name = "URI")]
    email_verification_uri: Option<String>,
    /// Where a sign-out may lead to, exactly; may be given several times
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// For apps that cannot keep a secret: pages in a browser, programs on people's devices
    #[arg(long)]
    public: bool,
}

/// Runs it.
pub(crate) async fn run(action: Action) -> Result<ExitCode, Failure> {
    let Action::Create(create) = action;
    create.run().await
}

impl Create {
    async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = &configuration.settings.org;
        let (client, secret) = self.client()?;
        let id = client.id.clone();
        if configuration.clients.iter().any(|known| known.id == id) {
            return Err(exists(&id));
        }
        let store = configuration.store.open().await?;
        if store
            .find_client(org, &id)
            .await
            .map_err(|error| unavailable(&error))?
            .is_some()
        {
            return Err(exists(&id));
        }
        store
            .save_client(org, client)
            .await
            .map_err(|error| unavailable(&error))?;
        print(&format!("client_id {id}"));
        if let Some(secret) = secret {
            print(&format!("client_secret {}", secret.expose()));
            say("The secret is shown this once: only its hash is stored.");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn client(&self) -> Result<(Client, Option<Secret<String>>), Failure> {
        let id = match &self.id {
            Some(id) => ClientId::parse(id)
                .map_err(|error| Failure::unusable(format!("--id {id:?} is {error}")))?,
            None => ClientId::random(&mut SystemEntropy),
        };
        for uri in self
            .redirect_uris
            .iter()
            .chain(&self.post_logout_redirect_uris)
        {
            config::check_uri(uri)
                .map_err(|message| Failure::unusable(format!("redirect URIs {message}")))?;
        }
        if let Some(uri) = &self.email_verification_uri {
            config::check_link_uri(uri).map_err(|message| {
                Failure::unusable(format!("--email-verification-uri {message}"))
            })?;
        }
        let secret = (!self.public).then(|| Secret::new(random_token(&mut SystemEntropy)));
        let client = Client {
            id,
            label: self.label.clone(),
            secret_hash: secret.as_ref().map(|secret| TokenHash::of(secret.expose())),
            redirect_uris: self.redirect_uris.clone(),
            email_verification_uri: self.email_verification_uri.clone(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
        };
        Ok((client, secret))
    }
}

fn exists(id: &ClientId) -> Failure {
    Failure::failed(format!("a client {id} exists already: choose another --id"))
}

fn unavailable(error: &StoreError) -> Failure {
    Failure::failed(format!("the client was not created: {error}"))
}

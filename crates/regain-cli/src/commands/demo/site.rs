//! Addresses, clients and settings of the demo (design §2.3). Other ports change them all.

use std::path::PathBuf;

use regain_engine::{Policy, email_key};
use regain_mail::{Brand, Sender};
use regain_oauth::Client;
use regain_server::{AddressLimits, HashSettings, Settings};
use regain_types::{ClientId, OrgId, TokenHash};
use regain_web::WebConfig;
use url::Url;

use crate::failure::Failure;

/// The confidential client: the web app's.
pub(super) const WEB_CLIENT: &str = "regain-demo-web";
/// Its secret: public, as everything of the demo.
pub(super) const WEB_SECRET: &str = "regain-demo-secret";
/// The public client, for pages in a browser.
pub(super) const SPA_CLIENT: &str = "regain-demo-spa";
/// Ports on which people's own apps usually listen during development.
const DEVELOPMENT_PORTS: [u16; 4] = [8080, 3000, 4200, 5173];
/// The one of them that the confidential client may use.
const SERVER_PORT: u16 = 8080;

/// Where the demo runs.
#[derive(Debug)]
pub(super) struct Site {
    /// Origin of the engine.
    pub(super) engine: String,
    /// Origin of the web app.
    pub(super) app: String,
}

impl Site {
    /// The origins for these ports.
    pub(super) fn new(engine_port: u16, app_port: u16) -> Self {
        Self {
            engine: localhost(engine_port),
            app: localhost(app_port),
        }
    }

    /// The issuer that apps use.
    pub(super) fn issuer(&self) -> String {
        format!("{}/oauth2/default", self.engine)
    }

    /// The two clients.
    pub(super) fn clients(&self) -> Result<[Client; 2], Failure> {
        let server = localhost(SERVER_PORT);
        let web = [self.app.clone(), server];
        let spa = DEVELOPMENT_PORTS.map(localhost);
        Ok([
            client(WEB_CLIENT, "Regain demo", Some(WEB_SECRET), &web)?,
            client(SPA_CLIENT, "Regain demo page", None, &spa)?,
        ])
    }

    /// The engine's settings: the defaults, with the cheapest hash that is allowed (design §4).
    pub(super) fn settings(&self, org: OrgId) -> Result<Settings, Failure> {
        let mut trusted_origins = DEVELOPMENT_PORTS.map(localhost).to_vec();
        trusted_origins.push(self.app.clone());
        Ok(Settings {
            org,
            public_url: self.engine.clone(),
            brand: Brand {
                org_name: "Regain demo".to_owned(),
                ..Brand::default()
            },
            locale: "en".to_owned(),
            mail_from: Sender::new("Regain demo", "no-reply@demo.example")
                .map_err(|error| Failure::failed(error.to_string()))?,
            policy: policy(),
            trusted_origins,
            trusted_proxies: Vec::new(),
            address_limits: AddressLimits::default(),
            mails_per_hour: 1_000,
            hash: HashSettings::FLOOR,
        })
    }

    /// The web app's settings.
    pub(super) fn web_config(&self, data_dir: PathBuf) -> Result<WebConfig, Failure> {
        let url = |text: &str| Url::parse(text).map_err(|error| Failure::failed(error.to_string()));
        Ok(WebConfig {
            issuer: self.issuer(),
            client_id: WEB_CLIENT.to_owned(),
            client_secret: Some(WEB_SECRET.into()),
            public_url: url(&self.app)?,
            app_name: "Regain demo".to_owned(),
            support_url: None,
            brand: regain_web::Brand::default(),
            data_dir,
            dev_mailbox_url: Some(url(&format!("{}/dev/mailbox", self.engine))?),
            trusted_proxies: Vec::new(),
        })
    }
}

fn localhost(port: u16) -> String {
    format!("http://localhost:{port}")
}

fn client(
    id: &str,
    label: &str,
    secret: Option<&str>,
    origins: &[String],
) -> Result<Client, Failure> {
    let callbacks: Vec<String> = origins
        .iter()
        .map(|origin| format!("{origin}/login/callback"))
        .collect();
    Ok(Client {
        id: ClientId::parse(id).map_err(|error| Failure::failed(error.to_string()))?,
        label: label.to_owned(),
        secret_hash: secret.map(TokenHash::of),
        // The app of the demo itself knows how to go on with a link.
        email_verification_uri: secret.and(callbacks.first().cloned()),
        redirect_uris: callbacks,
        post_logout_redirect_uris: origins
            .iter()
            .flat_map(|origin| [origin.clone(), format!("{origin}/")])
            .collect(),
    })
}

/// As by default, and whoever has a code by mail is asked for it.
fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.sign_in.second_factors.push(email_key());
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_ports() {
        let site = Site::new(9400, 9401);
        let [web, spa] = site.clients().unwrap();
        assert_eq!(
            web.redirect_uris,
            [
                "http://localhost:9401/login/callback",
                "http://localhost:8080/login/callback"
            ]
        );
        assert!(web.is_confidential());
        assert_eq!(spa.redirect_uris.len(), 4);
        assert!(!spa.is_confidential());
        let settings = site.settings(crate::deployment::org().unwrap()).unwrap();
        assert_eq!(settings.public_url, "http://localhost:9400");
        assert!(
            settings
                .trusted_origins
                .contains(&"http://localhost:9401".to_owned())
        );
        assert!(
            settings
                .trusted_origins
                .contains(&"http://localhost:5173".to_owned())
        );
    }
}

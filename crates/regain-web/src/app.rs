//! What every request shares.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use regain_sdk::{Clock, IdxClient, SealKey, SessionScope};
use url::Url;

use crate::assets::BrandAssets;
use crate::client_address::Network;
use crate::config::{WebConfig, WebError};
use crate::front::FrontCache;
use crate::headers::content_security_policy;
use crate::keys::Keys;
use crate::store::Store;
use crate::system::unix_seconds;

/// The app: settings, client, sessions, keys.
#[derive(Debug)]
pub(crate) struct App {
    pub config: WebConfig,
    pub brand_assets: BrandAssets,
    pub client: IdxClient,
    pub store: Store,
    pub keys: Keys,
    pub seal_key: SealKey,
    pub clock: Arc<dyn Clock>,
    pub trusted_proxies: Vec<Network>,
    pub content_security_policy: HeaderValue,
    pub front: FrontCache,
    pub turns: Turns,
    /// Where people reach the app, without a slash at the end.
    pub origin: String,
    pub is_https: bool,
}

impl App {
    /// Opens the data directory and checks the settings. No request is sent.
    pub(crate) fn open(
        config: WebConfig,
        client: IdxClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WebError> {
        let origin = config.origin()?;
        let trusted_proxies = config.networks()?;
        make_private_dir(&config.data_dir).map_err(|cause| WebError::DataDir {
            path: config.data_dir.clone(),
            cause,
        })?;
        let keys = Keys::open(&config.data_dir).map_err(|cause| WebError::DataDir {
            path: config.data_dir.clone(),
            cause,
        })?;
        let store = Store::open(&config.data_dir).map_err(|cause| WebError::Database {
            path: config.data_dir.clone(),
            cause,
        })?;
        if config.is_plain_http_abroad() {
            tracing::warn!(url = %config.public_url, "passwords travel in the clear: use https");
        }
        let engine_origin = Url::parse(&config.issuer)
            .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization());
        Ok(Self {
            content_security_policy: HeaderValue::from_str(&content_security_policy(
                &engine_origin,
            ))
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'")),
            brand_assets: BrandAssets::of(&config.brand),
            seal_key: SealKey::new(*keys.transaction()),
            front: FrontCache::default(),
            turns: Turns::default(),
            is_https: config.is_https(),
            origin,
            trusted_proxies,
            keys,
            store,
            clock,
            client,
            config,
        })
    }

    /// The name of the browser's cookie (security rule S-05): browsers take `__Host-` only with
    /// `Secure`.
    pub(crate) fn cookie_name(&self) -> &'static str {
        if self.is_https {
            "__Host-regain_app"
        } else {
            "regain_app"
        }
    }

    /// The name of the cookie by which the server knows the device again.
    pub(crate) fn device_cookie_name(&self) -> &'static str {
        if self.is_https {
            "__Host-regain_app_device"
        } else {
            "regain_app_device"
        }
    }

    /// Now, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        unix_seconds(self.clock.now())
    }

    /// What sealed values of this id are bound to. Whose they are stands in the database, because
    /// a browser's name changes when it signs in.
    pub(crate) fn scope(id: &str) -> SessionScope {
        SessionScope::new(format!("regain-web:{id}"))
    }
}

fn make_private_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// One request at a time per name, of a transaction for one: the second press of a button waits for
/// the first.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits until no other request holds this name.
    pub(crate) async fn take(&self, name: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody waits for an entry that only the map holds.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(name.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

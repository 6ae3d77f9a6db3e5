//! What the issuer says about itself: discovery and public keys, kept for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::wire::oauth::{Discovery, JwkSet};
use crate::{Error, IdxClient};

/// How long discovery and keys are used without asking again.
const METADATA_TTL: Duration = Duration::from_hours(24);
/// Keys are not fetched again sooner than this, whatever tokens come in.
const KEYS_REFETCH_AFTER: Duration = Duration::from_mins(1);

/// The cache of one client.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    discovery: Mutex<Option<Fetched<Discovery>>>,
    keys: Mutex<Option<Fetched<JwkSet>>>,
}

#[derive(Debug)]
struct Fetched<T> {
    value: Arc<T>,
    at: SystemTime,
}

impl<T> Fetched<T> {
    fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.at).unwrap_or_default()
    }
}

impl IdxClient {
    /// The issuer's discovery document.
    pub(crate) async fn discovery(&self) -> Result<Arc<Discovery>, Error> {
        let cache = &self.metadata().discovery;
        if let Some(value) = fresh(cache, self.now()) {
            return Ok(value);
        }
        let url = format!("{}/.well-known/openid-configuration", self.config().issuer);
        let discovery: Discovery = self.get_json(&url, None).await?;
        let methods = discovery.extra.get("code_challenge_methods_supported");
        let has_s256 = methods.and_then(|list| list.as_array());
        if has_s256.is_some_and(|list| !list.iter().any(|method| method == "S256")) {
            return Err(Error::protocol(
                200,
                "the issuer does not support PKCE with S256",
            ));
        }
        Ok(keep(cache, discovery, self.now()))
    }

    /// The issuer's keys.
    pub(crate) async fn keys(&self) -> Result<Arc<JwkSet>, Error> {
        if let Some(value) = fresh(&self.metadata().keys, self.now()) {
            return Ok(value);
        }
        self.fetch_keys().await
    }

    /// The issuer's keys of now, or `None` when they were fetched a moment ago.
    pub(crate) async fn newer_keys(&self) -> Result<Option<Arc<JwkSet>>, Error> {
        let now = self.now();
        let is_recent = {
            let cached = lock(&self.metadata().keys);
            cached
                .as_ref()
                .is_some_and(|keys| keys.age(now) < KEYS_REFETCH_AFTER)
        };
        if is_recent {
            Ok(None)
        } else {
            self.fetch_keys().await.map(Some)
        }
    }

    async fn fetch_keys(&self) -> Result<Arc<JwkSet>, Error> {
        let discovery = self.discovery().await?;
        let keys: JwkSet = self.get_json(&discovery.jwks_uri, None).await?;
        Ok(keep(&self.metadata().keys, keys, self.now()))
    }
}

fn fresh<T>(cache: &Mutex<Option<Fetched<T>>>, now: SystemTime) -> Option<Arc<T>> {
    let cached = lock(cache);
    cached
        .as_ref()
        .filter(|it| it.age(now) < METADATA_TTL)
        .map(|it| Arc::clone(&it.value))
}

fn keep<T>(cache: &Mutex<Option<Fetched<T>>>, value: T, now: SystemTime) -> Arc<T> {
    let value = Arc::new(value);
    *lock(cache) = Some(Fetched {
        value: Arc::clone(&value),
        at: now,
    });
    value
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

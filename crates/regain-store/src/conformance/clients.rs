//! What an operator sets up: clients, settings, signing keys.

use regain_types::ClientId;

use super::{Failure, Fixture, Verdict, sample};
use crate::StoreError;

pub(super) async fn clients_are_saved_replaced_and_listed(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let mut web = sample::client("web");
    let mut spa = sample::client("spa");
    spa.secret_hash = None;
    for client in [&web, &spa] {
        store.save_client(org, client.clone()).await?;
    }
    ensure_eq!(store.list_clients(org).await?, [spa.clone(), web.clone()]);
    web.label.push_str(", renamed");
    web.redirect_uris.push("http://localhost/two".to_owned());
    store.save_client(org, web.clone()).await?;
    ensure_eq!(store.find_client(org, &web.id).await?, Some(web.clone()));
    ensure_eq!(store.list_clients(org).await?, [spa, web]);
    let absent = ClientId::parse("Web").map_err(|error| Failure::new(error.to_string()))?;
    ensure_eq!(store.find_client(org, &absent).await?, None);
    Ok(())
}

pub(super) async fn settings_are_saved_and_replaced(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    ensure_eq!(store.find_setting(org, "demo").await?, None);
    for value in ["yes", "", "\u{1f600} 'no'"] {
        store.save_setting(org, "demo", value).await?;
        let found = store.find_setting(org, "demo").await?;
        ensure_eq!(found.as_deref(), Some(value));
    }
    ensure_eq!(store.find_setting(org, "Demo").await?, None);
    Ok(())
}

pub(super) async fn signing_keys_come_newest_first(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    ensure_eq!(store.list_signing_keys(org).await?, []);
    let now = fixture.now().await?;
    let mut newest_first = Vec::new();
    for age in 0..3 {
        let key = sample::signing_key(now.plus_seconds(-age));
        store
            .add_signing_key(org, key.clone(), newest_first.len())
            .await?;
        newest_first.push(key);
    }
    ensure_eq!(store.list_signing_keys(org).await?, newest_first);
    Ok(())
}

pub(super) async fn a_signing_key_is_added_only_beside_as_many_as_expected(
    fixture: Fixture,
) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let now = fixture.now().await?;
    let first = sample::signing_key(now);
    store.add_signing_key(org, first.clone(), 0).await?;
    let before = fixture.fingerprint().await?;
    for expected in [0, 2] {
        let added = store
            .add_signing_key(org, sample::signing_key(now), expected)
            .await;
        ensure_refused!(added, StoreError::Conflict);
    }
    let added = store.add_signing_key(org, first, 1).await;
    ensure_refused!(added, StoreError::Exists(_));
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

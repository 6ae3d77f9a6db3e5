//! What goes, when, and what stays.

use regain_engine::{Effect, Stage};

use super::{Fixture, Verdict, sample};
use crate::{AUDIT_KEPT_SECONDS, ENDED_KEPT_SECONDS, FlowKey};

const ALICE: &str = "alice@example.com";
const A_DAY_MS: u64 = 24 * 60 * 60 * 1_000;

pub(super) async fn what_ended_a_day_ago_is_swept_and_the_rest_stays(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let alice = fixture.user(ALICE).await?;
    let now = fixture.now().await?;
    let done = sample::completed(&alice, ALICE, now);
    let mut flows = Vec::new();
    for stage in [Stage::Identify, done, Stage::Dead] {
        flows.push(fixture.flow(stage).await?.flow.id);
    }
    // Its own flow, a code that is used, and the grant that it gave.
    let grant = fixture.grant(&alice).await?;
    let ended = fixture.grant(&alice).await?;
    let unused = fixture.code(&alice).await?;
    let mail = Effect::Enqueue(sample::mail(None, now));
    fixture.apply(vec![mail]).await?;
    fixture.advance_millis(60_000);
    store
        .revoke_grant(org, &ended.id, "logout", sample::request())
        .await?;

    // A minute and a day, less one millisecond: nothing has ended for a day.
    fixture.advance_millis(A_DAY_MS - 1 - 60_000);
    ensure_eq!(store.sweep(org, 100).await?, 0);
    fixture.advance_millis(1 + 60_000);
    // Three codes ended a minute after the start, and the grant was revoked then.
    ensure_eq!(store.sweep(org, 100).await?, 4);
    let found = store.find_interaction_code(org, &unused.hash).await?;
    ensure!(found.is_none());
    ensure!(store.find_grant(org, &ended.id, None).await?.is_none());
    for id in &flows {
        ensure!(fixture.find_flow(FlowKey::Id(id.clone())).await?.is_some());
    }
    // An hour after the start the flows' own time was over.
    fixture.advance_millis(59 * 60_000 - 1);
    ensure_eq!(store.sweep(org, 100).await?, 0);
    fixture.advance_millis(1);
    ensure_eq!(store.sweep(org, 100).await?, 7);
    for id in flows {
        ensure!(fixture.find_flow(FlowKey::Id(id)).await?.is_none());
    }
    // What has no end, or a later one, is there.
    ensure_eq!(fixture.load_grant(&grant).await?.grant, grant);
    fixture.load_user(&alice).await?;
    ensure!(store.next_outbox_due(org).await?.is_some());
    ensure!(!store.list_audit(org, 1).await?.is_empty());
    ensure_eq!(store.sweep(org, 100).await?, 0);
    Ok(())
}

/// Tokens carry the wall clock's time; the development clock must not bring one back.
pub(super) async fn revoked_tokens_outlive_a_clock_that_was_moved_on(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let alice = fixture.user(ALICE).await?;
    let grant = fixture.grant(&alice).await?;
    let expires_at = fixture.now().await?.plus_seconds(10);
    store.revoke_access_token(org, "AT.one", expires_at).await?;
    store.advance_clock(3 * 86_400).await?;
    store.sweep(org, 100).await?;
    let found = store.find_grant(org, &grant.id, Some("AT.one")).await?;
    ensure_eq!(found.map(|record| record.access_token_revoked), Some(true));
    fixture.advance_millis(A_DAY_MS + 9_999);
    ensure_eq!(store.sweep(org, 100).await?, 0);
    fixture.advance_millis(1);
    ensure_eq!(store.sweep(org, 100).await?, 1);
    let found = store.find_grant(org, &grant.id, Some("AT.one")).await?;
    ensure_eq!(found.map(|record| record.access_token_revoked), Some(false));
    Ok(())
}

pub(super) async fn a_sweep_takes_no_more_than_it_may(fixture: Fixture) -> Verdict {
    for _flow in 0..5 {
        fixture.flow(Stage::Identify).await?;
    }
    fixture.advance_millis(2 * A_DAY_MS);
    for gone in [2, 2, 1, 0] {
        ensure_eq!(fixture.store.sweep(&fixture.org, 2).await?, gone);
    }
    Ok(())
}

pub(super) async fn old_audit_rows_are_swept(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let alice = fixture.user(ALICE).await?;
    fixture.apply(vec![sample::audit(&alice)]).await?;
    let kept_seconds = u64::try_from(AUDIT_KEPT_SECONDS).unwrap_or_default();
    ensure!(AUDIT_KEPT_SECONDS > ENDED_KEPT_SECONDS);
    fixture.advance_millis(kept_seconds * 1_000 - 1);
    store.sweep(org, 100).await?;
    ensure_eq!(store.list_audit(org, 10).await?.len(), 2);
    fixture.advance_millis(1);
    ensure_eq!(store.sweep(org, 100).await?, 2);
    ensure_eq!(store.list_audit(org, 10).await?, []);
    Ok(())
}

pub(super) async fn a_reset_leaves_keys_clients_and_settings(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let now = fixture.now().await?;
    let (client, key) = (sample::client("web"), sample::signing_key(now));
    store.save_client(org, client.clone()).await?;
    store.add_signing_key(org, key.clone(), 0).await?;
    store.save_setting(org, "demo", "yes").await?;
    let fresh = fixture.fingerprint().await?;
    let alice = fixture.user(ALICE).await?;
    let flow = fixture.flow(Stage::Identify).await?.flow;
    fixture.grant(&alice).await?;
    fixture.code(&alice).await?;
    store.revoke_access_token(org, "AT.one", now).await?;
    let mail = Effect::Enqueue(sample::mail(None, now));
    fixture.apply(vec![mail]).await?;
    store.advance_clock(500).await?;
    store.reset(org).await?;
    ensure_eq!(fixture.fingerprint().await?, fresh);
    ensure_eq!(fixture.now().await?, now);
    ensure_eq!(store.count_users(org).await?, 0);
    ensure!(fixture.find_flow(FlowKey::Id(flow.id)).await?.is_none());
    ensure_eq!(store.find_client(org, &client.id).await?, Some(client));
    ensure_eq!(store.list_signing_keys(org).await?, [key]);
    let setting = store.find_setting(org, "demo").await?;
    ensure_eq!(setting.as_deref(), Some("yes"));
    Ok(())
}

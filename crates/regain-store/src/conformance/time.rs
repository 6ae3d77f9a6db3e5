//! The store's time never goes back, and what is stored outlives the process.

use regain_engine::{Effect, Stage};

use super::{Fixture, Verdict, sample};
use crate::FlowKey;

pub(super) async fn a_store_answers_and_writes(fixture: Fixture) -> Verdict {
    fixture.store.check().await?;
    ensure_eq!(fixture.now().await?, sample::START);
    fixture.advance_millis(1_234);
    let later = sample::START.as_millis() + 1_234;
    ensure_eq!(fixture.now().await?.as_millis(), later);
    Ok(())
}

pub(super) async fn a_clock_set_back_does_not_turn_time_back(fixture: Fixture) -> Verdict {
    fixture.advance_millis(60_000);
    let seen = fixture.now().await?;
    fixture.clock.set(sample::START.plus_seconds(-3_600));
    ensure_eq!(fixture.now().await?, seen);
    let new = fixture.flow(Stage::Identify).await?;
    let loaded = fixture.find_flow(FlowKey::Id(new.flow.id)).await?;
    ensure_eq!(loaded.map(|loaded| loaded.now), Some(seen));
    fixture.clock.set(seen.plus_seconds(5));
    ensure_eq!(fixture.now().await?, seen.plus_seconds(5));
    Ok(())
}

pub(super) async fn a_clock_set_back_during_a_restart_does_not_turn_time_back(
    fixture: Fixture,
) -> Verdict {
    fixture.advance_millis(60_000);
    fixture.store.check().await?;
    let seen = fixture.now().await?;
    fixture.clock.set(sample::START.plus_seconds(-86_400));
    let fixture = fixture.restart().await?;
    ensure_eq!(fixture.now().await?, seen);
    // And once more, after a restart in which nothing was written.
    let fixture = fixture.restart().await?;
    ensure_eq!(fixture.now().await?, seen);
    Ok(())
}

/// A window must not get longer because time stands still.
pub(super) async fn time_goes_on_after_a_clock_was_set_back(fixture: Fixture) -> Verdict {
    let seen = fixture.now().await?;
    fixture.clock.set(sample::START.plus_seconds(-3_600));
    for passed in 1..4 {
        fixture.advance_millis(1_000);
        ensure_eq!(fixture.now().await?, seen.plus_seconds(passed));
    }
    fixture.store.check().await?;
    let fixture = fixture.restart().await?;
    fixture.advance_millis(1_000);
    ensure_eq!(fixture.now().await?, seen.plus_seconds(4));
    Ok(())
}

pub(super) async fn the_development_clock_is_kept(fixture: Fixture) -> Verdict {
    let start = fixture.now().await?;
    fixture.store.advance_clock(301).await?;
    ensure_eq!(fixture.now().await?, start.plus_seconds(301));
    fixture.store.advance_clock(60).await?;
    fixture.store.advance_clock(-1_000).await?;
    ensure_eq!(fixture.now().await?, start.plus_seconds(361));
    let fixture = fixture.restart().await?;
    ensure_eq!(fixture.now().await?, start.plus_seconds(361));
    fixture.advance_millis(2_000);
    ensure_eq!(fixture.now().await?, start.plus_seconds(363));
    fixture.store.reset(&fixture.org).await?;
    ensure_eq!(fixture.now().await?, start.plus_seconds(2));
    Ok(())
}

pub(super) async fn everything_is_there_after_a_restart(fixture: Fixture) -> Verdict {
    let alice = fixture.user("alice@example.com").await?;
    let now = fixture.now().await?;
    let stage = sample::challenged(Some(&alice), "alice@example.com", now);
    let flow = fixture.flow(stage).await?;
    let grant = fixture.grant(&alice).await?;
    let mail = Effect::Enqueue(sample::mail(Some(&alice), now));
    fixture.apply(vec![mail, sample::audit(&alice)]).await?;
    let client = sample::client("web");
    fixture
        .store
        .save_client(&fixture.org, client.clone())
        .await?;
    let before = fixture.fingerprint().await?;
    let fixture = fixture.restart().await?;
    ensure_eq!(fixture.fingerprint().await?, before);
    let loaded = fixture
        .find_flow(FlowKey::StateHandle(flow.state_handle))
        .await?;
    ensure_eq!(loaded.map(|loaded| loaded.flow), Some(flow.flow));
    ensure_eq!(fixture.load_grant(&grant).await?.grant, grant);
    let found = fixture.store.find_client(&fixture.org, &client.id).await?;
    ensure_eq!(found, Some(client));
    Ok(())
}

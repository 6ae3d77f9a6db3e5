//! Flows are found by their keys, and written only by whoever has loaded them last.

use regain_engine::{Flow, Stage};
use regain_types::{FlowId, SystemEntropy};

use super::{Fixture, Verdict, sample};
use crate::{FlowKey, StoreError};

const ALICE: &str = "alice@example.com";

pub(super) async fn a_new_flow_is_found_by_each_key(fixture: Fixture) -> Verdict {
    let user = fixture.user(ALICE).await?;
    let now = fixture.now().await?;
    let stages = [
        Stage::Identify,
        Stage::IdentifyRecovery,
        Stage::Dead,
        sample::selecting(None, "nobody@example.com"),
        sample::challenged(Some(&user), ALICE, now),
        sample::completed(&user, ALICE, now),
    ];
    for stage in stages {
        let new = fixture.flow(stage).await?;
        for key in [
            FlowKey::Id(new.flow.id.clone()),
            FlowKey::InteractionHandle(new.interaction_handle),
            FlowKey::StateHandle(new.state_handle),
        ] {
            let found = fixture.find_flow(key).await?;
            ensure_eq!(found.as_ref().map(|loaded| &loaded.flow), Some(&new.flow));
            ensure_eq!(found.map(|loaded| loaded.now), Some(now));
        }
        for key in [
            FlowKey::InteractionHandle(new.state_handle),
            FlowKey::StateHandle(new.interaction_handle),
            FlowKey::Id(FlowId::random(&mut SystemEntropy)),
        ] {
            ensure!(fixture.find_flow(key).await?.is_none());
        }
    }
    Ok(())
}

pub(super) async fn a_flow_loads_with_the_user_it_names(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let bob = fixture.user("bob@example.com").await?;
    let nobody = fixture.flow(Stage::Identify).await?.flow;
    let about_alice = sample::selecting(Some(&alice), ALICE);
    let about_alice = fixture.flow(about_alice).await?.flow;
    for (flow, typed, named) in [
        (&nobody, None, None),
        (&nobody, Some(ALICE), Some(&alice)),
        (&nobody, Some("carol@example.com"), None),
        (&about_alice, None, Some(&alice)),
        (&about_alice, Some("bob@example.com"), Some(&bob)),
        (&about_alice, Some("carol@example.com"), None),
    ] {
        let key = FlowKey::Id(flow.id.clone());
        let found = fixture
            .store
            .load_flow(&fixture.org, &key, typed.map(sample::typed))
            .await?;
        let user = found.and_then(|loaded| loaded.user);
        ensure_eq!(user.as_ref().map(|user| &user.id), named);
        if let (Some(user), Some(id)) = (user, named) {
            ensure_eq!(user, fixture.load_user(id).await?.facts);
        }
    }
    Ok(())
}

pub(super) async fn a_flow_with_a_taken_key_is_refused(fixture: Fixture) -> Verdict {
    let first = fixture.flow(Stage::Identify).await?;
    let before = fixture.fingerprint().await?;
    let fresh = || sample::new_flow(Stage::Identify, sample::START);
    let mut same_id = fresh();
    same_id.flow.id = first.flow.id.clone();
    let mut same_state_handle = fresh();
    same_state_handle.state_handle = first.state_handle;
    let mut same_interaction_handle = fresh();
    same_interaction_handle.interaction_handle = first.interaction_handle;
    for new in [same_id, same_state_handle, same_interaction_handle] {
        let request = sample::request();
        let stored = fixture.store.insert_flow(&fixture.org, new, request).await;
        ensure_refused!(stored, StoreError::Conflict);
    }
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

pub(super) async fn a_commit_raises_the_version(fixture: Fixture) -> Verdict {
    let user = fixture.user(ALICE).await?;
    let new = fixture.flow(Stage::Identify).await?;
    let now = fixture.now().await?;
    let mut flow = new.flow;
    for version in 1..4 {
        flow.stage = sample::challenged(Some(&user), ALICE, now);
        flow.expires_at = now.plus_seconds(900);
        let commit = fixture.commit_of(&flow, Vec::new()).await?;
        fixture.store.commit(&fixture.org, commit).await?;
        let stored = fixture
            .find_flow(FlowKey::StateHandle(new.state_handle))
            .await?;
        flow.version = version;
        ensure_eq!(stored.map(|loaded| loaded.flow), Some(flow.clone()));
    }
    Ok(())
}

pub(super) async fn a_commit_of_another_version_changes_nothing(fixture: Fixture) -> Verdict {
    let user = fixture.user(ALICE).await?;
    let flow = fixture.flow(Stage::Identify).await?.flow;
    let commit = fixture.commit_of(&flow, Vec::new()).await?;
    fixture.store.commit(&fixture.org, commit).await?;
    let before = fixture.fingerprint().await?;
    let later = Flow {
        version: 2,
        ..flow.clone()
    };
    let farthest = Flow {
        version: u64::MAX,
        ..flow.clone()
    };
    let absent = Flow {
        id: FlowId::random(&mut SystemEntropy),
        ..flow.clone()
    };
    for other in [flow, later, farthest, absent] {
        let effects = vec![sample::audit(&user)];
        let commit = fixture.commit_of(&other, effects).await?;
        let stored = fixture.store.commit(&fixture.org, commit).await;
        ensure_refused!(stored, StoreError::Conflict);
    }
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

pub(super) async fn a_new_state_handle_replaces_the_old_one(fixture: Fixture) -> Verdict {
    let new = fixture.flow(Stage::Identify).await?;
    let handle = sample::hash();
    let mut commit = fixture.commit_of(&new.flow, Vec::new()).await?;
    commit.new_state_handle = Some(handle);
    fixture.store.commit(&fixture.org, commit).await?;
    for (key, found) in [
        (FlowKey::StateHandle(new.state_handle), false),
        (FlowKey::StateHandle(handle), true),
        (FlowKey::InteractionHandle(new.interaction_handle), true),
    ] {
        ensure_eq!(fixture.find_flow(key).await?.is_some(), found);
    }
    Ok(())
}

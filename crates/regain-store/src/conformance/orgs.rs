//! Orgs never meet.

use regain_engine::{Effect, Stage, UserStatus};
use regain_types::{OrgId, SystemEntropy};

use super::{Fixture, Verdict, sample};
use crate::{FlowKey, MailVerdict, StoreError};

const ALICE: &str = "alice@example.com";

pub(super) async fn another_org_sees_nothing(fixture: Fixture) -> Verdict {
    let store = &fixture.store;
    let other = OrgId::random(&mut SystemEntropy);
    let alice = fixture.user(ALICE).await?;
    let new = fixture.flow(sample::selecting(Some(&alice), ALICE)).await?;
    let grant = fixture.grant(&alice).await?;
    let code = fixture.code(&alice).await?;
    let now = fixture.now().await?;
    let mail = Effect::Enqueue(sample::mail(Some(&alice), now));
    fixture.apply(vec![mail]).await?;
    let client = sample::client("web");
    store.save_client(&fixture.org, client.clone()).await?;
    store
        .add_signing_key(&fixture.org, sample::signing_key(now), 0)
        .await?;
    store.save_setting(&fixture.org, "demo", "yes").await?;

    for key in [
        FlowKey::Id(new.flow.id.clone()),
        FlowKey::InteractionHandle(new.interaction_handle),
        FlowKey::StateHandle(new.state_handle),
    ] {
        let found = store
            .load_flow(&other, &key, Some(sample::typed(ALICE)))
            .await?;
        ensure!(found.is_none());
    }
    let found = store.find_interaction_code(&other, &code.hash).await?;
    ensure!(found.is_none());
    ensure!(store.find_grant(&other, &grant.id, None).await?.is_none());
    ensure!(store.find_user(&other, ALICE).await?.is_none());
    ensure!(store.load_user(&other, &alice).await?.is_none());
    ensure_eq!(store.count_users(&other).await?, 0);
    ensure_eq!(store.find_client(&other, &client.id).await?, None);
    ensure_eq!(store.list_clients(&other).await?, []);
    ensure_eq!(store.list_signing_keys(&other).await?, []);
    ensure_eq!(store.find_setting(&other, "demo").await?, None);
    ensure_eq!(store.list_audit(&other, 10).await?, []);
    ensure_eq!(store.next_outbox_due(&other).await?, None);
    ensure!(store.lease_outbox(&other, 10, 30, false).await?.is_empty());
    // An access token that one org has revoked is not revoked in the other.
    store
        .revoke_access_token(&other, "AT.one", now.plus_seconds(60))
        .await?;
    let found = store
        .find_grant(&fixture.org, &grant.id, Some("AT.one"))
        .await?;
    ensure_eq!(found.map(|record| record.access_token_revoked), Some(false));
    Ok(())
}

pub(super) async fn another_org_changes_nothing(fixture: Fixture) -> Verdict {
    let store = &fixture.store;
    let other = OrgId::random(&mut SystemEntropy);
    let alice = fixture.user(ALICE).await?;
    let grant = fixture.grant(&alice).await?;
    let code = fixture.code(&alice).await?;
    let now = fixture.now().await?;
    let mail = Effect::Enqueue(sample::mail(Some(&alice), now));
    fixture.apply(vec![mail]).await?;
    let until = now.plus_seconds(30);
    let mails = store.lease_outbox(&fixture.org, 1, 30, false).await?;
    let new = fixture.flow(sample::selecting(Some(&alice), ALICE)).await?;
    fixture.advance_millis(500);
    let before = fixture.fingerprint().await?;

    let commit = fixture.commit_of(&new.flow, Vec::new()).await?;
    let refused = [
        store.commit(&other, commit).await,
        store
            .redeem_interaction_code(
                &other,
                &code.hash,
                sample::grant(&alice, now),
                now,
                sample::request(),
            )
            .await,
        store
            .rotate_refresh_token(&other, &grant.id, 0, now, until)
            .await,
        store
            .set_user_status(&other, &alice, UserStatus::Suspended)
            .await,
    ];
    for result in refused {
        ensure_refused!(result, StoreError::Conflict);
    }
    store
        .revoke_grant(&other, &grant.id, "logout", sample::request())
        .await?;
    for mail in mails {
        let verdict = MailVerdict::Delivered;
        store.finish_outbox(&other, &mail, verdict).await?;
    }
    store.reset(&other).await?;
    fixture.advance_millis(500 * 86_400_000);
    ensure_eq!(store.sweep(&other, 100).await?, 0);
    ensure_eq!(fixture.fingerprint().await?, before);

    // What a flow of the other org does to a user of this one: nothing, even with the same id.
    let theirs = sample::new_flow(Stage::Identify, now);
    let commit = fixture
        .commit_of(
            &theirs.flow,
            vec![
                Effect::RevokeSessions {
                    user: alice.clone(),
                },
                Effect::EndOtherFlows {
                    user: alice.clone(),
                },
                Effect::Unlock {
                    user: alice.clone(),
                },
            ],
        )
        .await?;
    store.insert_flow(&other, theirs, sample::request()).await?;
    store.commit(&other, commit).await?;
    ensure_eq!(fixture.load_grant(&grant).await?.grant, grant);
    ensure_eq!(fixture.load_flow(&new.flow).await?, new.flow);
    Ok(())
}

pub(super) async fn another_org_may_use_the_same_names(fixture: Fixture) -> Verdict {
    let store = &fixture.store;
    let other = OrgId::random(&mut SystemEntropy);
    let now = fixture.now().await?;
    let user = sample::user(ALICE);
    let new = sample::new_flow(Stage::Identify, now);
    let key = sample::signing_key(now);
    for org in [&fixture.org, &other] {
        store.create_user(org, user.clone()).await?;
        store
            .insert_flow(org, new.clone(), sample::request())
            .await?;
        store.save_client(org, sample::client("web")).await?;
        store.add_signing_key(org, key.clone(), 0).await?;
        store.save_setting(org, "demo", org.as_str()).await?;
    }
    for org in [&fixture.org, &other] {
        ensure_eq!(store.count_users(org).await?, 1);
        ensure_eq!(store.list_clients(org).await?.len(), 1);
        let setting = store.find_setting(org, "demo").await?;
        ensure_eq!(setting.as_deref(), Some(org.as_str()));
    }
    Ok(())
}

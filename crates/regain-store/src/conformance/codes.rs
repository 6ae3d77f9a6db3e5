//! Interaction codes: used once, in time, or not at all (I-09).

use regain_engine::{Effect, Stage};

use super::{Fixture, Verdict, sample};
use crate::StoreError;

const ALICE: &str = "alice@example.com";

pub(super) async fn a_code_is_found_with_its_user(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let issued = fixture.code(&alice).await?;
    let store = &fixture.store;
    let found = store
        .find_interaction_code(&fixture.org, &issued.hash)
        .await?;
    let Some(code) = found else {
        return Err(super::Failure::new("the code was issued"));
    };
    ensure_eq!(code.now, fixture.now().await?);
    ensure_eq!(code.issued, issued);
    ensure_eq!(code.redeemed, None);
    let user = fixture.load_user(&alice).await?;
    ensure_eq!(code.user.map(|record| record.facts), Some(user.facts));

    let now = fixture.now().await?;
    let grant = sample::grant(&alice, now);
    fixture.redeem(&issued.hash, grant.clone()).await?;
    let found = store
        .find_interaction_code(&fixture.org, &issued.hash)
        .await?;
    ensure_eq!(found.and_then(|code| code.redeemed), Some(grant.id));
    let rows = store.list_audit(&fixture.org, 1).await?;
    let told = rows
        .first()
        .map(|row| (row.name.as_str(), row.subject.as_str(), row.flow.is_some()));
    let expected = ("app.oauth2.token.grant.access_token", alice.as_str(), true);
    ensure_eq!(told, Some(expected));
    Ok(())
}

pub(super) async fn a_code_is_used_once(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let issued = fixture.code(&alice).await?;
    let now = fixture.now().await?;
    fixture
        .redeem(&issued.hash, sample::grant(&alice, now))
        .await?;
    let before = fixture.fingerprint().await?;
    let second = sample::grant(&alice, now);
    let redeemed = fixture
        .store
        .redeem_interaction_code(&fixture.org, &issued.hash, second, now, sample::request())
        .await;
    ensure_refused!(redeemed, StoreError::Conflict);
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

pub(super) async fn a_code_is_worthless_from_its_end_on(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    for (late_ms, refused) in [(-1, false), (0, true), (1, true)] {
        let issued = fixture.code(&alice).await?;
        let before = fixture.fingerprint().await?;
        let then = issued.expires_at.as_millis() + late_ms;
        let then = regain_types::Timestamp::from_millis(then);
        let grant = sample::grant(&alice, then);
        let redeemed = fixture
            .store
            .redeem_interaction_code(&fixture.org, &issued.hash, grant, then, sample::request())
            .await;
        if refused {
            ensure_refused!(redeemed, StoreError::Conflict);
            ensure_eq!(fixture.fingerprint().await?, before);
        } else {
            redeemed?;
        }
    }
    Ok(())
}

pub(super) async fn a_code_that_was_never_issued_gives_nothing(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let now = fixture.now().await?;
    // A commit that is refused has issued nothing either.
    let issued = sample::issued(&alice, now);
    let mut flow = fixture.flow(Stage::Identify).await?.flow;
    flow.version = 7;
    let effects = vec![Effect::IssueInteractionCode(issued.clone())];
    let commit = fixture.commit_of(&flow, effects).await?;
    let stored = fixture.store.commit(&fixture.org, commit).await;
    ensure_refused!(stored, StoreError::Conflict);
    let before = fixture.fingerprint().await?;
    for hash in [issued.hash, sample::hash()] {
        let found = fixture
            .store
            .find_interaction_code(&fixture.org, &hash)
            .await?;
        ensure!(found.is_none());
        let grant = sample::grant(&alice, now);
        let redeemed = fixture
            .store
            .redeem_interaction_code(&fixture.org, &hash, grant, now, sample::request())
            .await;
        ensure_refused!(redeemed, StoreError::Conflict);
    }
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

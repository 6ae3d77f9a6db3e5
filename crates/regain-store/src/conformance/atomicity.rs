//! All of a commit or nothing of it (I-07, R-03).

use futures_util::future::join_all;
use regain_engine::{Effect, Stage};
use regain_types::{SystemEntropy, UserId};

use super::{Fixture, Verdict, sample};
use crate::StoreError;

const ALICE: &str = "alice@example.com";

/// T-S8: one effect that cannot happen, at every place in a commit that holds all kinds.
pub(super) async fn a_commit_that_fails_at_any_effect_leaves_nothing(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    fixture.grant(&alice).await?;
    fixture.code(&alice).await?;
    let now = fixture.now().await?;
    let other = sample::challenged(Some(&alice), ALICE, now);
    fixture.flow(other).await?;
    let own = sample::challenged(Some(&alice), ALICE, now);
    let mut flow = fixture.flow(own).await?.flow;
    flow.stage = sample::completed(&alice, ALICE, now);
    let taken = fixture.code(&alice).await?;
    let issued = sample::issued(&alice, now);
    let effects = [
        sample::set_password(&alice, "new", 4, now),
        Effect::RevokeSessions {
            user: alice.clone(),
        },
        Effect::EndOtherFlows {
            user: alice.clone(),
        },
        Effect::Unlock {
            user: alice.clone(),
        },
        Effect::Enqueue(sample::mail(Some(&alice), now)),
        sample::audit(&alice),
        Effect::IssueInteractionCode(issued.clone()),
    ];
    let nobody = UserId::random(&mut SystemEntropy);
    let before = fixture.fingerprint().await?;
    for place in 0..=effects.len() {
        let mut broken = effects.to_vec();
        broken.insert(place, sample::set_password(&nobody, "none", 4, now));
        let commit = fixture.commit_of(&flow, broken).await?;
        let stored = fixture.store.commit(&fixture.org, commit).await;
        ensure_refused!(stored, StoreError::Conflict);
        ensure_eq!(fixture.fingerprint().await?, before);
    }
    // A code that exists already stops a commit as well, unless the same commit discards it.
    let twice = effects
        .iter()
        .cloned()
        .chain([Effect::IssueInteractionCode(issued)])
        .collect();
    let commit = fixture.commit_of(&flow, twice).await?;
    let stored = fixture.store.commit(&fixture.org, commit).await;
    ensure_refused!(stored, StoreError::Exists(_));
    let again = vec![Effect::IssueInteractionCode(taken)];
    let commit = fixture.commit_of(&flow, again).await?;
    let stored = fixture.store.commit(&fixture.org, commit).await;
    ensure_refused!(stored, StoreError::Exists(_));
    ensure_eq!(fixture.fingerprint().await?, before);

    let commit = fixture.commit_of(&flow, effects.to_vec()).await?;
    fixture.store.commit(&fixture.org, commit).await?;
    ensure!(fixture.fingerprint().await? != before);
    Ok(())
}

/// Writes may be committed together: what one of them does wrong is its own affair.
pub(super) async fn a_conflict_undoes_itself_and_no_other_write(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let nobody = UserId::random(&mut SystemEntropy);
    let now = fixture.now().await?;
    let mut commits = Vec::new();
    for index in 0..40 {
        let flow = fixture.flow(Stage::Identify).await?.flow;
        let user = if index % 3 == 0 { &nobody } else { &alice };
        let effects = vec![
            Effect::Enqueue(sample::mail(None, now)),
            sample::set_password(user, "new", 0, now),
        ];
        commits.push((index % 3 == 0, fixture.commit_of(&flow, effects).await?));
    }
    let stored = join_all(
        commits
            .iter()
            .map(|(_, commit)| fixture.store.commit(&fixture.org, commit.clone())),
    )
    .await;
    let mut good = 0;
    for ((broken, commit), stored) in commits.iter().zip(stored) {
        ensure_eq!(stored.is_err(), *broken);
        let flow = fixture.load_flow(&commit.flow).await?;
        ensure_eq!(flow.version, u64::from(!broken));
        good += usize::from(!broken);
    }
    let mails = fixture
        .store
        .lease_outbox(&fixture.org, 100, 30, false)
        .await?;
    ensure_eq!(mails.len(), good);
    Ok(())
}

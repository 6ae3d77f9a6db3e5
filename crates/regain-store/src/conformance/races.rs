//! Many at once: exactly one wins (I-06, I-09, R-05).

use std::collections::BTreeSet;

use futures_util::future::join_all;
use regain_engine::{Effect, Stage};
use regain_types::GrantId;

use super::{Failure, Fixture, Verdict, sample};
use crate::StoreError;

const ALICE: &str = "alice@example.com";
/// T-S7 asks for 64.
const MANY: usize = 64;

/// Says that one succeeded and every other one met a conflict.
fn one_winner<T>(results: &[Result<T, StoreError>]) -> Verdict {
    let winners = results.iter().filter(|result| result.is_ok()).count();
    ensure_eq!(winners, 1);
    let other = results.iter().find_map(|result| match result {
        Ok(_) | Err(StoreError::Conflict | StoreError::Exists(_)) => None,
        Err(other) => Some(other.to_string()),
    });
    ensure_eq!(other, None);
    Ok(())
}

pub(super) async fn of_many_commits_of_one_version_one_wins(fixture: Fixture) -> Verdict {
    let now = fixture.now().await?;
    for _round in 0..4 {
        let flow = fixture.flow(Stage::Identify).await?.flow;
        let effects = vec![Effect::Enqueue(sample::mail(None, now))];
        let commit = fixture.commit_of(&flow, effects).await?;
        let stored =
            join_all((0..MANY).map(|_attempt| fixture.store.commit(&fixture.org, commit.clone())));
        one_winner(&stored.await)?;
        ensure_eq!(fixture.load_flow(&flow).await?.version, 1);
        let mails = fixture
            .store
            .lease_outbox(&fixture.org, 100, 30, false)
            .await?;
        ensure_eq!(mails.len(), 1);
    }
    Ok(())
}

pub(super) async fn of_many_redemptions_of_a_code_one_wins(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let issued = fixture.code(&alice).await?;
    let now = fixture.now().await?;
    let grants: Vec<_> = (0..MANY).map(|_| sample::grant(&alice, now)).collect();
    let stored = join_all(grants.iter().map(|grant| {
        let (grant, request) = (grant.clone(), sample::request());
        fixture
            .store
            .redeem_interaction_code(&fixture.org, &issued.hash, grant, now, request)
    }))
    .await;
    one_winner(&stored)?;
    let mut kept: Vec<GrantId> = Vec::new();
    for grant in &grants {
        let found = fixture
            .store
            .find_grant(&fixture.org, &grant.id, None)
            .await?;
        kept.extend(found.map(|record| record.grant.id));
    }
    ensure_eq!(kept.len(), 1);
    let code = fixture
        .store
        .find_interaction_code(&fixture.org, &issued.hash)
        .await?;
    ensure_eq!(code.and_then(|code| code.redeemed), kept.pop());
    Ok(())
}

pub(super) async fn of_many_rotations_of_a_refresh_token_one_wins(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let grant = fixture.grant(&alice).await?;
    let now = fixture.now().await?;
    let idle = now.plus_seconds(60);
    let rotated = join_all((0..MANY).map(|_| {
        fixture
            .store
            .rotate_refresh_token(&fixture.org, &grant.id, 0, now, idle)
    }))
    .await;
    one_winner(&rotated)?;
    let stored = fixture.load_grant(&grant).await?;
    ensure_eq!(stored.grant.refresh_sequence, 1);
    Ok(())
}

pub(super) async fn two_workers_never_lease_the_same_message(fixture: Fixture) -> Verdict {
    let now = fixture.now().await?;
    let messages = 30;
    let effects = (0..messages).map(|_| Effect::Enqueue(sample::mail(None, now)));
    fixture.apply(effects.collect()).await?;
    let leased =
        join_all((0..8).map(|_| fixture.store.lease_outbox(&fixture.org, 5, 30, false))).await;
    let mut ids = Vec::new();
    for rows in leased {
        ids.extend(rows?.into_iter().map(|row| row.id));
    }
    ensure_eq!(ids.len(), messages);
    let distinct: BTreeSet<_> = ids.iter().collect();
    ensure_eq!(distinct.len(), messages);
    Ok(())
}

pub(super) async fn of_many_users_with_one_login_one_is_created(fixture: Fixture) -> Verdict {
    let created =
        join_all((0..8).map(|_| fixture.store.create_user(&fixture.org, sample::user(ALICE))));
    one_winner(&created.await)?;
    ensure_eq!(fixture.store.count_users(&fixture.org).await?, 1);
    Ok(())
}

pub(super) async fn of_many_first_signing_keys_one_is_added(fixture: Fixture) -> Verdict {
    let now = fixture.now().await?;
    let added = join_all((0..8).map(|_| {
        fixture
            .store
            .add_signing_key(&fixture.org, sample::signing_key(now), 0)
    }));
    one_winner(&added.await)?;
    ensure_eq!(
        fixture.store.list_signing_keys(&fixture.org).await?.len(),
        1
    );
    Ok(())
}

/// A step of one flow beside the completion of another: whichever is first, it is over.
pub(super) async fn a_flow_that_is_ended_from_outside_stays_ended(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let now = fixture.now().await?;
    for round in 0..8 {
        let stage = sample::challenged(Some(&alice), ALICE, now);
        let step_of = fixture.flow(stage).await?.flow;
        let end_of = fixture.flow(Stage::Identify).await?.flow;
        let step = fixture.commit_of(&step_of, Vec::new()).await?;
        let effects = vec![Effect::EndOtherFlows {
            user: alice.clone(),
        }];
        let end = fixture.commit_of(&end_of, effects).await?;
        let commits = if round % 2 == 0 {
            [step, end]
        } else {
            [end, step]
        };
        let stored = join_all(
            commits
                .into_iter()
                .map(|commit| fixture.store.commit(&fixture.org, commit)),
        )
        .await;
        let unexpected = stored
            .iter()
            .find(|stored| !matches!(stored, Ok(()) | Err(StoreError::Conflict)));
        if let Some(unexpected) = unexpected {
            return Err(Failure::new(format!("{unexpected:?}")));
        }
        ensure_eq!(fixture.load_flow(&end_of).await?.version, 1);
        ensure_eq!(fixture.load_flow(&step_of).await?.stage, Stage::Dead);
    }
    Ok(())
}

//! What many nodes share: allowances, roles; and users and audit rows that move between stores.

use futures_util::future::join_all;
use regain_engine::{
    AuthenticatorKey, Effect, Enrollment, LedgerKey, LedgerWrite, StoredPassword, descriptors,
};
use regain_types::{SystemEntropy, UserId};
use serde_json::json;

use super::{Failure, Fixture, Verdict, sample};
use crate::{Added, Allowance, StoreError, UserRow};

const ALICE: &str = "alice@example.com";
const KEY: LedgerKey = LedgerKey::from_bytes([9; 32]);

/// Of an allowance of 20, fifty that ask at once for up to three get 20 together.
pub(super) async fn an_allowance_is_never_exceeded(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let end = fixture.now().await?.plus_seconds(60);
    let take = |want| store.take_allowance(org, &KEY, end, want, 20);
    let taken = join_all((0..50).map(|turn| take(turn % 3 + 1))).await;
    let mut granted = 0;
    for allowance in taken {
        let allowance = allowance?;
        ensure!(allowance.used <= 20);
        granted += allowance.granted;
    }
    ensure_eq!(granted, 20);
    let spent = Allowance {
        granted: 0,
        used: 20,
    };
    ensure_eq!(take(1).await?, spent);
    // Another end, and another key, are other allowances.
    let other = store
        .take_allowance(org, &KEY, end.plus_seconds(60), 7, 5)
        .await?;
    ensure_eq!(
        other,
        Allowance {
            granted: 5,
            used: 5
        }
    );
    let other = store
        .take_allowance(org, &LedgerKey::ORG, end, 2, 5)
        .await?;
    ensure_eq!(other.granted, 2);
    Ok(())
}

pub(super) async fn one_node_leads_until_it_is_silent(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let names: Vec<String> = (0..16).map(|node| format!("node {node}")).collect();
    let asked = join_all(
        names
            .iter()
            .map(|node| store.try_lead(org, "sweeper", node, 30)),
    )
    .await;
    let mut leads = Vec::new();
    for (node, asked) in names.iter().zip(asked) {
        if asked? {
            leads.push(node.as_str());
        }
    }
    ensure_eq!(leads.len(), 1);
    let leader = leads.first().copied().unwrap_or_default();
    fixture.advance_millis(20_000);
    ensure!(store.try_lead(org, "sweeper", leader, 30).await?);
    ensure!(store.try_lead(org, "something else", "another", 30).await?);
    fixture.advance_millis(29_999);
    ensure!(!store.try_lead(org, "sweeper", "another", 30).await?);
    fixture.advance_millis(1);
    ensure!(store.try_lead(org, "sweeper", "another", 30).await?);
    ensure!(!store.try_lead(org, "sweeper", leader, 30).await?);
    Ok(())
}

pub(super) async fn devices_are_forgotten_and_nothing_else(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let alice = fixture.user(ALICE).await?;
    let bob = fixture.user("bob@example.com").await?;
    let expires_at = fixture.now().await?.plus_seconds(60);
    let ledger = |byte, owner: Option<&UserId>| {
        Effect::SaveLedger(LedgerWrite {
            key: LedgerKey::from_bytes([byte; 32]),
            version: 0,
            state: "{}".to_owned(),
            expires_at,
            owner: owner.cloned(),
        })
    };
    fixture
        .apply(vec![ledger(3, Some(&bob)), ledger(4, None)])
        .await?;
    let before = fixture.fingerprint().await?;
    store.forget_devices(org, &alice).await?;
    ensure_eq!(fixture.fingerprint().await?, before);
    fixture
        .apply(vec![ledger(1, Some(&alice)), ledger(2, Some(&alice))])
        .await?;
    for _again in 0..2 {
        store.forget_devices(org, &alice).await?;
    }
    let gone = |byte, version| Effect::RequireLedger {
        key: LedgerKey::from_bytes([byte; 32]),
        version,
    };
    fixture
        .apply(vec![gone(1, 0), gone(2, 0), gone(3, 1), gone(4, 1)])
        .await?;
    Ok(())
}

/// P-03: whoever changes the password meanwhile wins.
pub(super) async fn a_new_hash_loses_against_a_new_password(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let alice = fixture.user(ALICE).await?;
    let now = fixture.now().await?;
    let old = fixture.load_user(&alice).await?.facts.password;
    let old = old.ok_or_else(|| Failure::new("a password"))?;
    let dearer = StoredPassword {
        phc: sample::password("dearer", now).phc,
        ..old.clone()
    };
    store
        .upgrade_password(org, &alice, &old, dearer.clone())
        .await?;
    let user = fixture.load_user(&alice).await?.facts;
    ensure_eq!(user.password, Some(dearer.clone()));
    ensure_eq!(user.history, []);
    fixture
        .apply(vec![sample::set_password(&alice, "second", 4, now)])
        .await?;
    let before = fixture.fingerprint().await?;
    for from in [&old, &dearer] {
        let late = store.upgrade_password(org, &alice, from, sample::password("x", now));
        ensure_refused!(late.await, StoreError::Conflict);
    }
    let nobody = UserId::random(&mut SystemEntropy);
    let absent = store.upgrade_password(org, &nobody, &old, dearer).await;
    ensure_refused!(absent, StoreError::Conflict);
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

/// An import that broke off begins anew; what is there stays as it is, history and all.
pub(super) async fn users_move_with_their_history_and_only_once(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let now = fixture.now().await?;
    let taken = fixture.user("taken@example.com").await?;
    let mut rows = Vec::new();
    for index in 0..5 {
        let mut facts = fixture.load_user(&taken).await?.facts;
        facts.id = UserId::random(&mut SystemEntropy);
        facts.login = format!("user{index}@example.com");
        facts.email = Some(facts.login.clone());
        facts.history = vec![
            sample::password("older", now),
            sample::password("oldest", now),
        ];
        facts.enrollments.list = descriptors()
            .map(|descriptor| Enrollment {
                authenticator: AuthenticatorKey::of(descriptor),
                enrolled_at: now,
                data: json!({ "index": index }),
            })
            .collect();
        rows.push(UserRow {
            facts,
            created_at: now.plus_seconds(-index),
            updated_at: now.plus_seconds(-1),
        });
    }
    let (first, _) = rows.split_at(2);
    ensure_eq!(
        store.add_users(org, first.to_vec()).await?,
        [Added::Created; 2]
    );
    let mut same_login = rows.clone().swap_remove(0);
    same_login.facts.id = UserId::random(&mut SystemEntropy);
    same_login.facts.email = None;
    let mut same_address = rows.clone().swap_remove(1);
    same_address.facts.id = UserId::random(&mut SystemEntropy);
    "another".clone_into(&mut same_address.facts.login);
    let mut all = rows.clone();
    all.extend([same_login, same_address]);
    let expected = [
        Added::Taken("the user id"),
        Added::Taken("the user id"),
        Added::Created,
        Added::Created,
        Added::Created,
        Added::Taken("the login"),
        Added::Taken("the address"),
    ];
    ensure_eq!(store.add_users(org, all).await?, expected);
    rows.sort_by(|one, other| one.facts.id.cmp(&other.facts.id));
    let mut read: Vec<UserRow> = Vec::new();
    loop {
        let after = read.last().map(|row| row.facts.id.clone());
        let page = store.list_users(org, after.as_ref(), 2).await?;
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    read.retain(|row| row.facts.id != taken);
    ensure_eq!(read, rows);
    Ok(())
}

pub(super) async fn audit_rows_are_paged_and_taken_over_once(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let alice = fixture.user(ALICE).await?;
    for _round in 0..3 {
        let effects = vec![sample::audit(&alice), sample::audit(&alice)];
        fixture.apply(effects).await?;
        fixture.advance_millis(1);
    }
    let mut read = Vec::new();
    loop {
        let after = read
            .last()
            .map(|row: &crate::AuditRow| (row.at, row.id.as_str()));
        let page = store.page_audit(org, after, 2).await?;
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    ensure_eq!(read.len(), 9);
    ensure!(read.is_sorted_by(|one, next| (one.at, &one.id) < (next.at, &next.id)));
    let before = fixture.fingerprint().await?;
    store.add_audit(org, read.clone()).await?;
    ensure_eq!(fixture.fingerprint().await?, before);
    let other = regain_types::OrgId::random(&mut SystemEntropy);
    for _again in 0..2 {
        store.add_audit(&other, read.clone()).await?;
    }
    ensure_eq!(store.page_audit(&other, None, 100).await?, read);
    Ok(())
}

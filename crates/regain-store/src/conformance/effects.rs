//! Each effect does what it says, to whom it says, and to nobody else.

use regain_engine::{
    AuditEvent, AuditSubject, AuthenticatorKey, Effect, Enrollment, Enrollments, Flow, LedgerKey,
    LedgerWrite, Outcome, Outgoing, Stage, StoredPassword, UserStatus, descriptors,
};
use regain_types::{Timestamp, UserId};
use serde_json::json;

use super::{Failure, Fixture, Verdict, sample};
use crate::StoreError;

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

pub(super) async fn audit_rows_tell_who_asked_and_come_newest_first(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let flow = fixture.flow(Stage::Identify).await?.flow;
    fixture.advance_millis(7);
    let failed = Effect::Audit(AuditEvent {
        name: "user.authentication.verify",
        subject: AuditSubject::Identifier([0xA5; 32]),
        outcome: Outcome::Failure,
        reason: Some("INVALID_CREDENTIALS"),
    });
    let effects = vec![failed, sample::audit(&alice)];
    let commit = fixture.commit_of(&flow, effects).await?;
    let (request, now) = (commit.request.clone(), commit.now);
    fixture.store.commit(&fixture.org, commit).await?;
    let rows = fixture.store.list_audit(&fixture.org, 2).await?;
    let [done, refused] = rows.as_slice() else {
        return Err(Failure::new(format!("two rows were asked for: {rows:?}")));
    };
    ensure_eq!(done.name, "user.account.reset_password");
    ensure_eq!(done.subject, alice.as_str());
    ensure_eq!(done.outcome, "SUCCESS");
    ensure_eq!(done.reason, None);
    ensure_eq!(refused.name, "user.authentication.verify");
    ensure_eq!(refused.subject, "a5".repeat(32));
    ensure_eq!(refused.outcome, "FAILURE");
    ensure_eq!(refused.reason.as_deref(), Some("INVALID_CREDENTIALS"));
    for row in [done, refused] {
        ensure_eq!(row.at, now);
        ensure_eq!(row.flow.as_ref(), Some(&flow.id));
        ensure_eq!(row.request, request);
    }
    // The flow's beginning is logged too, as older.
    let rows = fixture.store.list_audit(&fixture.org, 10).await?;
    let oldest = rows.last().map(|row| (row.name.as_str(), row.at));
    let expected = ("app.oauth2.interact.interaction_handle", sample::START);
    ensure_eq!(oldest, Some(expected));
    Ok(())
}

pub(super) async fn a_message_is_kept_with_who_asked(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let flow = fixture.flow(Stage::Identify).await?.flow;
    let now = fixture.now().await?;
    let notice = Outgoing::PasswordChanged {
        user: alice.clone(),
        at: now,
        app_label: "Demo app".to_owned(),
    };
    let messages = [
        sample::mail(Some(&alice), now),
        notice,
        sample::mail(None, now),
    ];
    let effects = messages.iter().cloned().map(Effect::Enqueue).collect();
    let commit = fixture.commit_of(&flow, effects).await?;
    let request = commit.request.clone();
    fixture.store.commit(&fixture.org, commit).await?;
    ensure_eq!(
        fixture.store.next_outbox_due(&fixture.org).await?,
        Some(now)
    );
    let rows = fixture
        .store
        .lease_outbox(&fixture.org, 10, 30, false)
        .await?;
    let kept: Vec<_> = rows.iter().map(|row| row.outgoing.clone()).collect();
    ensure_eq!(kept, messages);
    for row in rows {
        ensure_eq!(row.request, request);
        ensure_eq!(row.created_at, now);
        ensure_eq!(row.attempts, 0);
    }
    Ok(())
}

pub(super) async fn a_new_password_moves_the_old_one_into_the_history(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let bob = fixture.user(BOB).await?;
    let untouched = fixture.load_user(&bob).await?.facts;
    let mut names = vec!["first"];
    for (name, keep, kept) in [
        ("second", 2, 1),
        ("third", 2, 2),
        ("fourth", 2, 2),
        ("fifth", 1, 1),
        ("sixth", 0, 0),
        ("seventh", 4, 1),
    ] {
        fixture.advance_millis(1_000);
        let at = fixture.now().await?;
        fixture
            .apply(vec![sample::set_password(&alice, name, keep, at)])
            .await?;
        let user = fixture.load_user(&alice).await?.facts;
        ensure_eq!(user.password, Some(sample::password(name, at)));
        let history: Vec<String> = user.history.iter().map(phc).collect();
        let expected: Vec<String> = names
            .iter()
            .rev()
            .take(kept)
            .map(|name| phc(&sample::password(name, at)))
            .collect();
        ensure_eq!(history, expected);
        let in_order = user
            .history
            .is_sorted_by(|newer, older| newer.set_at > older.set_at);
        ensure!(in_order);
        names.push(name);
    }
    ensure_eq!(fixture.load_user(&bob).await?.facts, untouched);
    Ok(())
}

/// What works once must not work twice: of two who have seen the same, one changes it.
pub(super) async fn enrollments_change_once_for_each_version(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let bob = fixture.user(BOB).await?;
    let enrolled = |step: u64| -> Vec<Enrollment> {
        let one = |descriptor| Enrollment {
            authenticator: AuthenticatorKey::of(descriptor),
            enrolled_at: Timestamp::from_millis(1_000),
            data: json!({ "last_step": step }),
        };
        descriptors().map(one).collect()
    };
    let save = |version, step| Effect::SaveEnrollments {
        user: alice.clone(),
        version,
        list: enrolled(step),
    };
    ensure_eq!(
        fixture.load_user(&alice).await?.facts.enrollments,
        Enrollments::default()
    );
    fixture.apply(vec![save(0, 7)]).await?;
    let after = fixture.load_user(&alice).await?.facts.enrollments;
    ensure_eq!(after.list, enrolled(7));
    ensure_eq!(after.version, 1);
    let conflict = fixture.apply(vec![save(0, 8)]).await;
    ensure!(conflict.is_err());
    ensure_eq!(fixture.load_user(&alice).await?.facts.enrollments, after);
    fixture.apply(vec![save(1, 8)]).await?;
    let after = fixture.load_user(&alice).await?.facts.enrollments;
    ensure_eq!((&after.list, after.version), (&enrolled(8), 2));
    // Outside a flow it is the same.
    let (store, org) = (&fixture.store, &fixture.org);
    let late = store.save_enrollments(org, &alice, 1, Vec::new()).await;
    ensure_refused!(late, StoreError::Conflict);
    store.save_enrollments(org, &alice, 2, Vec::new()).await?;
    let after = fixture.load_user(&alice).await?.facts.enrollments;
    ensure_eq!((after.list, after.version), (Vec::new(), 3));
    ensure_eq!(
        fixture.load_user(&bob).await?.facts.enrollments,
        Enrollments::default()
    );
    Ok(())
}

fn phc(password: &StoredPassword) -> String {
    password.phc.clone()
}

/// Whoever saves a ledger makes everybody conflict who loaded it before: also those who only
/// require it, and also where there was no row yet.
pub(super) async fn a_ledger_that_was_written_is_not_what_was_required(
    fixture: Fixture,
) -> Verdict {
    let key = LedgerKey::from_bytes([7; 32]);
    let now = fixture.now().await?;
    let save = |version| {
        vec![Effect::SaveLedger(LedgerWrite {
            key,
            version,
            state: format!("after {version}"),
            expires_at: now.plus_seconds(60),
            owner: None,
        })]
    };
    let require = |version| vec![Effect::RequireLedger { key, version }];
    for (stale, version) in [(1, 0), (0, 1), (1, 2)] {
        fixture.apply(require(version)).await?;
        for effects in [require(stale), save(stale)] {
            let flow = fixture.flow(Stage::Identify).await?.flow;
            let before = fixture.fingerprint().await?;
            let commit = fixture.commit_of(&flow, effects).await?;
            let stored = fixture.store.commit(&fixture.org, commit).await;
            ensure!(matches!(stored, Err(StoreError::Conflict)));
            ensure_eq!(fixture.fingerprint().await?, before);
        }
        fixture.apply(save(version)).await?;
    }
    // At its end it is none.
    fixture.advance_millis(60_000);
    fixture.apply(require(0)).await?;
    let flow = fixture.flow(Stage::Identify).await?.flow;
    let commit = fixture.commit_of(&flow, require(3)).await?;
    let stored = fixture.store.commit(&fixture.org, commit).await;
    ensure_refused!(stored, StoreError::Conflict);
    Ok(())
}

/// A sign-in whose password was compared before a reset and is stored after it: it gives nothing.
pub(super) async fn a_password_that_was_replaced_opens_nothing(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let compared = fixture.load_user(&alice).await?.facts.password;
    let compared = compared.ok_or_else(|| Failure::new("a password".to_owned()))?;
    let now = fixture.now().await?;
    let sign_in = || {
        vec![
            Effect::RequirePassword {
                user: alice.clone(),
                password: compared.clone(),
            },
            Effect::IssueInteractionCode(sample::issued(&alice, now)),
        ]
    };
    fixture.apply(sign_in()).await?;
    let flow = fixture.flow(Stage::Identify).await?.flow;
    fixture
        .apply(vec![sample::set_password(&alice, "second", 4, now)])
        .await?;
    let before = fixture.fingerprint().await?;
    let commit = fixture.commit_of(&flow, sign_in()).await?;
    let stored = fixture.store.commit(&fixture.org, commit).await;
    ensure!(matches!(stored, Err(StoreError::Conflict)));
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

pub(super) async fn other_flows_of_the_user_end(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let bob = fixture.user(BOB).await?;
    let now = fixture.now().await?;
    let others = [
        sample::selecting(Some(&alice), ALICE),
        sample::challenged(Some(&alice), ALICE, now),
    ];
    let spared = [
        sample::selecting(Some(&bob), BOB),
        sample::selecting(None, ALICE),
        sample::completed(&alice, ALICE, now),
        Stage::Identify,
    ];
    let mut ended = Vec::new();
    for stage in others {
        ended.push(fixture.flow(stage).await?.flow);
    }
    let mut left = Vec::new();
    for stage in spared {
        left.push(fixture.flow(stage).await?.flow);
    }
    let own = sample::challenged(Some(&alice), ALICE, now);
    let own = fixture.flow(own).await?.flow;
    let effects = vec![Effect::EndOtherFlows {
        user: alice.clone(),
    }];
    let commit = fixture.commit_of(&own, effects).await?;
    fixture.store.commit(&fixture.org, commit).await?;
    for flow in ended {
        let stored = fixture.load_flow(&flow).await?;
        ensure_eq!(stored.stage, Stage::Dead);
        ensure_eq!(stored.version, 1);
        // Who has loaded it before cannot write it any more.
        let late = fixture.commit_of(&flow, Vec::new()).await?;
        let stored = fixture.store.commit(&fixture.org, late).await;
        ensure_refused!(stored, StoreError::Conflict);
    }
    for flow in left {
        ensure_eq!(fixture.load_flow(&flow).await?, flow);
    }
    let stored = fixture.load_flow(&own).await?;
    ensure_eq!((stored.version, stored.stage), (1, own.stage));
    Ok(())
}

/// What was stored last decides which flows are whose and which are over, not what was stored first.
pub(super) async fn a_flow_ends_by_what_was_committed_last(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let selecting = || sample::selecting(Some(&alice), ALICE);
    // One becomes hers, and the other is over.
    let mut stored = Vec::new();
    for (first, last) in [(Stage::Identify, selecting()), (selecting(), Stage::Dead)] {
        let flow = fixture.flow(first).await?.flow;
        let next = Flow {
            stage: last,
            ..flow
        };
        let commit = fixture.commit_of(&next, Vec::new()).await?;
        fixture.store.commit(&fixture.org, commit).await?;
        stored.push(fixture.load_flow(&next).await?);
    }
    let own = fixture.flow(selecting()).await?.flow;
    let effects = vec![Effect::EndOtherFlows {
        user: alice.clone(),
    }];
    let commit = fixture.commit_of(&own, effects).await?;
    fixture.store.commit(&fixture.org, commit).await?;
    for (before, is_ended) in stored.iter().zip([true, false]) {
        let after = fixture.load_flow(before).await?;
        ensure_eq!(after.stage, Stage::Dead);
        ensure_eq!(after.version, before.version + u64::from(is_ended));
    }
    Ok(())
}

pub(super) async fn sessions_end_with_the_password(fixture: Fixture) -> Verdict {
    let bob = fixture.user(BOB).await?;
    let bobs_grant = fixture.grant(&bob).await?;
    let bobs_code = fixture.code(&bob).await?;
    for issue_first in [true, false] {
        let alice = fixture.user(&format!("{issue_first}@example.com")).await?;
        let grants = [fixture.grant(&alice).await?, fixture.grant(&alice).await?];
        let used = fixture.code(&alice).await?;
        let grant = sample::grant(&alice, fixture.now().await?);
        fixture.redeem(&used.hash, grant.clone()).await?;
        let unused = fixture.code(&alice).await?;
        let fresh = sample::issued(&alice, fixture.now().await?);
        let issue = Effect::IssueInteractionCode(fresh.clone());
        let revoke = Effect::RevokeSessions {
            user: alice.clone(),
        };
        let effects = if issue_first {
            vec![issue, revoke]
        } else {
            vec![revoke, issue]
        };
        let revoked = fixture.grant(&alice).await?;
        let revoked_at = fixture.now().await?;
        fixture
            .store
            .revoke_grant(&fixture.org, &revoked.id, "logout", sample::request())
            .await?;
        fixture.advance_millis(5);
        let now = fixture.now().await?;
        fixture.apply(effects).await?;
        // What ended before keeps its time.
        let stored = fixture.load_grant(&revoked).await?;
        ensure_eq!(stored.grant.revoked_at, Some(revoked_at));
        for grant in grants.iter().chain([&grant]) {
            let stored = fixture.load_grant(grant).await?;
            ensure_eq!(stored.grant.revoked_at, Some(now));
        }
        // The used one stays, so that a second use is noticed; nobody gets anything for it.
        let found = fixture
            .store
            .find_interaction_code(&fixture.org, &used.hash)
            .await?;
        ensure_eq!(found.and_then(|code| code.redeemed), Some(grant.id));
        let late = sample::grant(&alice, now);
        let early = sample::START;
        let redeemed = fixture
            .store
            .redeem_interaction_code(&fixture.org, &unused.hash, late, early, sample::request())
            .await;
        ensure_refused!(redeemed, StoreError::Conflict);
        fixture
            .redeem(&fresh.hash, sample::grant(&alice, now))
            .await?;
    }
    ensure_eq!(
        fixture.load_grant(&bobs_grant).await?.grant.revoked_at,
        None
    );
    let grant = sample::grant(&bob, fixture.now().await?);
    fixture.redeem(&bobs_code.hash, grant).await
}

pub(super) async fn a_lock_is_lifted_and_nothing_else(fixture: Fixture) -> Verdict {
    let all = [
        (UserStatus::Active, UserStatus::Active),
        (UserStatus::Deprovisioned, UserStatus::Deprovisioned),
        (UserStatus::LockedOut, UserStatus::Active),
        (UserStatus::Staged, UserStatus::Staged),
        (UserStatus::Suspended, UserStatus::Suspended),
    ];
    let mut users: Vec<UserId> = Vec::new();
    for (before, _) in all {
        let id = fixture
            .user(&format!("{}@example.com", before.as_str()))
            .await?;
        fixture
            .store
            .set_user_status(&fixture.org, &id, before)
            .await?;
        users.push(id);
    }
    for (id, (_, after)) in users.iter().zip(all) {
        fixture
            .apply(vec![Effect::Unlock { user: id.clone() }])
            .await?;
        ensure_eq!(fixture.load_user(id).await?.facts.status, after);
    }
    Ok(())
}

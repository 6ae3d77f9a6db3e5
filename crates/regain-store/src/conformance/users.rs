//! Users: found, compared, refused, switched off.

use regain_engine::UserStatus;
use regain_types::{SystemEntropy, UserId};

use super::{Failure, Fixture, Verdict, sample};
use crate::{NewUser, StoreError};

const ALICE: &str = "alice@example.com";

pub(super) async fn a_user_is_found_by_login_and_id(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    ensure_eq!(store.count_users(org).await?, 0);
    let full = sample::user(ALICE);
    let bare = NewUser {
        email: None,
        password: None,
        status: UserStatus::Staged,
        ..sample::user("bob")
    };
    for new in [&full, &bare] {
        store.create_user(org, new.clone()).await?;
        let found = store.find_user(org, &new.login).await?;
        let found = found.ok_or_else(|| Failure::new("the user was created"))?;
        let by_id = store.load_user(org, &new.id).await?;
        ensure_eq!(by_id.map(|record| record.facts), Some(found.facts.clone()));
        ensure_eq!(found.updated_at, fixture.now().await?);
        let user = found.facts;
        ensure_eq!((&user.id, &user.login), (&new.id, &new.login));
        ensure_eq!(user.email, new.email);
        ensure_eq!(user.first_name, new.first_name);
        ensure_eq!(user.last_name, new.last_name);
        ensure_eq!(user.locale, new.locale);
        ensure_eq!(user.time_zone, new.time_zone);
        ensure_eq!(user.status, new.status);
        ensure_eq!(user.password, new.password);
        ensure_eq!(user.history, []);
    }
    ensure_eq!(store.count_users(org).await?, 2);
    let absent = UserId::random(&mut SystemEntropy);
    ensure!(store.load_user(org, &absent).await?.is_none());
    ensure!(store.find_user(org, "carol").await?.is_none());
    Ok(())
}

/// What is the same name is decided before the store: it folds nothing.
pub(super) async fn names_are_compared_byte_for_byte(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let names = [
        ALICE,
        "Alice@example.com",
        "alice@example.com ",
        "al\u{131}ce@example.com",
        "alic\u{e9}",
        "alice\u{301}",
        "alice%",
    ];
    for name in names {
        ensure!(store.find_user(org, name).await?.is_none());
        fixture.user(name).await?;
        let found = store.find_user(org, name).await?;
        ensure_eq!(found.map(|user| user.facts.login), Some(name.to_owned()));
    }
    Ok(())
}

pub(super) async fn a_taken_login_or_address_is_refused(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let alice = fixture.user(ALICE).await?;
    let before = fixture.fingerprint().await?;
    let same_id = NewUser {
        id: alice,
        ..sample::user("other@example.com")
    };
    let same_login = NewUser {
        email: None,
        ..sample::user(ALICE)
    };
    let same_address = NewUser {
        email: Some(ALICE.to_owned()),
        ..sample::user("other@example.com")
    };
    for taken in [same_id, same_login, same_address] {
        let created = store.create_user(org, taken).await;
        ensure_refused!(created, StoreError::Exists(_));
    }
    ensure_eq!(fixture.fingerprint().await?, before);
    for login in ["one", "two"] {
        let without = NewUser {
            email: None,
            ..sample::user(login)
        };
        store.create_user(org, without).await?;
    }
    Ok(())
}

pub(super) async fn whoever_may_not_sign_in_loses_what_was_granted(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    let bob = fixture.user("bob@example.com").await?;
    let spared = fixture.grant(&bob).await?;
    for status in [
        UserStatus::Active,
        UserStatus::Deprovisioned,
        UserStatus::LockedOut,
        UserStatus::Staged,
        UserStatus::Suspended,
    ] {
        let login = format!("{}@example.com", status.as_str());
        let user = fixture.user(&login).await?;
        let grant = fixture.grant(&user).await?;
        let code = fixture.code(&user).await?;
        fixture.advance_millis(3);
        store.set_user_status(org, &user, status).await?;
        ensure_eq!(fixture.load_user(&user).await?.facts.status, status);
        let now = fixture.now().await?;
        let revoked = (!status.may_sign_in()).then_some(now);
        ensure_eq!(fixture.load_grant(&grant).await?.grant.revoked_at, revoked);
        let grant = sample::grant(&user, now);
        let redeemed = store
            .redeem_interaction_code(org, &code.hash, grant, now, sample::request())
            .await;
        ensure_eq!(redeemed.is_ok(), status.may_sign_in());
    }
    ensure_eq!(fixture.load_grant(&spared).await?.grant.revoked_at, None);
    Ok(())
}

pub(super) async fn the_status_of_nobody_cannot_be_set(fixture: Fixture) -> Verdict {
    let before = fixture.fingerprint().await?;
    let nobody = UserId::random(&mut SystemEntropy);
    let set = fixture
        .store
        .set_user_status(&fixture.org, &nobody, UserStatus::Active)
        .await;
    ensure_refused!(set, StoreError::Conflict);
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

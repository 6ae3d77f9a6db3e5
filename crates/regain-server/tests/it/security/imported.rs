//! Passwords whose hashes another program made: they are right or wrong like all others, and are
//! hashed anew with the first right answer.

use std::time::Duration;

use regain_engine::{Effect, StoredPassword};
use regain_server::{HashSettings, hash_kinds, hash_now};
use regain_store::{Commit, FlowKey, RequestMeta, Store as _, StoreError};
use regain_types::{Secret, TokenHash};
use serde_json::json;

use crate::app::{PASSWORD, Page, TestApp, people};

const LOGIN: &str = "irene@example.com";
/// By libxcrypt, of everybody's password.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6";
/// By libxcrypt: 72 times the letter x.
const BCRYPT_OF_72: &str = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
/// How long the slowest machine may take for a hash in the background.
const PATIENCE: Duration = Duration::from_secs(20);

async fn sign_in(app: &TestApp, password: &str) -> Page {
    let mut walk = app.first_page().await;
    let given = json!({"identifier": LOGIN, "credentials": {"passcode": password}});
    walk.remediate("identify", given).await.clone()
}

async fn stored(app: &TestApp) -> StoredPassword {
    let user = app.store.find_user(app.org(), LOGIN).await.unwrap();
    user.unwrap().facts.password.unwrap()
}

/// Waits for a hash that is not `before`.
async fn hashed_anew(app: &TestApp, before: &StoredPassword) -> StoredPassword {
    let changed = async {
        loop {
            let now = stored(app).await;
            if now.phc != before.phc {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, changed).await.unwrap()
}

#[tokio::test]
async fn an_imported_password_signs_in_and_is_hashed_anew_after_it() {
    let app = TestApp::start().await;
    people::import(&app, LOGIN, BCRYPT).await;
    let before = stored(&app).await;
    sign_in(&app, "wrong").await.expect_status(401);
    assert_eq!(
        stored(&app).await,
        before,
        "a wrong password changes nothing"
    );
    sign_in(&app, PASSWORD).await.interaction_code();
    let after = hashed_anew(&app, &before).await;
    assert!(after.phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(after.nfc);
    assert_eq!(
        after.set_at, before.set_at,
        "the password is as old as it was"
    );
    sign_in(&app, PASSWORD).await.interaction_code();
    sign_in(&app, "wrong").await.expect_status(401);
    app.close().await;
}

#[tokio::test]
async fn a_hash_of_an_older_cost_is_made_anew_too_and_a_present_one_is_left() {
    let app = TestApp::start().await;
    let older = HashSettings {
        memory_kib: 20_480,
        ..HashSettings::FLOOR
    };
    let phc = hash_now(&Secret::new(PASSWORD.to_owned()), older).unwrap();
    people::import(&app, LOGIN, &phc).await;
    let before = stored(&app).await;
    sign_in(&app, PASSWORD).await.interaction_code();
    let after = hashed_anew(&app, &before).await;
    assert!(after.phc.contains("m=19456"), "{}", after.phc);
    sign_in(&app, PASSWORD).await.interaction_code();
    app.state.tasks().drain().await;
    assert_eq!(stored(&app).await, after);
    app.close().await;
}

#[tokio::test]
async fn t_p2_what_bcrypt_does_not_read_is_refused_at_the_sign_in() {
    let app = TestApp::start().await;
    people::import(&app, LOGIN, BCRYPT_OF_72).await;
    for length in [55, 56, 71, 73, 100] {
        let refused = sign_in(&app, &"x".repeat(length)).await;
        refused.expect_status(401);
        // From the fourth in a row on each makes the next one wait (G-08).
        app.clock.advance(2);
    }
    let right = sign_in(&app, &"x".repeat(72)).await;
    right.interaction_code();
    app.close().await;
}

/// The upgrade is a compare-and-swap: it never puts an old password back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_p3_a_change_wins_against_the_upgrade_that_races_it() {
    const ROUNDS: usize = 12;
    let app = TestApp::start().await;
    people::import(&app, LOGIN, BCRYPT).await;
    let new = hash_now(
        &Secret::new("Marble-Harbour-77".to_owned()),
        HashSettings::FLOOR,
    )
    .unwrap();
    for round in 0..ROUNDS {
        set_password(&app, BCRYPT).await.unwrap();
        let signed_in = sign_in(&app, PASSWORD).await;
        signed_in.interaction_code();
        // The upgrade runs in the background now; the change comes sooner or later in it.
        let pause = u64::try_from(round).unwrap() * 3;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        set_password(&app, &new).await.unwrap();
        let changed = stored(&app).await;
        assert_eq!(changed.phc, new);
        // Whatever was on its way has arrived when two more upgrades could have.
        for _ in 0..2 {
            sign_in(&app, "wrong").await.expect_status(401);
        }
        assert_eq!(stored(&app).await, changed, "round {round}");
    }
    let stale = StoredPassword {
        phc: BCRYPT.to_owned(),
        ..stored(&app).await
    };
    let id = app
        .store
        .find_user(app.org(), LOGIN)
        .await
        .unwrap()
        .unwrap();
    let upgrade = app
        .store
        .upgrade_password(app.org(), &id.facts.id, &stale, stale.clone());
    assert!(matches!(upgrade.await, Err(StoreError::Conflict)));
    app.close().await;
}

/// As a recovery does it, in a flow of its own.
async fn set_password(app: &TestApp, phc: &str) -> Result<(), StoreError> {
    let user = app
        .store
        .find_user(app.org(), LOGIN)
        .await
        .unwrap()
        .unwrap();
    let walk = app.begin().await;
    let key = FlowKey::InteractionHandle(TokenHash::of(&walk.interaction_handle));
    let loaded = app
        .store
        .load_flow(app.org(), &key, None)
        .await
        .unwrap()
        .unwrap();
    let set = Effect::SetPassword {
        user: user.facts.id,
        phc: phc.to_owned(),
        keep_history: 0,
        at: loaded.now,
    };
    let commit = Commit {
        flow: loaded.flow,
        new_state_handle: None,
        effects: vec![set],
        request: RequestMeta::default(),
        now: loaded.now,
    };
    app.store.commit(app.org(), commit).await
}

/// Nodes learn from the store which kinds there are; the kind of new passwords is listed at the
/// start.
#[tokio::test]
async fn the_store_lists_the_kinds_that_are_in_use() {
    let app = TestApp::start().await;
    let kinds = hash_kinds(&*app.store, app.org()).await.unwrap();
    let texts: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["argon2id:19:19456:2:1"]);
    app.close().await;
}

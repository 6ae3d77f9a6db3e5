//! The pepper of password hashes: without it a dump is worth nothing, a rotation loses nobody, and a
//! process that lacks it says so and tells nobody apart.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regain_engine::StoredPassword;
use regain_server::{
    HashSettings, PepperProblem, RESTORE_SETTING, Standing, StartError, StoredHash, begin_pepper,
    hash_with, listed_peppers, save_pepper,
};
use regain_store::Store as _;
use regain_types::{MasterKey, Pepper, PepperVersion, SystemEntropy};
use serde_json::json;

use super::indistinguishable::canonical;
use crate::app::database::hex;
use crate::app::{PASSWORD, Page, Person, TestApp, people};

const NEW: &str = "Marble-Harbour-77";
/// By libxcrypt, of everybody's password.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6";
/// How long the slowest machine may take for a hash in the background.
const PATIENCE: Duration = Duration::from_secs(20);

fn version(number: u32) -> PepperVersion {
    PepperVersion::new(number).unwrap()
}

/// Version 1, and versions 1 and 2.
fn peppers() -> (Pepper, Pepper) {
    let one = Pepper::random(&mut SystemEntropy);
    let both = one.with_new(version(2), &mut SystemEntropy).unwrap();
    (one, both)
}

fn hashed(pepper: &Pepper, number: u32) -> String {
    let key = pepper.find(version(number));
    assert!(key.is_some());
    hash_with(&PASSWORD.to_owned().into(), HashSettings::FLOOR, key).unwrap()
}

async fn sign_in(app: &TestApp, login: &str, password: &str) -> Page {
    let mut walk = app.first_page().await;
    let given = json!({"identifier": login, "credentials": {"passcode": password}});
    walk.post("/idp/idx/identify", given).await.clone()
}

async fn stored(app: &TestApp, login: &str) -> StoredPassword {
    let user = app.store.find_user(app.org(), login).await.unwrap();
    user.unwrap().facts.password.unwrap()
}

/// Which pepper somebody's hash has.
async fn pepper_of(app: &TestApp, login: &str) -> Option<u32> {
    let hash = StoredHash::parse(&stored(app, login).await.phc).unwrap();
    hash.pepper().map(PepperVersion::number)
}

/// Signs in and waits for the work after the answer.
async fn sign_in_and_upgrade(app: &TestApp, login: &str, to: Option<u32>) {
    sign_in(app, login, PASSWORD).await.interaction_code();
    let upgraded = async {
        while pepper_of(app, login).await != to {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, upgraded).await;
    assert!(done.is_ok(), "{login}: {:?}", pepper_of(app, login).await);
}

/// Takes the newest version of a pepper into use, as `regain keys use pepper` does.
async fn take_into_use(app: &TestApp, pepper: &Pepper) {
    begin_pepper(&*app.store, app.org(), pepper, true)
        .await
        .unwrap();
}

/// What somebody with a dump computes: argon2id of a guess, with a key or without.
fn computed(phc: &str, guess: &str, key: Option<&[u8]>) -> bool {
    let parts: Vec<&str> = phc.split('$').collect();
    let [_, "argon2id", "v=19", costs, salt, hash] = parts.as_slice() else {
        panic!("{phc}")
    };
    assert!(costs.starts_with("m=19456,t=2,p=1"), "{costs}");
    let salt = STANDARD_NO_PAD.decode(salt).unwrap();
    let params = Params::new(19_456, 2, 1, Some(32)).unwrap();
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let argon2 = match key {
        Some(key) => Argon2::new_with_secret(key, algorithm, version, params).unwrap(),
        None => Argon2::new(algorithm, version, params),
    };
    let mut out = [0; 32];
    argon2
        .hash_password_into(guess.as_bytes(), &salt, &mut out)
        .unwrap();
    STANDARD_NO_PAD.encode(out) == *hash
}

/// T-P7, P-02: the right password is in hand, and the whole database, and nothing says that it is
/// right.
#[tokio::test]
async fn t_p7_a_dump_without_the_pepper_verifies_no_guess() {
    let (pepper, other) = peppers();
    let app = TestApp::with(|setup| setup.pepper = pepper.clone()).await;
    let login = Person::Active.login();
    let before = stored(&app, login).await.phc;
    assert!(
        computed(&before, PASSWORD, None),
        "the attack works without a pepper"
    );
    sign_in_and_upgrade(&app, login, Some(1)).await;
    let phc = stored(&app, login).await.phc;
    assert!(phc.contains("$m=19456,t=2,p=1,keyid=AAAAAQ$"), "{phc}");

    let key = pepper.newest().unwrap();
    let master: [u8; 32] = *MasterKey::random(&mut SystemEntropy).derive("x").expose();
    let checked = key.check();
    let stranger = other.newest().unwrap();
    for known in [
        None,
        Some(&[][..]),
        Some(&[0; 32][..]),
        Some(&master[..]),
        Some(checked.as_bytes()),
        Some(&URL_SAFE_NO_PAD.decode(&checked).unwrap()[..]),
        Some(&stranger.for_hashes().expose()[..]),
    ] {
        assert!(!computed(&phc, PASSWORD, known), "{known:?}");
    }
    let right = &key.for_hashes().expose()[..];
    assert!(
        computed(&phc, PASSWORD, Some(right)),
        "only with the pepper"
    );

    // Nothing of the key is in the dump, in any form.
    let file = pepper.encode();
    let text = file.expose().split_whitespace().last().unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
    let dump = format!("{:?}", app.snapshot());
    assert!(dump.contains(&checked), "the dump is a whole one");
    for canary in [
        text.to_owned(),
        STANDARD_NO_PAD.encode(&bytes),
        hex(&bytes),
        hex(right),
        STANDARD_NO_PAD.encode(right),
        URL_SAFE_NO_PAD.encode(right),
    ] {
        assert!(!dump.contains(&canary), "{canary}");
    }
    app.close().await;
}

/// T-P7, P-03, K-02: from no pepper to the first, and on to the second. At each step everybody signs
/// in, whatever made the hash, and is hashed anew.
#[tokio::test]
async fn t_p7_a_rotation_keeps_all_logins_working() {
    let (one, both) = peppers();
    let mut app = TestApp::start().await;
    let (old, early, foreign) = (
        Person::Active.login(),
        "earla@example.com",
        "fiona@example.com",
    );
    // People are there: a new pepper waits until somebody says so.
    app.restart_with(one.clone()).await.unwrap();
    sign_in(&app, old, PASSWORD).await.interaction_code();
    app.state.tasks().drain().await;
    assert_eq!(pepper_of(&app, old).await, None);

    take_into_use(&app, &one).await;
    app.restart_with(one.clone()).await.unwrap();
    sign_in_and_upgrade(&app, old, Some(1)).await;
    sign_in(&app, old, "wrong").await.expect_status(401);
    people::import(&app, early, &hashed(&one, 1)).await;
    people::import(&app, foreign, BCRYPT).await;

    // The file is on this node, and another one may not have it yet.
    app.restart_with(both.clone()).await.unwrap();
    sign_in(&app, early, PASSWORD).await.interaction_code();
    app.state.tasks().drain().await;
    assert_eq!(pepper_of(&app, early).await, Some(1));

    take_into_use(&app, &both).await;
    app.restart_with(both.clone()).await.unwrap();
    for login in [old, early, foreign] {
        let before = stored(&app, login).await;
        sign_in(&app, login, "wrong").await.expect_status(401);
        assert_eq!(stored(&app, login).await, before, "{login}");
        sign_in_and_upgrade(&app, login, Some(2)).await;
        assert_eq!(stored(&app, login).await.set_at, before.set_at);
        sign_in(&app, login, PASSWORD).await.interaction_code();
        sign_in(&app, login, "wrong").await.expect_status(401);
    }
    app.close().await;
}

/// T-P7, P-07: each of the last four passwords has another pepper.
#[tokio::test]
async fn t_p7_old_passwords_are_known_again_whatever_their_pepper() {
    let (one, both) = peppers();
    let mut app = TestApp::start().await;
    let login = Person::Active.login();
    let series = ["Marble-Harbour-1", "Marble-Harbour-2", "Marble-Harbour-3"];
    for (pepper, new) in [Pepper::default(), one, both].into_iter().zip(series) {
        take_into_use(&app, &pepper).await;
        app.restart_with(pepper).await.unwrap();
        let mut walk = app.begin().await;
        walk.as_far_as_reset(login, login).await;
        walk.answer(new).await.interaction_code();
        app.mail_is_done().await;
    }
    assert_eq!(pepper_of(&app, login).await, Some(2));
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    for old in series.into_iter().chain([PASSWORD]) {
        walk.answer(old)
            .await
            .expect_passcode(400, "password.passwordRequirementsNotMet");
    }
    walk.answer(NEW).await.interaction_code();
    app.close().await;
}

/// T-P7, K-06, R-20: nothing starts with a pepper that is not the one of the database.
#[tokio::test]
async fn t_p7_without_the_right_pepper_nothing_starts() {
    let (one, both) = peppers();
    let (_, strange) = peppers();
    let mut app = TestApp::with(|setup| setup.pepper = both.clone()).await;
    let two_alone = Pepper::from(both.newest().unwrap().clone());
    // Version 1 was never in use here.
    app.restart_with(two_alone).await.unwrap();
    take_into_use_version_1(&app, &one).await;
    for (pepper, problem) in [
        (Pepper::default(), PepperProblem::Missing(version(1))),
        (one.clone(), PepperProblem::Missing(version(2))),
        (strange, PepperProblem::Other(version(1))),
    ] {
        let refused = app.restart_with(pepper.clone()).await.unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains(&format!("version {}", problem.version())),
            "{said}"
        );
        assert!(
            matches!(refused, StartError::Pepper(found) if found == problem),
            "{said}"
        );
        let begun = app.unchanged("no new pepper hides that", async {
            begin_pepper(&*app.store, app.org(), &pepper, true).await
        });
        assert!(begun.await.is_err());
    }
    app.restart_with(both).await.unwrap();
    app.close().await;
}

/// The same version and key that another node took into use.
async fn take_into_use_version_1(app: &TestApp, one: &Pepper) {
    let name = format!("pepper:1:{}", one.newest().unwrap().check());
    app.store
        .save_setting(app.org(), &name, "in use")
        .await
        .unwrap();
}

/// T-P7, E-05, K-06: a node that meets a hash with a pepper that it lacks checks nobody's password from
/// then on: the same answer for everybody, and nothing is counted.
#[tokio::test]
async fn t_p7_a_running_process_without_the_pepper_tells_nobody_apart() {
    let (one, both) = peppers();
    let mut app = TestApp::with(|setup| setup.pepper = one.clone()).await;
    let login = "earla@example.com";
    people::import(&app, login, &hashed(&both, 2)).await;
    let mut documents = Vec::new();
    for (who, password) in [
        (login, PASSWORD),
        (login, "wrong"),
        (Person::Active.login(), PASSWORD),
        (Person::Active.login(), "wrong"),
        (Person::Unknown.login(), PASSWORD),
        (Person::NoPassword.login(), PASSWORD),
    ] {
        let mut walk = app.first_page().await;
        let given = json!({"identifier": who, "credentials": {"passcode": password}});
        let refused = walk.post("/idp/idx/identify", given);
        let page = app.unchanged(who, refused).await.clone();
        page.expect_status(503);
        assert!(page.header("retry-after").is_some());
        documents.push(canonical(&page, &walk, who));
    }
    for other in &documents {
        assert_eq!(*other, documents[0]);
    }
    let ready = app.call(Method::GET, "/health/ready", json!({})).await;
    ready.expect_status(503);

    // With the pepper all of them are served again.
    app.restart_with(both).await.unwrap();
    sign_in(&app, login, PASSWORD).await.interaction_code();
    sign_in(&app, login, "wrong").await.expect_status(401);
    sign_in(&app, Person::Unknown.login(), PASSWORD)
        .await
        .expect_status(401);
    let ready = app.call(Method::GET, "/health/ready", json!({})).await;
    ready.expect_status(200);
    app.close().await;
}

/// T-P7, K-06: who lost a version says so. Its hashes match nothing, and people set new passwords by
/// mail.
#[tokio::test]
async fn t_p7_after_a_pepper_is_given_up_people_recover_by_mail() {
    let (one, both) = peppers();
    let mut app = TestApp::with(|setup| setup.pepper = one).await;
    let login = Person::Active.login();
    sign_in_and_upgrade(&app, login, Some(1)).await;
    let listed = listed_peppers(&*app.store, app.org()).await.unwrap();
    assert_eq!(listed.len(), 1);
    save_pepper(&*app.store, app.org(), &listed[0], Standing::Lost)
        .await
        .unwrap();
    // The number is used up: no other key passes for the lost one.
    let (strange, _) = peppers();
    let taken = begin_pepper(&*app.store, app.org(), &strange, true).await;
    assert!(taken.unwrap_err().to_string().contains("version 1"));
    let two = Pepper::from(both.newest().unwrap().clone());
    take_into_use(&app, &two).await;
    app.restart_with(two).await.unwrap();
    for password in [PASSWORD, "wrong"] {
        sign_in(&app, login, password).await.expect_status(401);
        sign_in(&app, Person::Unknown.login(), password)
            .await
            .expect_status(401);
    }
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    walk.answer(NEW).await.interaction_code();
    assert_eq!(pepper_of(&app, login).await, Some(2));
    sign_in(&app, login, NEW).await.interaction_code();
    app.close().await;
}

/// What a restore brings says which pepper is in use, so that none is taken into use before it is done.
#[tokio::test]
async fn half_a_restore_takes_no_pepper_into_use() {
    let (one, _) = peppers();
    let app = TestApp::start().await;
    let save = |value| app.store.save_setting(app.org(), RESTORE_SETTING, value);
    save("unfinished").await.unwrap();
    take_into_use(&app, &one).await;
    let listed = listed_peppers(&*app.store, app.org()).await.unwrap();
    assert_eq!(listed, []);
    save("").await.unwrap();
    take_into_use(&app, &one).await;
    let listed = listed_peppers(&*app.store, app.org()).await.unwrap();
    assert_eq!(listed.len(), 1);
    app.close().await;
}

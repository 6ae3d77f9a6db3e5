//! `POST /idp/idx/challenge/answer` with a new password.

use regain_engine::PasswordRules;
use serde_json::json;

use crate::app::{PASSWORD, Person, TestApp};

const PATH: &str = "/idp/idx/challenge/answer";
const NEW: &str = "Marble-Harbour-77";
const REFUSED: &str = "password.passwordRequirementsNotMet";

#[tokio::test]
async fn each_rule_is_named_and_the_proof_stays() {
    let app = TestApp::with(|setup| {
        setup.policy.password = PasswordRules {
            min_length: 10,
            min_lower_case: 1,
            min_upper_case: 1,
            min_number: 1,
            min_symbol: 1,
            exclude_words: vec!["regain".to_owned()],
            ..PasswordRules::default()
        };
    })
    .await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    app.mail_is_done().await;
    for (candidate, said) in [
        ("Ab3-efgh", "at least 10 characters"),
        ("AB3-EFGHIJ", "a lowercase letter"),
        ("ab3-efghij", "an uppercase letter"),
        ("Abc-efghij", "a number"),
        ("Ab3defghij", "a symbol"),
        ("Ab3-xALICEx", "no parts of your username"),
        ("Ab3-family-x", "no parts of your name"),
        ("Ab3-Regain-x", "not the name of this organization"),
        ("", "at least 10 characters"),
    ] {
        let refused = walk.answer(candidate);
        let page = app.unchanged(candidate, refused).await;
        page.expect_page(400, "reset-authenticator")
            .expect_passcode(400, REFUSED);
        let text = page.passcode_texts()[0].to_owned();
        assert!(
            text.starts_with("Password requirements were not met."),
            "{text}"
        );
        assert!(text.contains(said), "{candidate}: {text}");
    }
    let long = format!("Ab3-{}", "x".repeat(1_021));
    let page = app.unchanged("too long", walk.answer(&long)).await;
    assert!(page.passcode_texts()[0].contains("at most 1024 bytes"));
    walk.answer(NEW).await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn a_common_password_has_a_message_of_its_own() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    app.mail_is_done().await;
    for candidate in ["password123", "PASSWORD123", "iloveyou"] {
        let refused = walk.answer(candidate);
        app.unchanged(candidate, refused)
            .await
            .expect_page(400, "reset-authenticator")
            .expect_passcode(400, "password.common");
    }
    app.close().await;
}

#[tokio::test]
async fn the_last_four_passwords_are_refused_and_the_fifth_is_not() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let series = [
        "Marble-Harbour-1",
        "Marble-Harbour-2",
        "Marble-Harbour-3",
        "Marble-Harbour-4",
    ];
    for new in series {
        let mut walk = app.begin().await;
        walk.as_far_as_reset(login, login).await;
        walk.answer(new).await.interaction_code();
        app.mail_is_done().await;
    }
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    for old in series {
        walk.answer(old).await.expect_passcode(400, REFUSED);
        let text = walk.page.passcode_texts()[0].to_owned();
        assert!(text.contains("any of your last 4 passwords"), "{text}");
    }
    // Four changes ago, so it is out of the history: allowed again.
    walk.answer(PASSWORD).await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn old_passwords_are_tried_ten_times_and_no_more() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    for _ in 0..10 {
        walk.answer(PASSWORD).await.expect_passcode(400, REFUSED);
    }
    app.mail_is_done().await;
    for candidate in [PASSWORD, NEW] {
        let refused = walk.answer(candidate);
        app.unchanged("the eleventh", refused)
            .await
            .expect_page(429, "reset-authenticator")
            .expect_top(429, "tooManyRequests");
    }
    app.close().await;
}

#[tokio::test]
async fn the_least_age_is_kept_and_named() {
    let app = TestApp::with(|setup| setup.policy.password.min_age_minutes = 90).await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    walk.answer(NEW).await.interaction_code();
    app.mail_is_done().await;
    app.clock.advance(90 * 60 - 60);
    let mut walk = app.begin().await;
    let first = app.mailbox.list(Some(login), None)[0].id.clone();
    walk.as_far_as_challenge(login).await;
    let code = app.mail_after(login, Some(&first)).await.code.unwrap();
    walk.answer(&code).await.expect_status(200);
    app.mail_is_done().await;
    app.clock.advance_ms(59_999);
    let page = app
        .unchanged("too young", walk.answer("Copper-Garden-3"))
        .await;
    page.expect_passcode(400, REFUSED);
    assert!(page.passcode_texts()[0].contains("90 minutes"));
    app.clock.advance_ms(1);
    walk.answer("Copper-Garden-3").await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn a_proof_lasts_ten_minutes_to_the_millisecond() {
    for (millis, allowed) in [(-1, true), (0, false), (1, false)] {
        let app = TestApp::start().await;
        let login = Person::Active.login();
        let mut walk = app.begin().await;
        walk.as_far_as_reset(login, login).await;
        app.mail_is_done().await;
        app.clock.advance_ms(10 * 60 * 1_000 + millis);
        if allowed {
            walk.answer(NEW).await.interaction_code();
        } else {
            let late = walk.answer(NEW);
            app.unchanged("too late", late).await.expect_expired();
            app.clock.set_back(60 * 60);
            walk.introspect().await.expect_expired();
        }
        app.close().await;
    }
}

#[tokio::test]
async fn an_absent_password_is_refused() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    app.mail_is_done().await;
    for body in [
        json!({}),
        json!({"credentials": {}}),
        json!({"credentials": {"revokeSessions": true}}),
    ] {
        let refused = walk.post(PATH, body);
        app.unchanged("no password", refused)
            .await
            .expect_page(400, "reset-authenticator")
            .expect_top(400, "E0000020");
    }
    for credentials in [
        json!({"passcode": 12_345_678}),
        json!({"passcode": NEW, "revokeSessions": "yes"}),
        json!("x"),
    ] {
        let refused = walk.post(PATH, json!({"credentials": credentials}));
        app.unchanged("a malformed password", refused)
            .await
            .expect_api_error(400, "E0000003");
    }
    app.close().await;
}

#[tokio::test]
async fn a_lost_answer_to_the_last_step_is_given_again() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    let body = json!({"credentials": {"passcode": NEW}});
    let first = walk.post(PATH, body.clone()).await.clone();
    first.interaction_code();
    // It is known by the new hash: no digest of a password is kept, not even a keyed one.
    assert_eq!(walk.stored().await.flow.replay, None);
    app.mail_is_done().await;
    app.clock.advance(4);
    let again = walk.post(PATH, body.clone());
    let page = app.unchanged("the same password", again).await;
    assert_eq!(page.bytes, first.bytes);
    let other = walk.post(
        PATH,
        json!({"credentials": {"passcode": "Copper-Garden-3"}}),
    );
    app.unchanged("another password", other)
        .await
        .expect_expired();
    app.clock.advance(1);
    walk.post(PATH, body).await.expect_expired();
    app.close().await;
}

#[tokio::test]
async fn completing_ends_the_user_s_other_flows_and_nobody_else_s() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut other = app.begin().await;
    other.as_far_as_reset(login, login).await;
    let mut stranger = app.begin().await;
    stranger
        .as_far_as_challenge(Person::OtherMail.login())
        .await;
    app.mail_is_done().await;
    app.clock.advance(31);
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    let mut fresh = app.begin().await;
    fresh.as_far_as_challenge(login).await;
    walk.answer(NEW).await.interaction_code();
    other.answer("Copper-Garden-3").await.expect_expired();
    other.introspect().await.expect_expired();
    stranger.act("poll").await.expect_status(200);
    // A request that was accepted a moment ago and comes again is no way back (I-08).
    let (path, body) = fresh.posted.last().unwrap().clone();
    app.post(&path, &body).await.expect_expired();
    app.close().await;
}

//! The whole recovery, in each mode that an org can choose, and the sign-in.

use regain_engine::{RevokeSessions, SignInMode, SingleAuthenticator};
use regain_store::Store as _;
use serde_json::json;

use crate::app::{CONFIDENTIAL, PASSWORD, Person, TestApp};

const NEW: &str = "Marble-Harbour-77";

/// Name, outcome and reason of each audit row.
async fn events(app: &TestApp) -> Vec<String> {
    let rows = app.audit().await;
    rows.into_iter()
        .map(|row| {
            let reason = row.reason.map(|reason| format!(" ({reason})"));
            format!("{} {}{}", row.name, row.outcome, reason.unwrap_or_default())
        })
        .collect()
}

#[tokio::test]
async fn a_password_is_recovered_on_the_one_page_form() {
    let app = TestApp::start().await;
    let mut walk = app.first_page().await;
    walk.page.expect_page(200, "identify");
    let login = Person::Active.login();

    walk.act("recover")
        .await
        .expect_page(200, "identify-recovery");
    let who = json!({"identifier": login});
    walk.remediate("identify-recovery", who)
        .await
        .expect_page(200, "select-authenticator-authenticate");
    assert_eq!(
        walk.page.json["user"]["value"],
        json!({"identifier": login})
    );
    assert!(
        app.mailbox.list(None, None).is_empty(),
        "nothing is sent before the choice"
    );

    walk.choose_email()
        .await
        .expect_page(200, "challenge-authenticator");
    let mail = app.mail_to(login).await;
    walk.answer(&mail.code.unwrap())
        .await
        .expect_page(200, "reset-authenticator");
    let settings = &walk.page.json["currentAuthenticator"]["value"]["settings"];
    assert_eq!(settings["complexity"]["minLength"], 8);
    assert_eq!(settings["age"]["historyCount"], 4);
    assert_eq!(
        walk.page.json["authenticatorEnrollments"]["value"][0]["profile"]["email"],
        "a***e@example.com"
    );

    let code = walk.answer(NEW).await.interaction_code();
    assert!(code.len() >= 43, "{code}");
    assert!(
        !walk.page.json.to_string().contains("client_secret"),
        "a public client has none"
    );
    let notice = app.mail_after(login, Some(&mail.id)).await;
    assert_eq!(notice.code, None);
    app.mail_is_done().await;
    assert_eq!(
        events(&app).await,
        [
            "app.oauth2.interact.interaction_handle SUCCESS",
            "system.email.delivery SUCCESS",
            "user.authentication.verify SUCCESS",
            "user.account.reset_password SUCCESS",
            "user.session.clear SUCCESS",
            "user.session.start SUCCESS",
            "system.email.delivery SUCCESS",
        ]
    );
    sign_in(&app, login, PASSWORD)
        .await
        .expect_top(401, "errors.E0000004");
    sign_in(&app, login, NEW).await.interaction_code();
    app.close().await;
}

async fn sign_in(app: &TestApp, login: &str, password: &str) -> crate::app::Page {
    let mut walk = app.first_page().await;
    let given = json!({"identifier": login, "credentials": {"passcode": password},
        "rememberMe": false});
    walk.remediate("identify", given).await.clone()
}

#[tokio::test]
async fn a_password_is_recovered_where_the_name_comes_first() {
    let app = TestApp::with(|setup| setup.policy.sign_in_mode = SignInMode::IdentifierFirst).await;
    let mut walk = app.first_page().await;
    walk.page.expect_page(200, "identify");
    assert!(walk.page.json.get("currentAuthenticator").is_none());
    let login = Person::Active.login();
    walk.remediate("identify", json!({"identifier": login}))
        .await
        .expect_page(200, "challenge-authenticator");
    let current = &walk.page.json["currentAuthenticatorEnrollment"]["value"];
    assert_eq!(current["key"], "okta_password");
    walk.act("recover")
        .await
        .expect_page(200, "select-authenticator-authenticate");
    walk.choose_email()
        .await
        .expect_page(200, "challenge-authenticator");
    let code = app.code_for(login).await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    walk.answer(NEW).await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn a_password_is_recovered_where_the_mail_is_confirmed_first() {
    let app = TestApp::with(|setup| {
        setup.policy.recovery.single_authenticator = SingleAuthenticator::Verify;
    })
    .await;
    let mut walk = app.begin().await;
    let login = Person::Active.login();
    walk.recover(login)
        .await
        .expect_page(200, "authenticator-verification-data");
    assert!(app.mailbox.list(None, None).is_empty());
    let id = walk.authenticator_id("okta_email");
    let given = json!({"authenticator": {"id": id, "methodType": "email"}});
    walk.remediate("authenticator-verification-data", given)
        .await
        .expect_page(200, "challenge-authenticator");
    let code = app.code_for(login).await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    walk.answer(NEW).await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn people_sign_in_with_name_first_and_password_second() {
    let app = TestApp::with(|setup| setup.policy.sign_in_mode = SignInMode::IdentifierFirst).await;
    let mut walk = app.first_page().await;
    walk.remediate("identify", json!({"identifier": Person::Active.login()}))
        .await
        .expect_page(200, "challenge-authenticator");
    walk.answer("wrong")
        .await
        .expect_top(401, "errors.E0000004");
    walk.answer(PASSWORD).await.interaction_code();
    let names = events(&app).await;
    assert_eq!(
        names,
        [
            "app.oauth2.interact.interaction_handle SUCCESS",
            "user.authentication.verify FAILURE (INVALID_CREDENTIALS)",
            "user.session.start SUCCESS",
        ]
    );
    app.close().await;
}

#[tokio::test]
async fn without_auto_sign_in_it_ends_with_the_word_that_the_password_is_changed() {
    let app = TestApp::with(|setup| setup.policy.recovery.auto_sign_in = false).await;
    let mut walk = app.begin().await;
    let login = Person::Active.login();
    walk.as_far_as_reset(login, login).await;
    walk.answer(NEW)
        .await
        .expect_top(200, "idx.recovery.completed");
    assert_eq!(walk.page.json["messages"]["value"][0]["class"], "INFO");
    assert_eq!(app.count("SELECT count(*) FROM interaction_codes"), 0);
    sign_in(&app, login, NEW).await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn the_form_asks_about_other_sessions_only_where_the_org_wants_it() {
    for (asked, given, cleared) in [
        (RevokeSessions::Always, Some(false), true),
        (RevokeSessions::Ask, Some(true), true),
        (RevokeSessions::Ask, Some(false), false),
        (RevokeSessions::Ask, None, false),
    ] {
        let app = TestApp::with(|setup| setup.policy.recovery.revoke_sessions = asked).await;
        let mut walk = app.begin().await;
        let login = Person::Active.login();
        let field = walk
            .as_far_as_reset(login, login)
            .await
            .json
            .to_string()
            .contains("\"revokeSessions\"");
        assert_eq!(field, asked == RevokeSessions::Ask);
        let mut credentials = json!({"passcode": NEW});
        if let Some(given) = given {
            credentials["revokeSessions"] = json!(given);
        }
        walk.remediate("reset-authenticator", json!({"credentials": credentials}))
            .await
            .interaction_code();
        let rows = app.audit().await;
        let clears = rows.iter().any(|row| row.name == "user.session.clear");
        assert_eq!(clears, cleared, "{asked:?} {given:?}");
        app.close().await;
    }
}

#[tokio::test]
async fn a_locked_user_recovers_and_is_unlocked() {
    let app = TestApp::start().await;
    let login = Person::Locked.login();
    sign_in(&app, login, PASSWORD)
        .await
        .expect_top(401, "errors.E0000004");
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    walk.answer(NEW).await.interaction_code();
    let user = app
        .store
        .find_user(app.org(), login)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(user.facts.status, regain_engine::UserStatus::Active);
    let rows = app.audit().await;
    assert!(rows.iter().any(|row| row.name == "user.account.unlock"));
    sign_in(&app, login, NEW).await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn somebody_without_a_password_recovers_into_one() {
    let app = TestApp::start().await;
    let login = Person::NoPassword.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    walk.answer(NEW).await.interaction_code();
    sign_in(&app, login, NEW).await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn a_confidential_app_is_asked_for_its_secret() {
    let app = TestApp::start().await;
    let mut walk = app
        .begin_for(|app| {
            app.confidential = true;
            app.client_id = regain_types::ClientId::parse(CONFIDENTIAL).unwrap();
        })
        .await;
    let login = Person::Active.login();
    walk.as_far_as_reset(login, login).await;
    walk.answer(NEW).await.interaction_code();
    let fields = &walk.page.json["successWithInteractionCode"]["value"];
    assert!(fields.to_string().contains("client_secret"), "{fields}");
    app.close().await;
}

#[tokio::test]
async fn the_mail_speaks_the_language_of_the_browser() {
    let app = TestApp::start().await;
    let mut subjects = Vec::new();
    for language in [
        None,
        Some("de-AT,de;q=0.9,en;q=0.5"),
        Some("ja"),
        Some("tlh"),
    ] {
        let mut walk = app
            .begin_for(|app| app.language = language.map(str::to_owned))
            .await;
        let last = app.mailbox.list(None, None).first().map(|m| m.id.clone());
        let login = Person::Active.login();
        walk.as_far_as_challenge(login).await;
        let mail = app.mail_after(login, last.as_deref()).await;
        let html = mail.code.as_ref().map(|code| format!("<b>{code}</b>"));
        assert!(mail.html.contains(&html.unwrap()), "{}", mail.html);
        subjects.push(mail.subject);
    }
    assert_eq!(
        subjects[0], subjects[3],
        "English stands in for what is missing"
    );
    assert_ne!(subjects[0], subjects[1]);
    assert_ne!(subjects[0], subjects[2]);
    assert_ne!(subjects[1], subjects[2]);
    app.close().await;
}

#[tokio::test]
async fn the_code_goes_to_the_stored_address() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    let person = Person::OtherMail;
    let mail = person.mail().unwrap();
    walk.as_far_as_reset(person.login(), mail).await;
    assert!(app.mailbox.list(Some(person.login()), None).is_empty());
    walk.answer(NEW).await.interaction_code();
    app.close().await;
}

//! `POST /idp/idx/identify` after "Forgot password?", and `POST /idp/idx/recover`.

use serde_json::json;

use crate::app::{Person, TestApp};

const PATH: &str = "/idp/idx/identify";

#[tokio::test]
async fn a_second_identifier_in_one_flow_is_refused() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    // At every stage after the first name, with known and unknown names.
    for stage in 0..3 {
        let mut walk = app.begin().await;
        match stage {
            0 => drop(walk.recover(login).await),
            1 => drop(walk.as_far_as_challenge(login).await),
            _ => drop(walk.as_far_as_reset(login, login).await),
        }
        app.mail_is_done().await;
        for other in [Person::OtherMail, Person::Unknown] {
            let shown = walk.page.page_name().unwrap().to_owned();
            let body = json!({"identifier": other.login(), "credentials": {"passcode": "x"}});
            let refused = walk.post(PATH, body);
            app.unchanged("a second identifier", refused)
                .await
                .expect_page(400, &shown)
                .expect_top(400, "E0000020");
        }
        let user = &walk.page.json["user"]["value"]["identifier"];
        assert_eq!(*user, login);
    }
    app.close().await;
}

#[tokio::test]
async fn the_same_identifier_again_gets_the_same_document() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    let first = walk.recover(login).await.bytes.clone();
    let again = walk.post(PATH, json!({"identifier": login}));
    let page = app.unchanged("the same identifier", again).await;
    assert_eq!(page.bytes, first);
    app.close().await;
}

#[tokio::test]
async fn recover_is_idempotent_at_the_choice() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    let first = walk.recover(Person::Active.login()).await.bytes.clone();
    for seconds in [0, 10] {
        app.clock.advance(seconds);
        let again = walk.act("recover");
        let page = app.unchanged("recover again", again).await;
        assert_eq!(page.bytes, first);
    }
    walk.choose_email()
        .await
        .expect_page(200, "challenge-authenticator");
    app.close().await;
}

#[tokio::test]
async fn where_the_org_does_not_hide_people_it_says_who_cannot_recover() {
    let app = TestApp::with(|setup| setup.policy.enumeration_prevention = false).await;
    for person in Person::ALL {
        let mut walk = app.begin().await;
        walk.introspect().await;
        walk.act("recover").await;
        let who = json!({"identifier": person.login()});
        let page = walk.remediate("identify-recovery", who).await;
        if person.may_recover() {
            page.expect_page(200, "select-authenticator-authenticate");
            let profile = &page.json["authenticatorEnrollments"]["value"][0]["profile"];
            assert!(profile["email"].is_string(), "{person:?}");
            assert!(page.json["user"]["value"]["id"].is_string());
        } else {
            page.expect_page(200, "identify-recovery")
                .expect_top(200, "idx.unknown.user");
        }
    }
    app.close().await;
}

#[tokio::test]
async fn a_proposed_name_stands_in_the_form() {
    let app = TestApp::start().await;
    let mut walk = app
        .begin_for(|app| app.login_hint = Some("alice@example.com".to_owned()))
        .await;
    let field = "/remediation/value/0/value/0";
    let page = walk.introspect().await;
    assert_eq!(
        page.json.pointer(field).unwrap()["value"],
        "alice@example.com"
    );
    let page = walk.act("recover").await;
    assert_eq!(
        page.json.pointer(field).unwrap()["value"],
        "alice@example.com"
    );
    app.close().await;
}

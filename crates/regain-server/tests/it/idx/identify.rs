//! `POST /idp/idx/identify` on the first page: sign-in, and what an identifier can be.

use regain_engine::SignInMode;
use serde_json::json;

use crate::app::{PASSWORD, Person, TestApp};

const PATH: &str = "/idp/idx/identify";

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_get_the_first_page_again() {
    let app = TestApp::start().await;
    for person in Person::ALL {
        let mut walk = app.first_page().await;
        let first = walk.page.json.clone();
        // The right password of those who may not sign in is as wrong as any other.
        let password = if person == Person::Active
            || person == Person::OtherMail
            || person == Person::NoMail
            || person == Person::WithApp
        {
            "wrong"
        } else {
            PASSWORD
        };
        let given = json!({"identifier": person.login(), "credentials": {"passcode": password}});
        let mut page = walk.remediate("identify", given).await.clone();
        page.expect_top(401, "errors.E0000004");
        page.json.as_object_mut().unwrap().remove("messages");
        assert_eq!(page.json, first, "{person:?}");
    }
    app.close().await;
}

#[tokio::test]
async fn a_password_is_part_of_the_one_page_form() {
    let app = TestApp::start().await;
    let mut walk = app.first_page().await;
    for body in [
        json!({"identifier": Person::Active.login()}),
        json!({"identifier": Person::Active.login(), "credentials": {}}),
        json!({"identifier": Person::Active.login(), "credentials": {"passcode": null}}),
    ] {
        let refused = walk.post(PATH, body);
        app.unchanged("no password", refused)
            .await
            .expect_page(400, "identify")
            .expect_top(400, "E0000020");
    }
    app.close().await;
}

#[tokio::test]
async fn identifiers_that_nobody_can_have_are_refused_before_any_work() {
    let app = TestApp::start().await;
    let mut walk = app.first_page().await;
    for identifier in [
        "",
        "   ",
        "a@x.example,b@y.example",
        "a@x.example\r\nbcc: b@y.example",
        "a@b@c",
        "a\u{0}@x.example",
        "\u{202e}alice@example.com",
        "alice\u{200b}@example.com",
        "<alice@example.com>",
        &"a".repeat(321),
    ] {
        let body = json!({"identifier": identifier, "credentials": {"passcode": PASSWORD}});
        let refused = walk.post(PATH, body);
        app.unchanged(identifier, refused)
            .await
            .expect_page(400, "identify")
            .expect_top(400, "E0000001");
    }
    app.close().await;
}

#[tokio::test]
async fn an_identifier_is_one_string() {
    // T-N3 as far as JSON goes: arrays, objects, numbers and nothing are no names.
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.first_page().await;
    for identifier in [
        json!([login]),
        json!([login, "mallory@example.com"]),
        json!({"$eq": login}),
        json!({}),
        json!(17),
        json!(null),
        json!(true),
    ] {
        let body = json!({"identifier": identifier, "credentials": {"passcode": PASSWORD}});
        let refused = walk.post(PATH, body);
        app.unchanged("a malformed identifier", refused)
            .await
            .expect_api_error(400, "E0000003");
    }
    let twice = format!(
        r#"{{"stateHandle":"{}","identifier":"{login}","identifier":"mallory@example.com",
            "credentials":{{"passcode":"{PASSWORD}"}}}}"#,
        walk.state_handle
    );
    let refused = app.post_raw(PATH, Some("application/json"), twice);
    app.unchanged("two identifiers in one body", refused)
        .await
        .expect_api_error(400, "E0000003");
    app.close().await;
}

#[tokio::test]
async fn letter_case_and_white_space_around_a_name_do_not_matter() {
    let app = TestApp::start().await;
    for typed in [
        " ALICE@Example.COM ",
        "alice@example.com\n",
        "Alice@EXAMPLE.com",
    ] {
        let mut walk = app.first_page().await;
        let given = json!({"identifier": typed, "credentials": {"passcode": PASSWORD}});
        walk.remediate("identify", given).await.interaction_code();
    }
    app.close().await;
}

#[tokio::test]
async fn the_password_is_never_trimmed() {
    let app = TestApp::start().await;
    for typed in [
        " Copper-Lantern-42",
        "Copper-Lantern-42 ",
        "copper-lantern-42",
    ] {
        let mut walk = app.first_page().await;
        let given =
            json!({"identifier": Person::Active.login(), "credentials": {"passcode": typed}});
        walk.remediate("identify", given)
            .await
            .expect_top(401, "errors.E0000004");
    }
    app.close().await;
}

#[tokio::test]
async fn a_lost_answer_to_a_sign_in_is_given_again() {
    let app = TestApp::start().await;
    let mut walk = app.first_page().await;
    let body = json!({"identifier": Person::Active.login(), "credentials": {"passcode": PASSWORD}});
    let first = walk.post(PATH, body.clone()).await.clone();
    first.interaction_code();
    app.clock.advance(4);
    let again = walk.post(PATH, body.clone());
    let page = app.unchanged("the same sign-in", again).await;
    assert_eq!(page.bytes, first.bytes);
    let wrong = json!({"identifier": Person::Active.login(), "credentials": {"passcode": "x"}});
    walk.post(PATH, wrong).await.expect_expired();
    app.clock.advance(1);
    walk.post(PATH, body).await.expect_expired();
    app.close().await;
}

#[tokio::test]
async fn where_the_org_does_not_hide_people_it_says_who_is_unknown() {
    for mode in [SignInMode::OnePage, SignInMode::IdentifierFirst] {
        let app = TestApp::with(|setup| {
            setup.policy.sign_in_mode = mode;
            setup.policy.enumeration_prevention = false;
        })
        .await;
        let mut walk = app.first_page().await;
        let body = json!({"identifier": "Zelda@example.com", "credentials": {"passcode": "x"}});
        let shown = walk.post(PATH, body);
        let page = app.unchanged("an unknown name", shown).await;
        page.expect_page(200, "identify")
            .expect_top(200, "idx.unknown.user");
        let message = &page.json["messages"]["value"][0];
        let text = "There is no account with the Username Zelda@example.com.";
        assert_eq!(message["message"], text);
        assert_eq!(message["class"], "INFO");
        app.close().await;
    }
}

//! `/dev/*`: mailbox, clock and reset; that they exist only in development is in `idx/headers`.

use axum::body::Body;
use axum::http::{Method, Request};
use regain_store::Store as _;
use serde_json::json;

use crate::app::{PASSWORD, Person, TestApp};

#[tokio::test]
async fn the_clock_moves_what_expires_and_wakes_the_mail() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let code = app.code_for(Person::Active.login()).await;
    let before = app.store.now().await.unwrap();
    let advance = json!({"advance_seconds": 300});
    let page = app.call(Method::POST, "/dev/clock", advance).await;
    page.expect_status(200);
    let now = before.plus_seconds(300);
    assert_eq!(page.json["now"], now.to_string());
    assert_eq!(app.store.now().await.unwrap(), now);
    walk.answer(&code)
        .await
        .expect_passcode(401, "api.authn.error.PASSCODE_INVALID");
    for wrong in [-1, 31_622_401] {
        let advance = json!({"advance_seconds": wrong});
        app.call(Method::POST, "/dev/clock", advance)
            .await
            .expect_api_error(400, "E0000003");
    }
    app.close().await;
}

#[tokio::test]
async fn the_mailbox_hands_out_the_newest_mail_and_says_why_there_is_none() {
    let app = TestApp::start().await;
    for person in [Person::Active, Person::Unknown] {
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(person.login()).await;
    }
    let path = "/dev/mailbox/api/messages?to=alice%40example.com&wait_ms=5000";
    let mails = app.call(Method::GET, path, json!({})).await;
    let mails = mails.expect_status(200).json.as_array().unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["code"].as_str().unwrap().len(), 6);
    app.mail_is_done().await;
    let path = "/dev/mailbox/api/notes?to=zelda%40example.com";
    let notes = app.call(Method::GET, path, json!({})).await;
    assert_eq!(notes.json[0]["reason"], "no such user");
    let path = "/dev/mailbox/api/messages";
    app.call(Method::DELETE, path, json!({}))
        .await
        .expect_status(204);
    let mails = app.call(Method::GET, path, json!({})).await;
    assert_eq!(mails.json, json!([]));
    app.close().await;
}

#[tokio::test]
async fn a_reset_leaves_clients_and_takes_people_flows_and_mails() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    app.mail_is_done().await;
    let clients = app.count("SELECT count(*) FROM clients");
    app.call(Method::POST, "/dev/reset", json!({}))
        .await
        .expect_status(204);
    walk.introspect().await.expect_expired();
    assert!(app.mailbox.list(None, None).is_empty());
    assert_eq!(app.store.count_users(app.org()).await.unwrap(), 0);
    assert_eq!(app.count("SELECT count(*) FROM clients"), clients);
    let mut walk = app.first_page().await;
    let given = json!({"identifier": login, "credentials": {"passcode": PASSWORD}});
    walk.remediate("identify", given)
        .await
        .expect_top(401, "errors.E0000004");
    app.close().await;
}

#[tokio::test]
async fn pages_of_other_sites_cannot_use_it() {
    let app = TestApp::start().await;
    for (method, path) in [
        (Method::POST, "/dev/reset"),
        (Method::POST, "/dev/clock"),
        (Method::DELETE, "/dev/mailbox/api/messages"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("sec-fetch-site", "cross-site")
            .body(Body::from("{\"advance_seconds\":1}"))
            .unwrap();
        let sent = app.send(request);
        app.unchanged(path, sent)
            .await
            .expect_api_error(403, "E0000006");
    }
    app.close().await;
}

//! Client authentication at every endpoint that asks for it (O-06).

use super::{
    CUSTOM, Tokens, basic, encoded, expect_error, interact_fields, post, signed_in, token_fields,
    with,
};
use crate::app::{CONFIDENTIAL, PUBLIC, SECRET, TestApp};

#[tokio::test]
async fn a_secret_counts_in_the_header_and_in_the_body() {
    let app = TestApp::start().await;
    let begin = with(&interact_fields(), "client_id", Some(CONFIDENTIAL));
    for in_header in [true, false] {
        let code = signed_in(&app, CUSTOM, &begin).await;
        let header = in_header.then(|| basic(&format!("{CONFIDENTIAL}:{SECRET}")));
        let fields = with(&token_fields(&code), "client_id", None);
        let fields = if in_header {
            fields
        } else {
            with(
                &with(&fields, "client_id", Some(CONFIDENTIAL)),
                "client_secret",
                Some(SECRET),
            )
        };
        let path = "/oauth2/default/v1/token";
        Tokens::of(&post(&app, path, header.as_deref(), &encoded(&fields)).await);
    }
    app.close().await;
}

#[tokio::test]
async fn without_its_secret_a_confidential_client_gets_nothing_and_loses_nothing() {
    let app = TestApp::start().await;
    let begin = with(&interact_fields(), "client_id", Some(CONFIDENTIAL));
    let code = signed_in(&app, CUSTOM, &begin).await;
    let path = "/oauth2/default/v1/token";
    let anonymous = with(&token_fields(&code), "client_id", None);
    let named = with(&anonymous, "client_id", Some(CONFIDENTIAL));
    for (header, fields) in [
        (None, anonymous.clone()),
        (None, named.clone()),
        (None, with(&named, "client_secret", Some(""))),
        (None, with(&named, "client_secret", Some("wrong"))),
        (
            None,
            with(&named, "client_secret", Some(&SECRET.to_uppercase())),
        ),
        (None, with(&anonymous, "client_id", Some("nobody"))),
        (Some(basic(CONFIDENTIAL)), anonymous.clone()),
        (
            Some(basic(&format!("{CONFIDENTIAL}:wrong"))),
            anonymous.clone(),
        ),
        (Some("Basic ???".to_owned()), anonymous.clone()),
    ] {
        let page = post(&app, path, header.as_deref(), &encoded(&fields)).await;
        expect_error(&page, 401, "invalid_client");
    }
    let twice = with(&named, "client_secret", Some(SECRET));
    let header = basic(&format!("{CONFIDENTIAL}:{SECRET}"));
    let page = post(&app, path, Some(&header), &encoded(&twice)).await;
    expect_error(&page, 400, "invalid_request");
    Tokens::of(&post(&app, path, None, &encoded(&twice)).await);
    app.close().await;
}

#[tokio::test]
async fn only_credentials_in_the_header_are_refused_with_its_scheme() {
    let app = TestApp::start().await;
    let body = "token=x";
    let path = "/oauth2/default/v1/introspect";
    let header = basic(&format!("{CONFIDENTIAL}:wrong"));
    let page = post(&app, path, Some(&header), body).await;
    expect_error(&page, 401, "invalid_client");
    assert_eq!(
        page.header("www-authenticate"),
        Some(r#"Basic realm="regain""#)
    );
    let page = post(
        &app,
        path,
        None,
        &format!("{body}&client_id={CONFIDENTIAL}"),
    )
    .await;
    expect_error(&page, 401, "invalid_client");
    assert_eq!(
        page.header("www-authenticate"),
        None,
        "or browsers ask for a password"
    );
    app.close().await;
}

#[tokio::test]
async fn asking_about_tokens_needs_a_client_and_a_public_one_needs_no_colon() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let path = "/oauth2/default/v1/introspect";
    let body = format!("token={}&token_type_hint=access_token", tokens.access);
    expect_error(&post(&app, path, None, &body).await, 401, "invalid_client");
    let page = post(&app, path, Some(&basic(PUBLIC)), &body).await;
    page.expect_status(200);
    assert_eq!(page.json["active"], true);
    app.close().await;
}

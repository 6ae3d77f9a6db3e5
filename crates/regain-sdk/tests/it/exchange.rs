//! Tokens: every check refuses, and an exchange is not repeated by accident.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use regain_sdk::testkit::{ScriptedTransport, documents};
use regain_sdk::{
    Error, FlowEffect, Grant, Outcome, ResetOptions, Secret, State, TokenError, TokenKind,
    TransportError,
};
use serde_json::{Value, json};

use crate::support::{
    ACCESS_TOKEN, BASE, Mark, NOW, Signer, at, claims, client, script_from, script_keys,
    script_tokens, step, token_answer,
};

pub(crate) fn at_the_end() -> Arc<ScriptedTransport> {
    let script = script_from(documents::success(BASE, "the-code"));
    script_keys(&script);
    script
}

pub(crate) fn cause(result: Result<Outcome, Error>) -> Error {
    match result {
        Err(Error::Exchange(error)) => error.cause,
        other => panic!("no failed exchange: {other:?}"),
    }
}

/// Item 11.
#[tokio::test]
async fn item_11_an_exchange_is_repeated_only_if_it_was_never_sent() {
    // Twice not sent, then answered.
    let script = at_the_end();
    for _ in 0..2 {
        script.answer_with("/v1/token", |_| Err(TransportError::not_sent("refused")));
    }
    script_tokens(&script, Signer::issuer(), |_| {});
    assert!(
        client(&script)
            .begin()
            .start()
            .await
            .unwrap()
            .tokens()
            .is_some()
    );

    // The answer is lost after the password was replaced.
    let (script, _, outcome) = at(documents::reset_page(BASE)).await;
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::success(BASE, "the-code"),
    );
    script.answer_with("/v1/token", |_| {
        Err(TransportError::maybe_sent("time is over"))
    });
    let mut mark = Mark::new(&script);
    let step = step!(outcome, SetPassword);
    let error = step
        .submit(&Secret::from("new"), ResetOptions::default())
        .await
        .unwrap_err();
    assert_eq!(mark.paths().len(), 2);
    assert_eq!(error.flow_effect(), Some(FlowEffect::PasswordReplaced));
    let text = "Your password was changed. Please sign in with the new one.";
    assert_eq!(error.user_message(), text);
    let Error::Exchange(error) = error else {
        panic!()
    };
    assert!(error.retry.is_none(), "the server may have taken the code");
}

/// The server was down for longer: the code is not spent, and can be exchanged later.
#[tokio::test]
async fn item_11_an_unsent_exchange_can_be_made_up_for() {
    let script = at_the_end();
    let client = client(&script);
    for _ in 0..3 {
        script.answer_with("/v1/token", |_| Err(TransportError::not_sent("refused")));
    }
    let Err(Error::Exchange(error)) = client.begin().start().await else {
        panic!()
    };
    assert_eq!(error.flow_effect, None);
    script_tokens(&script, Signer::issuer(), |_| {});
    let outcome = client.resume(*error.retry.unwrap()).unwrap();
    let State::Success(Grant::Code(code)) = &outcome.state else {
        panic!("{outcome:?}")
    };
    assert!(client.exchange(&outcome.transaction, code).await.is_ok());
}

/// A token that fails a check after a reset says so as well.
#[tokio::test]
async fn a_bad_token_after_a_reset_says_that_the_password_is_replaced() {
    let (script, _, outcome) = at(documents::reset_page(BASE)).await;
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::success(BASE, "the-code"),
    );
    let mut claims = claims();
    claims["nonce"] = "wrong".into();
    let token = Signer::issuer().sign(&Signer::issuer().header(), &claims);
    script.answer("/v1/token", 200, token_answer(&token));
    script_keys(&script);
    let step = step!(outcome, SetPassword);
    let error = step
        .submit(&Secret::from("new"), ResetOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.flow_effect(), Some(FlowEffect::PasswordReplaced));
    assert!(matches!(cause(Err(error)), Error::Token(TokenError::Nonce)));
}

#[tokio::test]
async fn refreshing_gives_checked_tokens() {
    let script = at_the_end();
    let client = client(&script);
    let refresh = Secret::from("refresh-token-text");
    let answer = |subject: &str| {
        let mut claims = claims();
        claims["sub"] = subject.into();
        let mut answer = token_answer(&Signer::issuer().sign(&Signer::issuer().header(), &claims));
        answer.as_object_mut().unwrap().remove("refresh_token");
        answer
    };
    script.answer("/v1/token", 200, answer("00u1"));
    let tokens = client.refresh_tokens(&refresh, Some("00u1")).await.unwrap();
    assert_eq!(
        tokens.refresh.unwrap().expose(),
        "refresh-token-text",
        "not rotated: still good"
    );
    assert_eq!(
        tokens.expires_at,
        UNIX_EPOCH + Duration::from_secs(NOW + 3600)
    );
    let request = script.requests()[0].clone();
    assert_eq!(request.param("grant_type").unwrap(), "refresh_token");
    assert_eq!(
        request.param("refresh_token").unwrap(),
        "refresh-token-text"
    );
    script.answer("/v1/token", 200, answer("00u2"));
    let error = client
        .refresh_tokens(&refresh, Some("00u1"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Token(TokenError::Subject)));
}

#[tokio::test]
async fn userinfo_about_somebody_else_is_refused() {
    let script = at_the_end();
    script.answer("/v1/userinfo", 200, json!({ "sub": "00u2" }));
    let error = client(&script)
        .userinfo(&Secret::from(ACCESS_TOKEN), "00u1")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Token(TokenError::Subject)));
}

#[tokio::test]
async fn the_end_of_a_session() {
    let script = at_the_end();
    script_tokens(&script, Signer::issuer(), |_| {});
    let client = client(&script);
    let outcome = client.begin().start().await.unwrap();
    let tokens = outcome.tokens().unwrap();
    script.answer("/v1/revoke", 200, Value::Null);
    client
        .revoke(tokens.refresh.as_ref().unwrap(), TokenKind::Refresh)
        .await
        .unwrap();
    let request = script.requests().last().unwrap().clone();
    assert_eq!(request.param("token").unwrap(), "refresh-token-text");
    assert_eq!(request.param("token_type_hint").unwrap(), "refresh_token");
    let id = tokens.id.as_ref().unwrap();
    let url = client
        .logout_url(id, Some("https://app.example.com/?a=b"), Some("s"))
        .await
        .unwrap();
    assert_eq!(url.path(), "/oauth2/default/v1/logout");
    let pairs: Vec<_> = url.query_pairs().collect();
    assert_eq!(pairs[0], ("id_token_hint".into(), id.raw().expose().into()));
    let back = (
        "post_logout_redirect_uri".into(),
        "https://app.example.com/?a=b".into(),
    );
    assert_eq!(pairs[1], back);
    assert_eq!(pairs[2], ("state".into(), "s".into()));
}

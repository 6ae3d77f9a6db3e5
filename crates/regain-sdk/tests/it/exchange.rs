//! Tokens: every check refuses, and an exchange is not repeated by accident.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use regain_sdk::testkit::{ScriptedTransport, documents, reply};
use regain_sdk::{
    Error, FlowEffect, Grant, Outcome, ResetOptions, Secret, State, TokenError, TokenKind,
    TransportError,
};
use serde_json::{Value, json};

use crate::support::{
    ACCESS_TOKEN, BASE, CLIENT_ID, ISSUER, Mark, NOW, Signer, TestClock, at, builder, claims,
    client, nonce_of, script_from, script_keys, script_tokens, step, token_answer,
};

fn at_the_end() -> Arc<ScriptedTransport> {
    let script = script_from(documents::success(BASE, "the-code"));
    script_keys(&script);
    script
}

fn cause(result: Result<Outcome, Error>) -> Error {
    match result {
        Err(Error::Exchange(error)) => error.cause,
        other => panic!("no failed exchange: {other:?}"),
    }
}

type Change = fn(&mut Value);

/// Item 10.
#[tokio::test]
async fn item_10_a_token_that_fails_a_check_is_thrown_away() {
    let cases: [(&str, Change, TokenError); 14] = [
        (
            "nonce",
            |c| c["nonce"] = "another".into(),
            TokenError::Nonce,
        ),
        (
            "no nonce",
            |c| drop(c.as_object_mut().unwrap().remove("nonce")),
            TokenError::Nonce,
        ),
        (
            "issuer",
            |c| c["iss"] = format!("{ISSUER}/").into(),
            TokenError::Issuer,
        ),
        (
            "audience",
            |c| c["aud"] = "0oaother".into(),
            TokenError::Audience,
        ),
        (
            "audiences",
            |c| c["aud"] = json!(["0oaother"]),
            TokenError::Audience,
        ),
        (
            "two audiences",
            |c| c["aud"] = json!([CLIENT_ID, "x"]),
            TokenError::Audience,
        ),
        (
            "azp",
            |c| c["azp"] = "0oaother".into(),
            TokenError::Audience,
        ),
        (
            "expired",
            |c| c["exp"] = (NOW - 301).into(),
            TokenError::Expired,
        ),
        (
            "before its time",
            |c| c["iat"] = (NOW + 301).into(),
            TokenError::IssuedInFuture,
        ),
        (
            "turned round",
            |c| c["exp"] = (NOW - 1).into(),
            TokenError::Expired,
        ),
        (
            "no expiry",
            |c| drop(c.as_object_mut().unwrap().remove("exp")),
            TokenError::Malformed,
        ),
        (
            "no subject",
            |c| drop(c.as_object_mut().unwrap().remove("sub")),
            TokenError::Malformed,
        ),
        (
            "at_hash",
            |c| c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA".into(),
            TokenError::AtHash,
        ),
        (
            "at_hash of another kind",
            |c| c["at_hash"] = 7.into(),
            TokenError::AtHash,
        ),
    ];
    for (name, change, expected) in cases {
        let script = at_the_end();
        script_tokens(&script, Signer::issuer(), change);
        let error = cause(client(&script).begin().start().await);
        assert!(
            matches!(error, Error::Token(it) if it == expected),
            "{name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn item_10_what_is_within_the_tolerance_passes() {
    let cases: [(&str, Change); 4] = [
        ("slow clock", |c| c["iat"] = (NOW + 299).into()),
        ("fast clock", |c| {
            c["exp"] = (NOW - 299).into();
            c["iat"] = (NOW - 3899).into();
        }),
        ("list of one", |c| c["aud"] = json!([CLIENT_ID])),
        ("azp", |c| {
            c["aud"] = json!([CLIENT_ID, "x"]);
            c["azp"] = CLIENT_ID.into();
        }),
    ];
    for (name, change) in cases {
        let script = at_the_end();
        script_tokens(&script, Signer::issuer(), change);
        let result = client(&script).begin().start().await;
        assert!(
            result.is_ok_and(|outcome| outcome.tokens().is_some()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn item_10_only_signatures_of_the_issuer_count() {
    let signed = |header: Value| {
        move |script: &ScriptedTransport| {
            let mut claims = claims();
            claims["nonce"] = nonce_of(script).into();
            Signer::issuer().sign(&header, &claims)
        }
    };
    let stranger = |script: &ScriptedTransport| {
        let mut claims = claims();
        claims["nonce"] = nonce_of(script).into();
        Signer::stranger().sign(&Signer::stranger().header(), &claims)
    };
    type Make = Box<dyn Fn(&ScriptedTransport) -> String + Send + Sync>;
    let cases: [(&str, Make, TokenError); 5] = [
        ("stranger", Box::new(stranger), TokenError::Signature),
        (
            "unknown kid",
            Box::new(signed(json!({ "alg": "RS256", "kid": "kid-9" }))),
            TokenError::Signature,
        ),
        (
            "shared secret",
            Box::new(signed(json!({ "alg": "HS256", "kid": "kid-1" }))),
            TokenError::Algorithm,
        ),
        (
            "another algorithm",
            Box::new(signed(json!({ "alg": "PS256", "kid": "kid-1" }))),
            TokenError::Signature,
        ),
        (
            "none",
            Box::new(signed(json!({ "alg": "none" }))),
            TokenError::Malformed,
        ),
    ];
    for (name, make, expected) in cases {
        let script = at_the_end();
        let requests = Arc::downgrade(&script);
        script.answer_with("/v1/token", move |_| {
            Ok(reply(
                200,
                &token_answer(&make(&requests.upgrade().unwrap())),
            ))
        });
        let error = cause(client(&script).begin().start().await);
        assert!(
            matches!(error, Error::Token(it) if it == expected),
            "{name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn an_id_token_must_come_with_scope_openid() {
    let without = || {
        let mut answer = token_answer("");
        answer.as_object_mut().unwrap().remove("id_token");
        answer
    };
    let script = at_the_end();
    script.answer("/v1/token", 200, without());
    let error = cause(client(&script).begin().start().await);
    assert!(matches!(error, Error::Token(TokenError::Missing)));
    let script = at_the_end();
    script.answer("/v1/token", 200, without());
    let client = builder(&script).scopes(["profile"]).build().unwrap();
    let outcome = client.begin().start().await.unwrap();
    assert!(outcome.tokens().unwrap().id.is_none());
}

#[tokio::test]
async fn acr_and_age_are_what_was_asked_for() {
    let cases: [(Change, Option<TokenError>); 5] = [
        (|c| c["acr"] = "urn:two".into(), None),
        (|_| {}, Some(TokenError::Acr)),
        (|c| c["acr"] = "urn:three".into(), Some(TokenError::Acr)),
        (
            |c| {
                c["acr"] = "urn:one".into();
                c["auth_time"] = (NOW - 361).into();
            },
            Some(TokenError::AuthTime),
        ),
        (
            |c| {
                c["acr"] = "urn:one".into();
                c["auth_time"] = (NOW - 359).into();
            },
            None,
        ),
    ];
    for (change, expected) in cases {
        let script = at_the_end();
        script_tokens(&script, Signer::issuer(), change);
        let begin = client(&script).begin().acr_values("urn:one urn:two");
        let result = begin.max_age(Duration::from_secs(60)).start().await;
        let interact = &script.requests()[1];
        assert_eq!(interact.param("acr_values").unwrap(), "urn:one urn:two");
        assert_eq!(interact.param("max_age").unwrap(), "60");
        match expected {
            Some(expected) => {
                let error = cause(result);
                assert!(
                    matches!(error, Error::Token(it) if it == expected),
                    "{error:?}"
                );
            }
            None => assert!(result.is_ok()),
        }
    }
}

/// A server with a new key, even under the old name, is asked again; but once a minute at most.
#[tokio::test]
async fn keys_are_fetched_again_once_a_minute_at_most() {
    let script = script_from(documents::success(BASE, "the-code"));
    let clock = TestClock::new();
    let client = builder(&script).clock(clock.clone()).build().unwrap();
    script.answer("/v1/keys", 200, Signer::stranger().jwks());
    script_keys(&script);
    let transaction = client
        .begin()
        .exchange(false)
        .start()
        .await
        .unwrap()
        .transaction;
    let code = regain_sdk::InteractionCode::new("the-code");
    let keys_fetched = || {
        script
            .paths()
            .iter()
            .filter(|path| path.ends_with("/v1/keys"))
            .count()
    };
    let exchange = || {
        script_tokens(&script, Signer::issuer(), |_| {});
        client.exchange(&transaction, &code)
    };
    assert!(matches!(
        exchange().await,
        Err(Error::Token(TokenError::Signature))
    ));
    assert_eq!(keys_fetched(), 1, "these keys are a moment old");
    clock.advance(60);
    assert!(exchange().await.is_ok());
    assert_eq!(keys_fetched(), 2);
    assert!(exchange().await.is_ok());
    assert_eq!(keys_fetched(), 2);
    clock.advance(24 * 3600);
    drop(exchange().await);
    assert_eq!(keys_fetched(), 3, "after a day they are fetched anyway");
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

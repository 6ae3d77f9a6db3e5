//! ID tokens: every check refuses.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_sdk::testkit::{ScriptedTransport, documents, reply};
use regain_sdk::{Error, TokenError};
use serde_json::{Value, json};

use crate::exchange::{at_the_end, cause};
use crate::support::{
    BASE, CLIENT_ID, ISSUER, NOW, Signer, TestClock, builder, claims, client, nonce_of,
    script_from, script_keys, script_tokens, token_answer,
};

/// Makes a token for the nonce among the requests.
type Make = Box<dyn Fn(&ScriptedTransport) -> String + Send + Sync>;
/// Signs bytes.
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;
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
            |c| {
                c["iat"] = (NOW - 3901).into();
                c["exp"] = (NOW - 301).into();
            },
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
        let result = begin.max_age(Duration::from_mins(1)).start().await;
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

/// Servers sign with elliptic curves too.
#[tokio::test]
async fn signatures_of_elliptic_curves_are_checked() {
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = p256.public_key().as_ref().to_vec();
    let (x, y) = point[1..].split_at(32);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let p256_jwk = json!({ "kty": "EC", "crv": "P-256", "kid": "e", "alg": "ES256", "use": "sig",
                           "x": encode(x), "y": encode(y) });
    let ed = Ed25519KeyPair::generate().unwrap();
    let ed_jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "o", "use": "sig",
                         "x": encode(ed.public_key().as_ref()) });
    let by_p256: Sign = Box::new(move |message| {
        p256.sign(&SystemRandom::new(), message)
            .unwrap()
            .as_ref()
            .to_vec()
    });
    let by_ed: Sign = Box::new(move |message| ed.sign(message).as_ref().to_vec());
    for (header, jwk, sign) in [
        (json!({ "alg": "ES256", "kid": "e" }), p256_jwk, by_p256),
        (json!({ "alg": "EdDSA", "kid": "o" }), ed_jwk, by_ed),
    ] {
        for is_damaged in [false, true] {
            let script = script_from(documents::success(BASE, "the-code"));
            script.answer("/v1/keys", 200, json!({ "keys": [jwk] }));
            let client = client(&script);
            let begun = client.begin().exchange(false).start().await.unwrap();
            let mut claims = claims();
            claims["nonce"] = nonce_of(&script).into();
            claims.as_object_mut().unwrap().remove("at_hash");
            let signed = format!(
                "{}.{}",
                encode(header.to_string().as_bytes()),
                encode(claims.to_string().as_bytes())
            );
            let mut signature = sign(signed.as_bytes());
            signature[7] ^= u8::from(is_damaged);
            let token = format!("{signed}.{}", encode(&signature));
            script.answer("/v1/token", 200, token_answer(&token));
            let code = regain_sdk::InteractionCode::new("the-code");
            let tokens = client.exchange(&begun.transaction, &code).await;
            assert_eq!(tokens.is_err(), is_damaged, "{header}");
        }
    }
}

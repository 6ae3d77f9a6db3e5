//! Item 22: the flows against a running server.
//!
//! `regain demo` in one terminal; in another
//! `REGAIN_ENGINE=http://localhost:8400 cargo test -p regain-sdk --test it -- --ignored live`.

use std::time::Duration;

use regain_sdk::{
    Answer, Error, FlowEffect, IdxClient, Outcome, ResetOptions, Secret, State, TokenKind,
    authenticator_key,
};
use serde_json::Value;

use crate::support::step;

const USER: &str = "alice@example.com";

struct Demo {
    engine: String,
    client: IdxClient,
    http: reqwest::Client,
}

impl Demo {
    #[expect(
        clippy::disallowed_methods,
        reason = "says where the server is, as no test can know"
    )]
    fn new() -> Self {
        let engine = std::env::var("REGAIN_ENGINE").expect("REGAIN_ENGINE is the demo's engine");
        let client = IdxClient::builder(format!("{engine}/oauth2/default"))
            .client_id("regain-demo-web")
            .client_secret("regain-demo-secret")
            .redirect_uri("http://localhost:8080/login/callback")
            .scopes(["openid", "email", "profile", "offline_access"])
            .build()
            .unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20));
        Self {
            engine,
            client,
            http: http.build().unwrap(),
        }
    }

    async fn reset(&self) {
        let url = format!("{}/dev/reset", self.engine);
        assert!(
            self.http
                .post(url)
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
    }

    /// The codes of the mails to a user, the newest first; waits for as many as there must be.
    async fn codes(&self, count: usize) -> Vec<String> {
        let url = format!(
            "{}/dev/mailbox/api/messages?to={USER}&wait_ms=2000",
            self.engine
        );
        for _ in 0..200 {
            let text = self
                .http
                .get(&url)
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            let all: Value = serde_json::from_str(&text).unwrap();
            let list = all
                .as_array()
                .or_else(|| all["messages"].as_array())
                .unwrap();
            let codes: Vec<String> = list
                .iter()
                .filter_map(|mail| mail["code"].as_str().map(str::to_owned))
                .collect();
            if codes.len() >= count {
                return codes;
            }
            // The long poll answers at once while an older mail is there.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no {count} codes")
    }

    async fn advance(&self, seconds: u64) {
        let url = format!("{}/dev/clock", self.engine);
        let body = format!(r#"{{"advance_seconds":{seconds}}}"#);
        let json = "application/json";
        let request = self.http.post(url).header("content-type", json).body(body);
        assert!(request.send().await.unwrap().status().is_success());
    }

    async fn at_code(&self) -> Outcome {
        let recovery = self.client.recover_password().identifier(USER);
        recovery
            .via(authenticator_key::EMAIL)
            .start()
            .await
            .unwrap()
    }
}

/// The whole of it in one test: the demo has one user.
#[tokio::test]
#[ignore = "needs a running demo, named by REGAIN_ENGINE"]
async fn live_item_22_the_flows_against_a_running_server() {
    let demo = Demo::new();
    demo.reset().await;
    recovers_step_by_step(&demo).await;
    demo.reset().await;
    recovers_at_once_after_the_code(&demo).await;
    demo.reset().await;
    refuses(&demo).await;
    demo.reset().await;
}

async fn recovers_step_by_step(demo: &Demo) {
    let outcome = demo.client.begin().start().await.unwrap();
    assert!(outcome.features.can_recover_password);
    let outcome = demo
        .client
        .recover_password()
        .identifier(USER)
        .start()
        .await
        .unwrap();
    let outcome = step!(outcome, SelectAuthenticator)
        .choose("okta_email")
        .await
        .unwrap();
    let first = demo.codes(1).await.remove(0);

    let wrong = if first == "000000" {
        "111111"
    } else {
        "000000"
    };
    let outcome = step!(outcome, EnterCode).submit(wrong).await.unwrap();
    assert!(outcome.rejected && outcome.has_message("api.authn.error.PASSCODE_INVALID"));
    assert_eq!(
        outcome.messages[0].field.as_deref(),
        Some("credentials.passcode")
    );

    demo.advance(31).await;
    let outcome = step!(outcome, EnterCode).resend().await.unwrap();
    assert!(!outcome.rejected, "{:?}", outcome.messages);
    let second = demo.codes(2).await.remove(0);
    let outcome = demo.client.poll(outcome.transaction).await.unwrap();
    assert_eq!(outcome.step().unwrap().name(), "challenge-authenticator");
    let outcome = demo.client.refresh(outcome.transaction).await.unwrap();
    let outcome = step!(outcome, EnterCode).submit(&second).await.unwrap();

    let step = step!(outcome, SetPassword);
    assert!(step.policy().complexity.min_length >= 8);
    let revokes = ResetOptions {
        revoke_other_sessions: step.can_revoke_other_sessions(),
    };
    let outcome = step.submit(&Secret::from("x"), revokes).await.unwrap();
    assert!(outcome.rejected && !outcome.transaction.password_replaced());
    let new = Secret::from("Marble-Harbour-77");
    let outcome = step!(outcome, SetPassword)
        .submit(&new, revokes)
        .await
        .unwrap();
    assert!(outcome.transaction.password_replaced());
    session(demo, &outcome).await;

    let sign_in = demo
        .client
        .sign_in()
        .identifier(USER)
        .password("Copper-Lantern-42");
    assert!(sign_in.start().await.unwrap().rejected, "the old password");
    let sign_in = demo
        .client
        .sign_in()
        .identifier(USER)
        .password("Marble-Harbour-77");
    assert!(
        sign_in.start().await.unwrap().tokens().is_some(),
        "the new password"
    );
}

/// Verified tokens, and what comes after them.
async fn session(demo: &Demo, outcome: &Outcome) {
    let tokens = outcome.tokens().expect("tokens");
    let id = tokens.id.as_ref().unwrap();
    assert_eq!(id.text("email"), Some(USER));
    let claims = demo
        .client
        .userinfo(&tokens.access, id.subject())
        .await
        .unwrap();
    assert_eq!(claims["email"], USER);
    let refresh = tokens.refresh.as_ref().unwrap();
    let newer = demo
        .client
        .refresh_tokens(refresh, Some(id.subject()))
        .await
        .unwrap();
    demo.client
        .revoke(newer.refresh.as_ref().unwrap(), TokenKind::Refresh)
        .await
        .unwrap();
    let error = demo
        .client
        .refresh_tokens(newer.refresh.as_ref().unwrap(), None)
        .await;
    assert!(matches!(error, Err(Error::OAuth { code, .. }) if code == "invalid_grant"));
    assert!(demo.client.logout_url(id, None, None).await.is_ok());
}

async fn recovers_at_once_after_the_code(demo: &Demo) {
    let open = demo.at_code().await.transaction;
    let code = demo.codes(1).await.remove(0);
    let recovery = demo.client.recover_password().identifier(USER).open(open);
    let outcome = recovery
        .code(code)
        .new_password("Marble-Harbour-78")
        .start()
        .await
        .unwrap();
    assert!(outcome.tokens().is_some() && outcome.unused.is_empty());
}

async fn refuses(demo: &Demo) {
    // An unknown user looks like a known one.
    let recovery = demo
        .client
        .recover_password()
        .identifier("nobody@example.com");
    let outcome = recovery
        .via(authenticator_key::EMAIL)
        .start()
        .await
        .unwrap();
    let outcome = step!(outcome, EnterCode).submit("123456").await.unwrap();
    assert!(outcome.rejected && outcome.has_message("api.authn.error.PASSCODE_INVALID"));

    // Cancel leads to the first page.
    let outcome = demo.at_code().await;
    let before = outcome.transaction.clone();
    let outcome = demo.client.cancel(outcome.transaction).await.unwrap();
    assert!(matches!(outcome.state, State::Canceled));
    let again = demo.client.resume(outcome.transaction).unwrap();
    drop(step!(again, Identify));
    let late = demo
        .client
        .proceed(before, Answer::from_form([("otp", "123456")]))
        .await;
    assert!(matches!(late, Err(Error::Expired { .. })), "{late:?}");

    // Five wrong codes, then the right one.
    let mut outcome = demo.at_code().await;
    let right = demo.codes(1).await.remove(0);
    let wrong = if right == "000000" {
        "111111"
    } else {
        "000000"
    };
    for _ in 0..5 {
        outcome = step!(outcome, EnterCode).submit(wrong).await.unwrap();
        assert!(outcome.rejected);
    }
    let outcome = step!(outcome, EnterCode).submit(&right).await.unwrap();
    assert!(
        outcome.rejected && outcome.has_message("tooManyRequests"),
        "{outcome:?}"
    );

    // A code is spent with its exchange.
    let sign_in = demo
        .client
        .sign_in()
        .identifier(USER)
        .password("Copper-Lantern-42");
    let outcome = sign_in.exchange(false).start().await.unwrap();
    let State::Success(regain_sdk::Grant::Code(code)) = &outcome.state else {
        panic!()
    };
    assert!(
        demo.client
            .exchange(&outcome.transaction, code)
            .await
            .is_ok()
    );
    let twice = demo
        .client
        .exchange(&outcome.transaction, code)
        .await
        .unwrap_err();
    assert!(
        matches!(&twice, Error::OAuth { code, .. } if code == "invalid_grant"),
        "{twice:?}"
    );
    assert_ne!(twice.flow_effect(), Some(FlowEffect::PasswordReplaced));

    // The hour is over.
    let outcome = demo.at_code().await;
    demo.advance(2 * 60 * 60).await;
    let error = step!(outcome, EnterCode)
        .submit("123456")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Expired { .. }), "{error:?}");
}

//! Answers that are no step: expired, limited, broken, foreign, missing.

use std::time::Duration;

use http::Response;
use regain_sdk::testkit::{documents, reply, reply_with};
use regain_sdk::{Error, Flow, State, TransportError};
use serde_json::{Value, json};

use crate::support::{BASE, TestClock, at, builder, client, script, script_from, step};

const ANSWER: &str = "/idp/idx/challenge/answer";

fn expired() -> Value {
    documents::terminal("idx.session.expired", "You have been logged out.", "ERROR")
}

/// Item 8, without a store: on a post, on introspect, and when the time has passed.
#[tokio::test]
async fn item_8_expiry_is_an_error_of_its_own_and_the_flow_can_restart() {
    let (script, client, outcome) = at(documents::code_page(BASE)).await;
    let transaction = outcome.transaction.clone();
    script.answer(ANSWER, 401, expired());
    let error = step!(outcome, EnterCode)
        .submit("123456")
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Expired {
                restart: Flow::Open
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        error.user_message(),
        "That page has expired. Please start again."
    );
    script.answer("/idp/idx/introspect", 401, expired());
    let error = client.refresh(transaction).await.unwrap_err();
    assert!(matches!(error, Error::Expired { .. }));

    script.answer("/v1/interact", 200, documents::interact());
    script.answer("/idp/idx/introspect", 200, documents::recover_page(BASE));
    assert!(client.recover_password().start().await.is_ok());
}

#[tokio::test]
async fn a_stored_transaction_ends_with_the_servers_time() {
    let mut page = documents::code_page(BASE);
    page["expiresAt"] = "2026-01-02T04:04:05.000Z".into();
    let script = script_from(page);
    let clock = TestClock::new();
    let client = builder(&script).clock(clock.clone()).build().unwrap();
    let transaction = client.begin().start().await.unwrap().transaction;
    clock.advance(3600 + 299);
    assert!(
        client.resume(transaction.clone()).is_ok(),
        "clocks may differ a little"
    );
    clock.advance(2);
    assert!(matches!(
        client.resume(transaction),
        Err(Error::Expired { .. })
    ));
}

/// Item 14.
#[tokio::test]
async fn item_14_a_reference_that_leads_nowhere_is_named() {
    for path in [
        "$.currentAuthenticator",
        "$.authenticatorEnrollments.value[7]",
        "nonsense",
    ] {
        let mut page = documents::code_page(BASE);
        page["remediation"]["value"][0]["relatesTo"] = json!([path]);
        let script = script_from(page);
        let error = client(&script).begin().start().await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)));
        assert!(error.to_string().contains(path), "{error}");
        assert_eq!(script.paths().len(), 3, "no loop");
    }
}

/// Item 15.
#[tokio::test]
async fn item_15_429_says_how_long_to_wait() {
    let api = json!({ "errorCode": "E0000047", "errorSummary": "API call exceeded rate limit",
                      "errorLink": "E0000047", "errorId": "oae1", "errorCauses": [] });
    let idx = documents::terminal("tooManyRequests", "Too many requests", "ERROR");
    let bodies = [
        (api, "API call exceeded rate limit"),
        (idx, "tooManyRequests"),
    ];
    for (body, expected) in bodies {
        let (script, _, outcome) = at(documents::code_page(BASE)).await;
        script.answer_with(ANSWER, move |_| {
            Ok(reply_with(429, ("retry-after", "42"), &body))
        });
        let error = step!(outcome, EnterCode)
            .submit("123456")
            .await
            .unwrap_err();
        let Error::RateLimited { retry_after, scope } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*retry_after, Some(Duration::from_secs(42)));
        assert_eq!(scope.as_deref(), Some(expected));
        assert!(error.is_retryable());
    }
    // Without Retry-After the time until the limit is reset counts.
    let script = script();
    let reset = ("x-rate-limit-reset", "1767323075");
    script.answer_with("/v1/interact", move |_| {
        Ok(reply_with(429, reset, &json!({})))
    });
    let error = client(&script).begin().start().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
}

/// A server that has too much to do: in a flow a document without forms, elsewhere an error of
/// OAuth. Neither is the end of the transaction.
#[tokio::test]
async fn a_busy_server_ends_nothing() {
    let idx = documents::terminal("idx.error.server.busy", "The server is busy.", "ERROR");
    let (script, _, outcome) = at(documents::code_page(BASE)).await;
    script.answer_with(ANSWER, move |_| {
        Ok(reply_with(503, ("retry-after", "3"), &idx))
    });
    let error = step!(outcome, EnterCode)
        .submit("123456")
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Unavailable { status: 503, .. }),
        "{error:?}"
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));

    let oauth = json!({ "error": "temporarily_unavailable", "error_description": "Not now." });
    let script = crate::support::script();
    script.answer_with("/v1/interact", move |_| {
        Ok(reply_with(503, ("retry-after", "3"), &oauth))
    });
    let error = client(&script).begin().start().await.unwrap_err();
    assert!(
        matches!(error, Error::Unavailable { status: 503, .. }),
        "{error:?}"
    );
}

/// A sixth answer is limited with the forms repeated: that is a refusal, not an error.
#[tokio::test]
async fn a_limit_with_forms_is_a_refusal() {
    let (script, _, outcome) = at(documents::code_page(BASE)).await;
    let text = "Too many requests";
    let page =
        documents::with_message(documents::code_page(BASE), "tooManyRequests", text, "ERROR");
    script.answer(ANSWER, 429, page);
    let outcome = step!(outcome, EnterCode).submit("123456").await.unwrap();
    assert!(outcome.rejected && outcome.features.can_resend);
}

/// What is no document at all, by kind.
#[tokio::test]
async fn answers_that_are_no_documents() {
    let html = |status: u16| {
        let mut response = Response::new(b"<html>Bad gateway</html>".to_vec());
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response
    };
    let cases: [(Response<Vec<u8>>, &str); 8] = [
        (html(502), "Unavailable"),
        (html(200), "Protocol"),
        (html(404), "Protocol"),
        (html(302), "Protocol"),
        (reply(200, &json!({})), "Protocol"),
        (reply(200, &json!({ "version": "2.0.0" })), "Protocol"),
        (
            reply(
                500,
                &json!({ "errorCode": "E0000009", "errorSummary": "x" }),
            ),
            "Unavailable",
        ),
        (
            reply(
                403,
                &json!({ "errorCode": "E0000006", "errorSummary": "No." }),
            ),
            "Api",
        ),
    ];
    for (response, expected) in cases {
        let (script, _, outcome) = at(documents::code_page(BASE)).await;
        let shown = format!("{response:?}");
        script.answer_with(ANSWER, move |_| Ok(response.clone()));
        let error = step!(outcome, EnterCode)
            .submit("123456")
            .await
            .unwrap_err();
        let name = format!("{error:?}");
        assert!(name.starts_with(expected), "{name} for {shown}");
        assert!(!name.contains("gateway"), "the body is not shown");
    }
}

#[tokio::test]
async fn a_protocol_error_keeps_what_is_needed_to_find_the_cause() {
    let (script, _, outcome) = at(documents::code_page(BASE)).await;
    script.answer_with(ANSWER, |_| {
        Ok(reply_with(
            404,
            ("x-okta-request-id", "req-7"),
            &json!("the body"),
        ))
    });
    let error = step!(outcome, EnterCode)
        .submit("123456")
        .await
        .unwrap_err();
    let Error::Protocol(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (error.status, error.request_id.as_deref()),
        (404, Some("req-7"))
    );
    assert_eq!(error.body.expose(), "\"the body\"");
    assert!(error.to_string().contains("req-7"));
}

/// OAuth errors of `interact` keep their name.
#[tokio::test]
async fn oauth_errors_keep_their_code() {
    let script = script();
    let body = json!({ "error": "invalid_request",
                       "error_description": "The recovery token is invalid" });
    script.answer("/v1/interact", 400, body);
    let error = client(&script)
        .recover_password()
        .token("dead")
        .start()
        .await
        .unwrap_err();
    let Error::OAuth {
        status,
        code,
        description,
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!((status, code.as_str()), (400, "invalid_request"));
    assert_eq!(description, "The recovery token is invalid");
}

/// A form that would take the password elsewhere is not posted.
#[tokio::test]
async fn forms_are_posted_to_the_issuers_origin_only() {
    let elsewhere = [
        "https://evil.example.com/idp/idx/challenge/answer",
        "http://id.example.com/idp/idx/challenge/answer",
        "https://id.example.com:8443/idp/idx/challenge/answer",
        "https://id.example.com@evil.example.com/x",
        "/idp/idx/challenge/answer",
        "",
    ];
    for href in elsewhere {
        let mut page = documents::code_page(BASE);
        page["remediation"]["value"][0]["href"] = href.into();
        let (script, _, outcome) = at(page).await;
        let error = step!(outcome, EnterCode)
            .submit("123456")
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{href}: {error:?}");
        assert!(script.paths().is_empty(), "{href}");
    }
}

/// A form post is never repeated: a code that is sent twice counts twice.
#[tokio::test]
async fn a_failed_form_post_is_not_repeated() {
    for is_sent in [false, true] {
        let (script, _, outcome) = at(documents::code_page(BASE)).await;
        script.answer_with(ANSWER, move |_| {
            Err(if is_sent {
                TransportError::maybe_sent("reset")
            } else {
                TransportError::not_sent("refused")
            })
        });
        let error = step!(outcome, EnterCode)
            .submit("123456")
            .await
            .unwrap_err();
        assert!(matches!(&error, Error::Transport(_)));
        assert_eq!(error.is_retryable(), !is_sent);
        assert_eq!(script.paths().len(), 1);
    }
}

/// A terminal document is an outcome, again and again.
#[tokio::test]
async fn an_end_is_an_outcome_also_after_a_reload() {
    let page = documents::terminal("idx.return.to.original.tab", "Please return.", "INFO");
    let (_, client, outcome) = at(page).await;
    assert!(matches!(&outcome.state, State::Terminal(end) if end.succeeded));
    let again = client.resume(outcome.transaction).unwrap();
    assert!(matches!(&again.state, State::Terminal(end) if end.succeeded));
    assert!(again.has_message("idx.return.to.original.tab"));
}

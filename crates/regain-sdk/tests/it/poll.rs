//! Item 7: polling, in recovery as everywhere.

use std::time::Duration;

use regain_sdk::testkit::{documents, reply};
use regain_sdk::{Error, Flow, TransportError};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{BASE, at, client, last_body, script, script_recovery, step};

const POLL: &str = "/idp/idx/challenge/poll";

#[tokio::test(start_paused = true)]
async fn item_7_poll_works_in_recovery_in_the_servers_interval() {
    let script = script();
    script_recovery(&script);
    let recovery = client(&script)
        .recover_password()
        .identifier("alice")
        .via("okta_email");
    let outcome = recovery.start().await.unwrap();
    assert_eq!(outcome.transaction.flow(), Flow::Recover);
    script.forget_requests();
    let step = step!(outcome, EnterCode);
    assert_eq!(step.poll_interval(), Some(Duration::from_secs(4)));

    let mut slower = documents::code_page(BASE);
    slower["currentAuthenticatorEnrollment"]["value"]["poll"]["refresh"] = 10_000.into();
    script.answer(POLL, 200, documents::code_page(BASE));
    script.answer(POLL, 200, slower);
    script.answer(POLL, 200, documents::reset_page(BASE));
    let mut stream = step.poll();
    let began = Instant::now();
    for seconds in [4, 8] {
        let outcome = stream.next().await.unwrap().unwrap();
        assert_eq!(outcome.step().unwrap().name(), "challenge-authenticator");
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
    assert_eq!(
        last_body(&script),
        json!({ "stateHandle": documents::STATE_HANDLE })
    );
    let outcome = stream.next().await.unwrap().unwrap();
    assert_eq!(outcome.step().unwrap().name(), "reset-authenticator");
    assert_eq!(began.elapsed().as_secs(), 18, "the new interval counts");
    assert!(
        stream.next().await.is_none(),
        "it is over when something has changed"
    );
    assert_eq!(script.paths().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn item_7_poll_stops_on_drop() {
    let (script, _, outcome) = at(documents::code_page(BASE)).await;
    script.always(POLL, |_| Ok(reply(200, &documents::code_page(BASE))));
    let mut stream = step!(outcome, EnterCode).poll();
    let cut = tokio::time::timeout(Duration::from_secs(9), async {
        while stream.next().await.is_some() {}
    });
    assert!(cut.await.is_err());
    assert_eq!(script.paths().len(), 2);
    drop(stream);
    tokio::time::advance(Duration::from_secs(100)).await;
    tokio::task::yield_now().await;
    assert_eq!(script.paths().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn item_7_poll_survives_one_transport_error_but_not_two() {
    let (script, _, outcome) = at(documents::code_page(BASE)).await;
    script.answer_with(POLL, |_| Err(TransportError::maybe_sent("reset by peer")));
    script.answer(POLL, 200, documents::code_page(BASE));
    script.answer_with(POLL, |_| Err(TransportError::maybe_sent("reset by peer")));
    script.answer_with(POLL, |_| Err(TransportError::not_sent("refused")));
    let mut stream = step!(outcome, EnterCode).poll();
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(script.paths().len(), 2);
    assert!(matches!(
        stream.next().await,
        Some(Err(Error::Transport(_)))
    ));
    assert!(stream.next().await.is_none());
    assert_eq!(script.paths().len(), 4);
}

/// Where the server limits the polling, it is asked a minute later.
#[tokio::test(start_paused = true)]
async fn a_limit_slows_the_polling_down() {
    let (script, _, outcome) = at(documents::code_page(BASE)).await;
    let text = "Too many requests";
    let limited =
        documents::with_message(documents::code_page(BASE), "tooManyRequests", text, "ERROR");
    script.answer(POLL, 429, limited);
    script.answer(
        POLL,
        429,
        documents::terminal("tooManyRequests", text, "ERROR"),
    );
    script.answer(POLL, 200, documents::reset_page(BASE));
    let mut stream = step!(outcome, EnterCode).poll();
    let began = Instant::now();
    assert!(stream.next().await.unwrap().unwrap().rejected);
    assert_eq!(began.elapsed().as_secs(), 4);
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(began.elapsed().as_secs(), 4 + 60 + 60);
}

/// One question for one request of the browser's script.
#[tokio::test]
async fn a_single_question_is_one_request() {
    let (script, client, outcome) = at(documents::code_page(BASE)).await;
    script.answer(POLL, 200, documents::code_page(BASE));
    let outcome = client.poll(outcome.transaction).await.unwrap();
    assert!(!outcome.rejected);
    assert_eq!(script.paths(), [format!("POST {POLL}")]);
    let (_, client, outcome) = at(documents::reset_page(BASE)).await;
    assert!(matches!(
        client.poll(outcome.transaction).await,
        Err(Error::Unsupported(_))
    ));
}

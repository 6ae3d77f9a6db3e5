//! Transactions between two requests: sealed, in the scope of a browser session, one at a time.

use std::sync::Arc;
use std::time::Duration;

use regain_sdk::testkit::documents;
use regain_sdk::{
    Answer, Error, IdxClient, MemoryStore, ScopedTransactions, SealKey, SealedTransaction,
    SessionScope, StoreError, Tokens, Transaction, TransactionId, TransactionStore as _, Version,
};
use tokio::sync::Notify;

use crate::support::{
    BASE, Signer, TestClock, at, builder, script_from, script_keys, script_tokens, step,
};

const ANSWER: &str = "/idp/idx/challenge/answer";

struct Web {
    client: IdxClient,
    store: Arc<MemoryStore>,
    sessions: ScopedTransactions,
    clock: Arc<TestClock>,
}

fn scope(name: &str) -> SessionScope {
    SessionScope::new(name)
}

/// A web app whose browser stands at the code page.
async fn web(script: &Arc<regain_sdk::testkit::ScriptedTransport>) -> (Web, TransactionId) {
    let clock = TestClock::new();
    let client = builder(script).clock(clock.clone()).build().unwrap();
    let store = Arc::new(MemoryStore::with_clock(10, clock.clone()));
    let key = Arc::new(SealKey::new([7; 32]));
    let sessions = ScopedTransactions::new(client.clone(), store.clone(), key, scope("mary"));
    let outcome = client.begin().start().await.unwrap();
    sessions.keep(&outcome).await.unwrap();
    let id = outcome.transaction.id().clone();
    script.forget_requests();
    (
        Web {
            client,
            store,
            sessions,
            clock,
        },
        id,
    )
}

#[tokio::test]
async fn a_sealed_transaction_opens_with_its_key_and_scope_only() {
    let (_, client, outcome) = at(documents::code_page(BASE)).await;
    let key = SealKey::new([1; 32]);
    let sealed = outcome.transaction.seal(&key, &scope("a")).unwrap();
    let again = SealedTransaction::from_text(sealed.as_str());
    let opened = Transaction::unseal(&again, &key, &scope("a")).unwrap();
    assert_eq!(opened.id(), outcome.transaction.id());
    let step = step!(client.resume(opened).unwrap(), EnterCode);
    assert_eq!(step.destination(), Some("a***e@example.com"));

    let refused = |sealed: &SealedTransaction, key: &SealKey, scope: &SessionScope| {
        matches!(Transaction::unseal(sealed, key, scope), Err(Error::Sealed))
    };
    assert!(refused(&sealed, &SealKey::new([2; 32]), &scope("a")));
    assert!(refused(&sealed, &key, &scope("b")));
    let text = sealed.as_str();
    for cut in [0, 1, 10, text.len() - 1] {
        assert!(
            refused(
                &SealedTransaction::from_text(&text[..cut]),
                &key,
                &scope("a")
            ),
            "{cut}"
        );
    }
    let mut bytes = text.as_bytes().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
    let damaged = SealedTransaction::from_text(String::from_utf8(bytes).unwrap());
    assert!(refused(&damaged, &key, &scope("a")));
    // Sealing twice never gives the same text.
    assert_ne!(sealed, outcome.transaction.seal(&key, &scope("a")).unwrap());
}

#[tokio::test]
async fn tokens_can_be_sealed_and_are_no_transaction() {
    let script = script_from(documents::success(BASE, "code"));
    script_tokens(&script, Signer::issuer(), |_| {});
    script_keys(&script);
    let outcome = crate::support::client(&script)
        .begin()
        .start()
        .await
        .unwrap();
    let key = SealKey::new([1; 32]);
    let sealed = outcome.tokens().unwrap().seal(&key, &scope("a")).unwrap();
    let opened = Tokens::unseal(&sealed, &key, &scope("a")).unwrap();
    assert_eq!(opened.id.unwrap().subject(), "00u1");
    assert_eq!(opened.refresh, outcome.tokens().unwrap().refresh);
    assert!(Tokens::unseal(&sealed, &key, &scope("b")).is_err());
    let swapped = SealedTransaction::from_text(sealed);
    assert!(Transaction::unseal(&swapped, &key, &scope("a")).is_err());
}

#[tokio::test]
async fn a_transaction_id_is_useless_in_another_browser() {
    let script = script_from(documents::code_page(BASE));
    let (web, id) = web(&script).await;
    assert!(web.sessions.resume(&id).await.is_ok());
    let key = Arc::new(SealKey::new([7; 32]));
    let other = ScopedTransactions::new(web.client, web.store, key, scope("mallory"));
    assert!(matches!(other.resume(&id).await, Err(Error::NotFound(it)) if it == id));
    assert!(other.forget(&id).await.is_ok());
    assert!(
        web.sessions.resume(&id).await.is_ok(),
        "not even to be deleted"
    );
}

/// Item 8 with a store: the entry is gone after the server has forgotten the transaction.
#[tokio::test]
async fn item_8_an_expired_transaction_leaves_the_store() {
    let script = script_from(documents::code_page(BASE));
    let (web, id) = web(&script).await;
    let expired = documents::terminal("idx.session.expired", "You have been logged out.", "ERROR");
    script.answer(ANSWER, 401, expired);
    let answer = |outcome| async move { step!(outcome, EnterCode).submit("123456").await };
    let error = web.sessions.advance(&id, answer).await.unwrap_err();
    assert!(matches!(error, Error::Expired { .. }));
    assert!(web.store.is_empty());
    assert!(matches!(
        web.sessions.resume(&id).await,
        Err(Error::NotFound(_))
    ));
}

/// Item 19: two requests at once for one transaction.
#[tokio::test]
async fn item_19_of_two_parallel_submits_exactly_one_reaches_the_server() {
    let script = script_from(documents::code_page(BASE));
    script.answer(ANSWER, 200, documents::reset_page(BASE));
    let (web, id) = web(&script).await;
    let (started, release) = (Notify::new(), Notify::new());
    let slow = web.sessions.advance(&id, |outcome| async {
        started.notify_one();
        release.notified().await;
        step!(outcome, EnterCode).submit("123456").await
    });
    let fast = async {
        started.notified().await;
        let second = web.sessions.advance(&id, |outcome| async {
            step!(outcome, EnterCode).submit("123456").await
        });
        let result = second.await;
        release.notify_one();
        result
    };
    let (first, second) = tokio::join!(slow, fast);
    assert_eq!(first.unwrap().step().unwrap().name(), "reset-authenticator");
    assert!(matches!(second, Err(Error::Stale(it)) if it == id));
    assert_eq!(script.paths(), [format!("POST {ANSWER}")]);
    // Whoever came second reads where things stand now.
    let again = web.sessions.resume(&id).await.unwrap();
    assert_eq!(again.step().unwrap().name(), "reset-authenticator");
}

/// A process that died in the middle of a request blocks its transaction for a minute only.
#[tokio::test]
async fn a_claim_ends() {
    let script = script_from(documents::code_page(BASE));
    script.answer(ANSWER, 200, documents::reset_page(BASE));
    let (web, id) = web(&script).await;
    let never = web.sessions.advance(&id, |_| std::future::pending());
    let died = tokio::time::timeout(Duration::ZERO, never).await;
    assert!(died.is_err());
    let answer = |outcome| async move { step!(outcome, EnterCode).submit("123456").await };
    assert!(matches!(
        web.sessions.advance(&id, answer).await,
        Err(Error::Stale(_))
    ));
    web.clock.advance(60);
    assert!(web.sessions.advance(&id, answer).await.is_ok());
}

/// A request that failed leaves the step as it was.
#[tokio::test]
async fn a_failed_request_leaves_the_step_open() {
    let script = script_from(documents::code_page(BASE));
    let (web, id) = web(&script).await;
    for (name, value) in [("nonsense", "x"), ("verificationCode", "123456")] {
        let client = web.client.clone();
        let result = web.sessions.advance(&id, |outcome| async move {
            client
                .proceed(outcome.transaction, Answer::from_form([(name, value)]))
                .await
        });
        assert!(result.await.is_err(), "{name}");
        assert_eq!(
            web.sessions
                .resume(&id)
                .await
                .unwrap()
                .step()
                .unwrap()
                .name(),
            "challenge-authenticator"
        );
    }
}

#[tokio::test]
async fn a_finished_transaction_leaves_the_store() {
    let script = script_from(documents::code_page(BASE));
    let (web, id) = web(&script).await;
    script.answer("/idp/idx/cancel", 200, documents::sign_in_page(BASE));
    let cancel = |outcome| async move { step!(outcome, EnterCode).cancel().await };
    drop(web.sessions.advance(&id, cancel).await.unwrap());
    assert!(web.store.is_empty());
}

#[tokio::test]
async fn the_memory_store_compares_versions_expires_and_is_bounded() {
    let clock = TestClock::new();
    let store = MemoryStore::with_clock(2, clock.clone());
    let sealed = |text: &str| SealedTransaction::from_text(text);
    let id = |letter: &str| TransactionId::parse(&letter.repeat(22)).unwrap();
    let (scope, a, minute) = (scope("s"), id("a"), Duration::from_mins(1));
    let none = Version::default();
    let first = store
        .save((&scope, &a), none, sealed("1"), minute)
        .await
        .unwrap();
    let again = store.save((&scope, &a), none, sealed("2"), minute).await;
    assert!(matches!(again, Err(StoreError::Stale)));
    let second = store
        .save((&scope, &a), first, sealed("2"), minute)
        .await
        .unwrap();
    assert!(second > first);
    let late = store.save((&scope, &a), first, sealed("3"), minute).await;
    assert!(matches!(late, Err(StoreError::Stale)));
    assert_eq!(
        store.load(&scope, &a).await.unwrap().unwrap().value,
        sealed("2")
    );
    store
        .save((&scope, &id("b")), none, sealed("b"), minute * 2)
        .await
        .unwrap();
    let full = store
        .save((&scope, &id("c")), none, sealed("c"), minute)
        .await;
    assert!(matches!(full, Err(StoreError::Full)));
    clock.advance(60);
    assert!(store.load(&scope, &a).await.unwrap().is_none());
    assert_eq!(store.len(), 1);
    store
        .save((&scope, &id("c")), none, sealed("c"), minute)
        .await
        .unwrap();
    store.delete(&scope, &id("c")).await.unwrap();
    assert_eq!(store.len(), 1);
}

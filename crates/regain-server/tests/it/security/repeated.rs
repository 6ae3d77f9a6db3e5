//! T-R3: answers that get lost after the commit, and clients that say the same again.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::app::socket::lose;
use crate::app::{PASSWORD, Page, Person, TestApp, Walk};

const NEW: &str = "Marble-Harbour-77";
/// Recoveries whose connections break anywhere.
const BROKEN: usize = 12;

/// A client whose every request is lost once before it gets an answer.
struct Unlucky<'a> {
    walk: Walk<'a>,
    server: SocketAddr,
    is_patient: bool,
}

impl Unlucky<'_> {
    async fn begin(app: &TestApp, server: SocketAddr, is_patient: bool) -> Unlucky<'_> {
        let mut walk = app.begin().await;
        let body = json!({"interactionHandle": walk.interaction_handle});
        lose(server, "/idp/idx/introspect", &body, is_patient).await;
        walk.introspect().await.expect_page(200, "identify");
        Unlucky {
            walk,
            server,
            is_patient,
        }
    }

    async fn post(&mut self, path: &str, mut body: Value) -> &Page {
        body["stateHandle"] = json!(self.walk.state_handle);
        lose(self.server, path, &body, self.is_patient).await;
        // Just within the time in which it counts as the same request.
        self.walk.app.clock.advance_ms(4_990);
        for _ in 0..5 {
            if self.walk.post(path, body.clone()).await.status != 503 {
                break;
            }
        }
        &self.walk.page
    }

    async fn answer(&mut self, passcode: &str) -> &Page {
        let body = json!({"credentials": {"passcode": passcode}});
        self.post("/idp/idx/challenge/answer", body).await
    }

    /// As far as the open challenge.
    async fn recover(&mut self, login: &str) -> &Page {
        self.post("/idp/idx/recover", json!({}))
            .await
            .expect_page(200, "identify-recovery");
        self.post("/idp/idx/identify", json!({"identifier": login}))
            .await
            .expect_page(200, "select-authenticator-authenticate");
        let id = self.walk.authenticator_id("okta_email");
        self.post("/idp/idx/challenge", json!({"authenticator": {"id": id}}))
            .await
            .expect_page(200, "challenge-authenticator")
    }
}

/// Successes of that name in the audit log.
fn logged(app: &TestApp, name: &str) -> i64 {
    app.count(&format!(
        "SELECT count(*) FROM audit WHERE name = '{name}' AND outcome = 'SUCCESS'"
    ))
}

/// A whole recovery; everything in it happens once.
async fn recover(app: &TestApp, server: SocketAddr, is_patient: bool, (old, new): (&str, &str)) {
    let login = Person::Active.login();
    let effects = [
        "user.authentication.verify",
        "user.account.reset_password",
        "user.session.clear",
        "user.session.start",
    ];
    let before = effects.map(|name| logged(app, name));
    let mails = app.mailbox.list(Some(login), None).len();
    let mut client = Unlucky::begin(app, server, is_patient).await;
    client.recover(login).await;
    app.mail_is_done().await;
    assert_eq!(
        app.mailbox.list(Some(login), None).len(),
        mails + 1,
        "one mail"
    );
    app.clock.advance(31);
    client
        .post("/idp/idx/challenge/resend", json!({}))
        .await
        .expect_page(200, "challenge-authenticator");
    app.mail_is_done().await;
    assert_eq!(
        app.mailbox.list(Some(login), None).len(),
        mails + 2,
        "one more"
    );
    let right = client.walk.derived_code().await;
    client
        .answer(&right)
        .await
        .expect_page(200, "reset-authenticator");
    let climb = client.walk.stored().await.flow.climb().cloned().unwrap();
    assert_eq!((climb.proofs.len(), climb.tally.wrong_answers), (1, 0));
    client.answer(new).await.interaction_code();
    app.mail_is_done().await;
    assert_eq!(
        app.mailbox.list(Some(login), None).len(),
        mails + 3,
        "one notice"
    );
    let after = effects.map(|name| logged(app, name));
    assert_eq!(after, before.map(|count| count + 1), "{effects:?}");
    for (password, works) in [(new, true), (old, false)] {
        let mut client = Unlucky::begin(app, server, is_patient).await;
        let body = json!({"identifier": login, "credentials": {"passcode": password}});
        let page = client.post("/idp/idx/identify", body).await;
        assert_eq!(page.status == 200, works, "{password}: {}", page.json);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_r3_a_recovery_whose_every_answer_is_lost_once_happens_once() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    recover(&app, server.address, true, (PASSWORD, NEW)).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_r3_a_recovery_whose_connections_break_anywhere_happens_once() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let mut old = PASSWORD.to_owned();
    for run in 0..BROKEN {
        let new = format!("Marble-Harbour-{run:02}");
        recover(&app, server.address, false, (&old, &new)).await;
        old = new;
        // Starts and mails of a day are limited.
        app.clock.advance(24 * 60 * 60);
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_r3_nobody_s_lost_answers_are_given_again_as_well() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    for is_patient in [true, false] {
        let mut client = Unlucky::begin(&app, server.address, is_patient).await;
        client.recover(Person::Unknown.login()).await;
    }
    app.mail_is_done().await;
    assert!(app.mailbox.list(None, None).is_empty());
    app.close().await;
}

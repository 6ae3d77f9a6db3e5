//! T-M6: whoever has a new password is told of it once, after the commit and not without it (M-08).

use futures_util::future::join_all;
use regain_mail::MailboxMessage;
use serde_json::json;

use crate::app::{BASE, PASSWORD, Person, TestApp, Walk};

const ANSWER: &str = "/idp/idx/challenge/answer";
const OWNER: Person = Person::OtherMail;

/// Every notice that went to an address, or to any.
fn notices(app: &TestApp, address: Option<&str>) -> Vec<MailboxMessage> {
    let mut mails = app.mailbox.list(address, None);
    mails.retain(|mail| mail.subject == "Your password for Example was changed");
    mails
}

/// On the page of the new password.
async fn resetting(app: &TestApp) -> Walk<'_> {
    let mut walk = app.begin().await;
    let address = OWNER.mail().unwrap();
    walk.as_far_as_reset(OWNER.login(), address).await;
    walk
}

#[tokio::test]
async fn t_m6_every_change_is_told_once_to_the_stored_address() {
    let app = TestApp::start().await;
    let passwords = ["Marble-Harbour-77", "Velvet-Orchard-31"];
    for (changes, password) in (1..).zip(passwords) {
        let mut walk = resetting(&app).await;
        let body = json!({"stateHandle": walk.state_handle,
            "credentials": {"passcode": password}});
        // At the same moment, and again because the answer was lost.
        let copies = (0..8).map(|_| app.post(ANSWER, &body));
        let done = join_all(copies).await;
        assert!(done.iter().any(|page| page.status == 200));
        app.clock.advance_ms(4_000);
        walk.post(ANSWER, body).await.interaction_code();
        app.mail_is_done().await;
        let told = notices(&app, OWNER.mail());
        assert_eq!(told.len(), changes);
        assert_eq!(notices(&app, None).len(), changes, "and nobody else");
        app.clock.advance(3_600);
    }
    app.close().await;
}

#[tokio::test]
async fn t_m6_a_notice_says_when_and_what_to_do_and_nothing_in_it_acts() {
    let app = TestApp::start().await;
    let mut walk = resetting(&app).await;
    app.clock.advance(60);
    walk.answer("Marble-Harbour-77").await.interaction_code();
    app.mail_is_done().await;
    let told = notices(&app, OWNER.mail());
    let notice = &told[0];
    assert!(
        notice.text.contains("Time: 2 January 2026, 03:05 UTC"),
        "{}",
        notice.text
    );
    assert!(notice.text.contains("IP address: 203.0.113.9"));
    assert!(notice.text.contains("If it was not you"), "{}", notice.text);
    assert!(notice.text.contains("choose \"Forgot password?\""));
    assert_eq!((&notice.code, &notice.link), (&None, &None));
    for part in [&notice.text, &notice.html] {
        for acting in ["href", "<form", "<button", "://", BASE] {
            assert!(!part.contains(acting), "{acting}: {part}");
        }
    }
    let digits = |word: &str| word.len() >= 6 && word.bytes().all(|b| b.is_ascii_digit());
    let mut words = notice.text.split(|c: char| !c.is_alphanumeric());
    assert!(!words.any(digits), "{}", notice.text);
    app.close().await;
}

#[tokio::test]
async fn t_m6_what_is_not_committed_is_not_told() {
    let app = TestApp::start().await;
    let mut walk = resetting(&app).await;
    let body = json!({"credentials": {"passcode": "Marble-Harbour-77"}});
    // The row of the notice itself, and what is written before and after it.
    for event in [
        "UPDATE ON users",
        "INSERT ON outbox",
        "INSERT ON audit",
        "INSERT ON interaction_codes",
        "UPDATE ON clock",
    ] {
        let fault =
            format!("CREATE TRIGGER fault BEFORE {event} BEGIN SELECT RAISE(ABORT, 'x'); END");
        app.database().execute_batch(&fault).unwrap();
        walk.post(ANSWER, body.clone())
            .await
            .expect_top(503, "idx.error.server.busy");
        app.database().execute_batch("DROP TRIGGER fault").unwrap();
        app.mail_is_done().await;
        assert_eq!(notices(&app, None).len(), 0, "{event}");
    }
    // A password that is refused is no change either.
    let short = json!({"credentials": {"passcode": "short"}});
    let refused = walk.post(ANSWER, short).await;
    assert_eq!(refused.page_name(), Some("reset-authenticator"));
    assert_ne!(refused.status, 200);
    app.mail_is_done().await;
    assert_eq!(notices(&app, None).len(), 0);
    walk.post(ANSWER, body).await.interaction_code();
    app.mail_is_done().await;
    assert_eq!(notices(&app, None).len(), 1);
    // Nor is a sign-in, with the right password or a wrong one.
    for password in ["Marble-Harbour-77", PASSWORD] {
        let mut walk = app.first_page().await;
        let given = json!({"identifier": OWNER.login(), "credentials": {"passcode": password}});
        walk.remediate("identify", given).await;
    }
    app.mail_is_done().await;
    assert_eq!(notices(&app, None).len(), 1);
    app.close().await;
}

//! T-S8: the completion of a recovery is all or nothing. The database refuses one statement after
//! the other, in the middle of the real commit.

use regain_engine::UserStatus;
use regain_oauth::Grant;
use regain_store::{RequestMeta, Store as _};
use regain_types::{AuthServer, ClientId, GrantId, SystemEntropy, Timestamp, TokenHash, UserId};
use serde_json::json;

use crate::app::{PASSWORD, PUBLIC, Person, TestApp};

const NEW: &str = "Marble-Harbour-77";

/// Each statement of the commit, as a condition on a table.
const STATEMENTS: [(&str, &str); 14] = [
    (
        "own flow",
        "UPDATE ON flows WHEN NEW.live = 0 AND NEW.canonical IS NOT NULL",
    ),
    (
        "other flows",
        "UPDATE ON flows WHEN NEW.live = 0 AND NEW.canonical IS NULL",
    ),
    (
        "password",
        "UPDATE ON users WHEN NEW.password_phc <> OLD.password_phc",
    ),
    (
        "history",
        "UPDATE ON users WHEN NEW.password_history <> OLD.password_history",
    ),
    ("lock", "UPDATE ON users WHEN NEW.status <> OLD.status"),
    ("grants", "UPDATE ON grants WHEN NEW.revoked_at IS NOT NULL"),
    ("unused codes", "DELETE ON interaction_codes WHEN 1"),
    ("new code", "INSERT ON interaction_codes WHEN 1"),
    ("notice", "INSERT ON outbox WHEN 1"),
    (
        "audit of the reset",
        "INSERT ON audit WHEN NEW.name = 'user.account.reset_password'",
    ),
    (
        "audit of the sessions",
        "INSERT ON audit WHEN NEW.name = 'user.session.clear'",
    ),
    (
        "audit of the unlock",
        "INSERT ON audit WHEN NEW.name = 'user.account.unlock'",
    ),
    (
        "audit of the sign-in",
        "INSERT ON audit WHEN NEW.name = 'user.session.start'",
    ),
    ("clock", "UPDATE ON clock WHEN 1"),
];

/// A locked user with a grant and an unused code from before: every effect has something to do.
async fn burden(app: &TestApp) -> UserId {
    let login = Person::Active.login();
    let user = app
        .store
        .find_user(app.org(), login)
        .await
        .unwrap()
        .unwrap();
    for redeems in [true, false] {
        let mut walk = app.first_page().await;
        let given = json!({"identifier": login, "credentials": {"passcode": PASSWORD}});
        let code = walk.remediate("identify", given).await.interaction_code();
        if redeems {
            let now = app.store.now().await.unwrap();
            let grant = grant(user.facts.id.clone(), now);
            let hash = TokenHash::of(&code);
            let request = RequestMeta::default();
            let redeemed = app
                .store
                .redeem_interaction_code(app.org(), &hash, grant, now, request);
            redeemed.await.unwrap();
        }
    }
    let locked = "UPDATE users SET status = 'LOCKED_OUT' WHERE login = ?1";
    app.database().execute(locked, [login]).unwrap();
    user.facts.id
}

fn grant(user: UserId, now: Timestamp) -> Grant {
    Grant {
        id: GrantId::random(&mut SystemEntropy),
        user,
        client_id: ClientId::parse(PUBLIC).unwrap(),
        server: AuthServer::Custom("default".to_owned()),
        scopes: vec!["openid".to_owned()],
        nonce: None,
        auth_time: now,
        amr: vec!["pwd".to_owned()],
        created_at: now,
        expires_at: now.plus_seconds(86_400),
        idle_expires_at: now.plus_seconds(86_400),
        refresh_sequence: 0,
        rotated_at: now,
        revoked_at: None,
    }
}

#[tokio::test]
async fn t_s8_a_completion_that_breaks_off_anywhere_leaves_nothing() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    burden(&app).await;
    let mut other = app.begin().await;
    other.as_far_as_challenge(login).await;
    app.mail_is_done().await;
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    app.mail_is_done().await;
    let body = json!({"credentials": {"passcode": NEW}});
    let before = app.snapshot();
    for (name, event) in STATEMENTS {
        let (event, condition) = event.split_once(" WHEN ").unwrap();
        let trigger = format!(
            "CREATE TRIGGER fault BEFORE {event} WHEN {condition}
             BEGIN SELECT RAISE(ABORT, 'fault'); END"
        );
        app.database().execute_batch(&trigger).unwrap();
        let page = walk.post("/idp/idx/challenge/answer", body.clone()).await;
        page.expect_top(503, "idx.error.server.busy");
        assert!(page.headers.contains_key("retry-after"));
        app.database().execute_batch("DROP TRIGGER fault").unwrap();
        let after = app.snapshot();
        assert_eq!(before.changed(&after), Vec::<String>::new(), "{name}");
        walk.introspect()
            .await
            .expect_page(200, "reset-authenticator");
        other.act("poll").await.expect_status(200);
    }
    let mails = app.mailbox.list(Some(login), None).len();
    walk.post("/idp/idx/challenge/answer", body)
        .await
        .interaction_code();
    let after = app.snapshot();
    let changed = before.changed(&after);
    let tables = [
        "audit",
        "flows",
        "grants",
        "interaction_codes",
        "outbox",
        "users",
    ];
    assert_eq!(changed, tables, "and then all of it happens");
    other.act("poll").await.expect_expired();
    let user = app
        .store
        .find_user(app.org(), login)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(user.facts.status, UserStatus::Active);
    assert_eq!(
        app.count("SELECT count(*) FROM grants WHERE revoked_at IS NULL"),
        0
    );
    assert_eq!(
        after.rows("interaction_codes").len(),
        2,
        "the used one and the new one"
    );
    app.mail_is_done().await;
    assert_eq!(
        app.mailbox.list(Some(login), None).len(),
        mails + 1,
        "one notice in all"
    );
    app.close().await;
}

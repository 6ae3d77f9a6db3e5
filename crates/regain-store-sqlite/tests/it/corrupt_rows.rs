//! What makes no sense in a row is refused by name: nothing is guessed.

use std::sync::Arc;

use regain_engine::{Effect, Flow, FlowApp, LedgerKey, LedgerKeys, Outgoing};
use regain_oauth::Client;
use regain_store::{
    Commit, FlowKey, MailVerdict, NewFlow, NewUser, RequestMeta, Store as _, Typed,
};
use regain_store::{StoreError, StoreError::Corrupt};
use regain_store_sqlite::{SqliteStore, TemporaryStore};
use regain_types::{ClientId, FlowId, OrgId, SystemClock, SystemEntropy, TokenHash, UserId};
use rusqlite::Connection;

struct Damaged {
    temporary: TemporaryStore,
    org: OrgId,
    user: UserId,
    flow: FlowId,
}

impl Damaged {
    /// A store with a user, a flow, a client and two messages; then `damage` runs behind its back.
    async fn by(damage: &str) -> Self {
        let temporary = SqliteStore::temporary(Arc::new(SystemClock::new())).unwrap();
        let (store, org) = (&temporary.store, OrgId::parse("00oTest").unwrap());
        let now = store.now().await.unwrap();
        let flow = Flow::begin(FlowApp::sample(), now, &mut SystemEntropy);
        let user = UserId::random(&mut SystemEntropy);
        store.create_user(&org, new_user(&user)).await.unwrap();
        let new = NewFlow {
            flow: flow.clone(),
            interaction_handle: TokenHash::of("interaction"),
            state_handle: TokenHash::of("state"),
        };
        let request = RequestMeta::default();
        store.insert_flow(&org, new, request.clone()).await.unwrap();
        store.save_client(&org, client()).await.unwrap();
        let notice = |label: &str| {
            Effect::Enqueue(Outgoing::PasswordChanged {
                user: user.clone(),
                at: now,
                app_label: label.to_owned(),
            })
        };
        let commit = Commit {
            flow: flow.clone(),
            new_state_handle: None,
            effects: vec![notice("one"), notice("two")],
            request,
            now,
        };
        store.commit(&org, commit).await.unwrap();
        let raw = Connection::open(temporary.path()).unwrap();
        let changed = raw.execute(damage, []).unwrap();
        assert!(changed > 0, "{damage}");
        Self {
            org,
            user,
            flow: flow.id,
            temporary,
        }
    }
}

fn new_user(id: &UserId) -> NewUser {
    NewUser {
        id: id.clone(),
        login: "alice@example.com".to_owned(),
        email: None,
        first_name: "Alice".to_owned(),
        last_name: "Doe".to_owned(),
        locale: "en_US".to_owned(),
        time_zone: "UTC".to_owned(),
        status: regain_engine::UserStatus::Active,
        password: None,
    }
}

fn client() -> Client {
    Client {
        id: ClientId::parse("web").unwrap(),
        label: "Demo app".to_owned(),
        secret_hash: None,
        redirect_uris: Vec::new(),
        email_verification_uri: None,
        post_logout_redirect_uris: Vec::new(),
    }
}

fn assert_corrupt<T: std::fmt::Debug>(
    result: Result<T, StoreError>,
    place: (&str, &str),
    row: &str,
) {
    match result {
        Err(Corrupt { table, column, id }) => {
            assert_eq!((table, column), place);
            assert_eq!(id, row);
        }
        other => panic!("{place:?}: {other:?}"),
    }
}

#[tokio::test]
async fn a_user_row_that_makes_no_sense_is_named() {
    for (damage, column) in [
        ("UPDATE users SET status = 'PASSWORD_EXPIRED'", "status"),
        (
            "UPDATE users SET password_history = '[{'",
            "password_history",
        ),
        (
            "UPDATE users SET password_history = '{}'",
            "password_history",
        ),
    ] {
        let damaged = Damaged::by(damage).await;
        let (store, org) = (&damaged.temporary.store, &damaged.org);
        let place = ("users", column);
        let row = damaged.user.as_str();
        assert_corrupt(store.load_user(org, &damaged.user).await, place, row);
        let login = "alice@example.com";
        assert_corrupt(store.find_user(org, login).await, place, row);
        let key = FlowKey::Id(damaged.flow.clone());
        let loaded = store.load_flow(org, &key, Some(typed(login))).await;
        assert_corrupt(loaded, place, row);
        // Whoever does not need the row is not held up by it.
        assert!(store.load_flow(org, &key, None).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_flow_row_that_makes_no_sense_is_named() {
    for damage in [
        "UPDATE flows SET state = 'null'",
        "UPDATE flows SET state = substr(state, 1, 20)",
        "UPDATE flows SET state = json_set(state, '$.stage', 'enrolling')",
        "UPDATE flows SET version = version + 1",
        "UPDATE flows SET state = json_set(state, '$.id', 'flwOther')",
    ] {
        let damaged = Damaged::by(damage).await;
        let store = &damaged.temporary.store;
        let key = FlowKey::StateHandle(TokenHash::of("state"));
        let loaded = store.load_flow(&damaged.org, &key, None).await;
        assert_corrupt(loaded, ("flows", "state"), damaged.flow.as_str());
    }
}

#[tokio::test]
async fn a_client_row_that_makes_no_sense_is_named() {
    for damage in [
        "UPDATE clients SET registration = '{}'",
        "UPDATE clients SET registration = json_set(registration, '$.id', 'other')",
    ] {
        let damaged = Damaged::by(damage).await;
        let (store, org) = (&damaged.temporary.store, &damaged.org);
        let place = ("clients", "registration");
        let id = client().id;
        assert_corrupt(store.find_client(org, &id).await, place, "web");
        assert_corrupt(store.list_clients(org).await, place, "web");
    }
}

#[tokio::test]
async fn an_audit_row_that_makes_no_sense_is_named() {
    // Rows are never changed: the one that makes no sense comes from elsewhere.
    let damage = "INSERT INTO audit (org_id, at, id, name, subject, outcome, request_id)
                  VALUES ('00oTest', 1, 'one', 'x', 'y', 'MAYBE', 'r')";
    let damaged = Damaged::by(damage).await;
    let listed = damaged.temporary.store.list_audit(&damaged.org, 10).await;
    assert_corrupt(listed, ("audit", "outcome"), "one");
    let raw = Connection::open(damaged.temporary.path()).unwrap();
    let changed = raw.execute("UPDATE audit SET outcome = 'SUCCESS'", []);
    assert!(changed.unwrap_err().to_string().contains("never changed"));
}

#[tokio::test]
async fn a_message_that_makes_no_sense_does_not_hold_up_the_others() {
    let damage = "UPDATE outbox SET outgoing = '{\"sms\":{}}'
                  WHERE rowid = (SELECT min(rowid) FROM outbox)";
    let damaged = Damaged::by(damage).await;
    let (store, org) = (&damaged.temporary.store, &damaged.org);
    let until = store.now().await.unwrap().plus_seconds(30);
    let rows = store.lease_outbox(org, 1, 30, false).await.unwrap();
    assert!(rows.is_empty());
    let rows = store.lease_outbox(org, 1, 30, false).await.unwrap();
    let Some(row) = rows.first() else {
        panic!("the second message is due");
    };
    assert!(matches!(
        &row.outgoing,
        Outgoing::PasswordChanged { app_label, .. } if app_label == "two"
    ));
    store
        .finish_outbox(org, row, MailVerdict::Delivered)
        .await
        .unwrap();
    // It stays, and comes back when its lease is over.
    assert!(store.next_outbox_due(org).await.unwrap() >= Some(until));
}

/// A flow of a newer release, in a stage that this one does not know, ends all the same.
#[tokio::test]
async fn a_flow_that_a_newer_release_wrote_is_ended_with_the_others() {
    let damage = "UPDATE flows SET subject = '00uNewer', live = 1,
                  state = json_set(state, '$.stage', 'enrolling', '$.new_field', 1)";
    let damaged = Damaged::by(damage).await;
    let (store, org) = (&damaged.temporary.store, &damaged.org);
    let now = store.now().await.unwrap();
    let flow = Flow::begin(FlowApp::sample(), now, &mut SystemEntropy);
    let new = NewFlow {
        flow: flow.clone(),
        interaction_handle: TokenHash::of("interaction 2"),
        state_handle: TokenHash::of("state 2"),
    };
    let request = RequestMeta::default();
    store.insert_flow(org, new, request.clone()).await.unwrap();
    let commit = Commit {
        flow,
        new_state_handle: None,
        effects: vec![Effect::EndOtherFlows {
            user: UserId::parse("00uNewer").unwrap(),
        }],
        request,
        now,
    };
    store.commit(org, commit).await.unwrap();
    let key = FlowKey::Id(damaged.flow.clone());
    let ended = store.load_flow(org, &key, None).await.unwrap().unwrap();
    assert_eq!(ended.flow.stage, regain_engine::Stage::Dead);
    assert_eq!(ended.flow.version, 2);
}

fn typed(canonical: &str) -> Typed<'_> {
    let identifier = LedgerKey::from_bytes([7; 32]);
    Typed {
        canonical,
        ledgers: LedgerKeys {
            identifier,
            device: None,
        },
    }
}

//! What the child does: recoveries as the store sees them, several people at once, each in the same
//! order, so that a look at the rows says how far each came.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::join_all;
use regain_engine::{
    AuditEvent, AuditSubject, Effect, Flow, FlowApp, IssuedCode, Outcome, Outgoing, StoredPassword,
    UserStatus,
};
use regain_oauth::Grant;
use regain_store::{Commit, NewFlow, NewUser, RequestMeta, Store as _};
use regain_store_sqlite::{OpenError, SqliteStore};
use regain_types::{
    AuthServer, ClientId, FlowId, GrantId, OrgId, SystemClock, SystemEntropy, Timestamp, TokenHash,
    UserId, random_token,
};
use rusqlite::Connection;

use super::{DATABASE, FACTS};

/// The variable that tells the child where to work.
pub(super) const DIRECTORY: &str = "REGAIN_POWER_LOSS_DIRECTORY";
/// Password hashes end with their generation.
pub(super) const PHC: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$";
/// How many earlier passwords are kept.
pub(super) const HISTORY: u32 = 4;
/// What each generation of a person's password goes through.
pub(super) const STEPS: usize = 6;

/// People at work at the same time.
const PEOPLE: usize = 4;
/// Generations before the database is closed and opened again.
const GENERATIONS: [usize; 3] = [9, 8, 6];

pub(crate) fn org() -> OrgId {
    OrgId::parse("00oTest").unwrap()
}

pub(super) fn open(directory: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(directory.join(DATABASE), Arc::new(SystemClock::new()))
}

#[tokio::test]
#[ignore = "runs in a process of its own, under the shim"]
async fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let facts = Told::open(&directory.join(FACTS));
    let people: Vec<UserId> = (0..PEOPLE)
        .map(|_| UserId::random(&mut SystemEntropy))
        .collect();
    let mut first = 1;
    for generations in GENERATIONS {
        let store = open(&directory).unwrap();
        if first == 1 {
            join_all(people.iter().map(|user| create(&store, user))).await;
        }
        for generation in first..first + generations {
            let each = people.iter();
            join_all(each.map(|user| recover(&store, &facts, user, generation))).await;
            if generation == first + generations / 2 {
                // The log begins anew under a store that is open, as after a thousand pages.
                fold_log(&directory);
            }
        }
        first += generations;
    }
}

pub(crate) fn fold_log(directory: &Path) {
    let beside = Connection::open(directory.join(DATABASE)).unwrap();
    beside.pragma_update(None, "synchronous", "FULL").unwrap();
    let busy: i64 = beside
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(busy, 0, "nobody reads or writes now");
}

/// Where facts are told.
struct Told(File);

impl Told {
    fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create_new(true).append(true).open(path);
        Self(file.unwrap())
    }

    fn flow(&self, flow: &FlowId, version: u64) {
        self.line(&format!("flow {flow} {version}"));
    }

    fn step(&self, user: &UserId, generation: usize, step: usize) {
        self.line(&format!("user {user} {}", generation * STEPS + step));
    }

    fn line(&self, line: &str) {
        // One write: the shim makes one fact of it.
        (&self.0).write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

pub(crate) async fn create(store: &SqliteStore, id: &UserId) {
    let login = format!("{id}@example.com");
    let user = NewUser {
        id: id.clone(),
        login: login.clone(),
        email: Some(login),
        first_name: "Given".to_owned(),
        last_name: "Family".to_owned(),
        locale: "en_US".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        status: UserStatus::Active,
        password: Some(StoredPassword {
            phc: format!("{PHC}0"),
            nfc: true,
            set_at: Timestamp::from_millis(1),
        }),
    };
    store.create_user(&org(), user).await.unwrap();
}

/// One recovery: a flow, a wrong answer, the new password with its code, the tokens, a refresh and,
/// every other time, a sign-out.
async fn recover(store: &SqliteStore, told: &Told, user: &UserId, generation: usize) {
    let now = store.now().await.unwrap();
    let mut flow = Flow::begin(FlowApp::sample(), now, &mut SystemEntropy);
    let new = NewFlow {
        flow: flow.clone(),
        interaction_handle: hash(),
        state_handle: hash(),
    };
    store.insert_flow(&org(), new, request()).await.unwrap();
    told.flow(&flow.id, 0);

    let wrong = audit(user, "wrong", Outcome::Failure);
    commit(store, &flow, vec![wrong], now).await;
    told.flow(&flow.id, 1);

    flow.version = 1;
    let issued = issued(user, generation, now);
    let code = issued.hash;
    let effects = vec![
        Effect::SetPassword {
            user: user.clone(),
            phc: format!("{PHC}{generation}"),
            keep_history: HISTORY,
            at: now,
        },
        Effect::EndOtherFlows { user: user.clone() },
        Effect::RevokeSessions { user: user.clone() },
        Effect::IssueInteractionCode(issued),
        Effect::Enqueue(Outgoing::PasswordChanged {
            user: user.clone(),
            at: now,
            app_label: "Demo app".to_owned(),
        }),
        audit(user, "reset", Outcome::Success),
    ];
    commit(store, &flow, effects, now).await;
    told.flow(&flow.id, 2);
    told.step(user, generation, 0);

    let grant = grant(user, generation, now);
    let id = grant.id.clone();
    store
        .redeem_interaction_code(&org(), &code, grant, now, request())
        .await
        .unwrap();
    told.step(user, generation, 1);
    store
        .rotate_refresh_token(&org(), &id, 0, now, now.plus_seconds(3_600))
        .await
        .unwrap();
    told.step(user, generation, 2);
    if generation.is_multiple_of(2) {
        store
            .revoke_grant(&org(), &id, "logout", request())
            .await
            .unwrap();
        told.step(user, generation, 3);
    }
}

async fn commit(store: &SqliteStore, flow: &Flow, effects: Vec<Effect>, now: Timestamp) {
    let commit = Commit {
        flow: flow.clone(),
        new_state_handle: None,
        effects,
        request: request(),
        now,
    };
    store.commit(&org(), commit).await.unwrap();
}

pub(crate) fn audit(user: &UserId, name: &'static str, outcome: Outcome) -> Effect {
    Effect::Audit(AuditEvent {
        name,
        subject: AuditSubject::User(user.clone()),
        outcome,
        reason: None,
    })
}

pub(crate) fn hash() -> TokenHash {
    TokenHash::of(&random_token(&mut SystemEntropy))
}

pub(crate) fn request() -> RequestMeta {
    RequestMeta::default()
}

pub(crate) fn issued(user: &UserId, generation: usize, now: Timestamp) -> IssuedCode {
    IssuedCode {
        hash: hash(),
        expires_at: now.plus_seconds(60),
        client_id: ClientId::parse("test-spa").unwrap(),
        redirect_uri: "http://localhost:8401/login/callback".to_owned(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        server: AuthServer::Custom("default".to_owned()),
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        nonce: Some(generation.to_string()),
        user: user.clone(),
        auth_time: now,
        amr: vec!["email".to_owned()],
    }
}

pub(crate) fn grant(user: &UserId, generation: usize, now: Timestamp) -> Grant {
    Grant {
        id: GrantId::random(&mut SystemEntropy),
        user: user.clone(),
        client_id: ClientId::parse("test-spa").unwrap(),
        server: AuthServer::Custom("default".to_owned()),
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        nonce: Some(generation.to_string()),
        auth_time: now,
        amr: vec!["email".to_owned()],
        created_at: now,
        expires_at: now.plus_seconds(86_400),
        idle_expires_at: now.plus_seconds(3_600),
        refresh_sequence: 0,
        rotated_at: now,
        revoked_at: None,
    }
}

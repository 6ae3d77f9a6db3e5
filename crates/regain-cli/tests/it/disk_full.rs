//! T-R10 at the program: the volume of the database is full at each request that writes, and is
//! then freed.

use std::time::Duration;

use regain_store_postgres::testing::Cluster;
use regain_types::{Clock as _, SystemClock};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::program::{Answer, Deployment, Running, call, free_port};
use crate::visitor::{
    ALICE, FORM, begin, email_id, idx, interact, interaction_code, redeem, refresh, register,
    sign_in, sign_in_with,
};
use crate::volume::Volume;

/// The database, 16 MiB that are set aside, 4 MiB that must be free beside, and some more.
const SQLITE_MIB: u64 = 48;
/// A cluster with two databases and its log takes some 110 MiB.
const POSTGRES_MIB: u64 = 192;
/// More flows than the pages hold that the tables have in hand.
const FLOWS_MAX: usize = 2_000;
/// How long a loaded machine may take to notice what has changed.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);
const NEW_PASSWORD: &str = "Marble-Harbour-77";

/// An engine whose database is on a tiny volume.
struct Site {
    running: Running,
    origin: String,
    metrics: String,
    volume: Volume,
    /// Those who are signed in and have not signed out.
    sessions: Vec<Value>,
    ended: usize,
}

impl Site {
    fn serve(deployment: &Deployment, volume: Volume) -> Self {
        let port = free_port();
        deployment.edit(|text| {
            text.replace(
                "# metrics_listen = \"9464\"",
                &format!("metrics_listen = \"127.0.0.1:{port}\""),
            )
        });
        let running = Running::start(&["serve", "--dev", "--config", &deployment.config()]);
        Self {
            origin: running.text("engine").to_owned(),
            metrics: running.text("metrics").to_owned(),
            running,
            volume,
            sessions: Vec::new(),
            ended: 0,
        }
    }

    fn introspects(&self, tokens: &Value) -> bool {
        let token = tokens["refresh_token"].as_str().unwrap();
        let form = format!("token={token}&client_id=page");
        let answer = call(&self.origin, "/oauth2/default/v1/introspect", FORM, &form);
        assert_eq!(answer.status, 200);
        answer.json["active"] == true
    }

    /// Waits until readiness has noticed: it asks the store once a second.
    fn wait_for_ready(&self, status: u16) -> Value {
        let clock = SystemClock::new();
        let until = clock.monotonic() + NOTICED_WITHIN;
        loop {
            let ready = call(&self.metrics, "/health/ready", "", "");
            if ready.status == status {
                return ready.json;
            }
            assert!(clock.monotonic() < until, "{}", ready.json);
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn is_red_and_says_why(&self) {
        let json = self.wait_for_ready(503);
        let reason = json["reason"].as_str().unwrap();
        assert!(reason.contains("full"), "{reason}");
    }

    /// What goes on: reading, and whatever is in memory.
    fn reads_go_on(&self, tokens: &Value) {
        assert!(self.introspects(tokens));
        for path in ["/health/live", "/oauth2/default/v1/keys"] {
            assert_eq!(call(&self.origin, path, "", "").status, 200, "{path}");
        }
    }

    /// On a full disk a request is refused, and a session can be ended; with space it is taken.
    fn insist(&mut self, what: &str, request: impl Fn(&str) -> Answer) -> Value {
        self.volume.leave(0);
        let refused = request(&self.origin);
        assert_eq!(refused.status, 503, "{what}: {}", refused.json);
        assert!(refused.retries, "{what}");
        let session = self.sessions.pop().unwrap();
        self.reads_go_on(&session);
        let secret = session["refresh_token"].as_str().unwrap();
        let form = format!("token={secret}&client_id=page");
        let ended = call(&self.origin, "/oauth2/default/v1/revoke", FORM, &form);
        assert_eq!(ended.status, 200, "{what}: a session cannot be ended");
        assert!(!self.introspects(&session), "{what}");
        self.ended += 1;

        self.volume.free();
        let taken = request(&self.origin);
        assert_eq!(taken.status, 200, "{what}: {}", taken.json);
        taken.json
    }
}

fn passcode(state: &Value, passcode: &str) -> Value {
    json!({"stateHandle": state, "credentials": {"passcode": passcode}})
}

/// A recovery from the first request to the tokens and their refresh; the disk is full at each.
fn recover(site: &mut Site) {
    let handle = site.insist("interact", interact)["interaction_handle"].clone();
    let body = json!({"interactionHandle": handle});
    let state = idx(&site.origin, "introspect", &body).json["stateHandle"].clone();
    let body = json!({"stateHandle": state});
    site.insist("recover", |origin| idx(origin, "recover", &body));
    let body = json!({"stateHandle": state, "identifier": ALICE});
    let choice = site.insist("identify", |origin| idx(origin, "identify", &body));
    let body = json!({"stateHandle": state, "authenticator": {"id": email_id(&choice)}});
    site.insist("challenge", |origin| idx(origin, "challenge", &body));
    let mails = "/dev/mailbox/api/messages?to=alice@example.com&wait_ms=20000";
    let mails = call(&site.origin, mails, "", "").json;
    let code = mails[0]["code"].as_str().unwrap().to_owned();
    let body = passcode(&state, &code);
    site.insist("the code", |origin| idx(origin, "challenge/answer", &body));
    let body = passcode(&state, NEW_PASSWORD);
    let done = site.insist("the password", |origin| {
        idx(origin, "challenge/answer", &body)
    });
    let code = interaction_code(&done);
    assert!(site.sessions.is_empty(), "the others have ended with it");
    let again = || sign_in_with(&site.origin, NEW_PASSWORD);
    site.sessions = vec![again(), again()];
    let tokens = site.insist("token", |origin| redeem(origin, &code));
    let token = tokens["refresh_token"].clone();
    site.insist("refresh", |origin| refresh(origin, &token));
}

#[test]
fn t_r10_a_full_disk_under_sqlite_refuses_each_request_that_writes_and_still_signs_out() {
    let Some(volume) = Volume::mount(SQLITE_MIB) else {
        return;
    };
    let deployment = Deployment::new();
    let database = volume.path().join("regain.db");
    deployment.store_at(&format!("sqlite:{}", database.display()));
    register(&deployment);
    let mut site = Site::serve(&deployment, volume);
    site.sessions = (0..6).map(|_| sign_in(&site.origin)).collect();
    site.volume.leave(0);
    assert_eq!(interact(&site.origin).status, 503);
    site.is_red_and_says_why();
    site.volume.free();
    site.wait_for_ready(200);
    recover(&mut site);
    assert!(site.sessions.is_empty());
    let beside = Connection::open(&database).unwrap();
    let count = |question: &str| -> i64 {
        let answer = beside.query_row(question, [], |row| row.get(0));
        answer.unwrap()
    };
    let ended = "SELECT count(*) FROM audit WHERE name = 'app.oauth2.token.revoke'";
    assert_eq!(usize::try_from(count(ended)), Ok(site.ended));
    let resets = "SELECT count(*) FROM audit
                  WHERE name = 'user.account.reset_password' AND outcome = 'SUCCESS'";
    assert_eq!(count(resets), 1);
    let ask = "PRAGMA integrity_check";
    let told: String = beside.query_row(ask, [], |row| row.get(0)).unwrap();
    assert_eq!(told, "ok");
    assert_eq!(site.running.stop(), Some(0));
}

#[test]
fn t_r10_a_full_disk_under_postgresql_refuses_writes_and_needs_no_restart_of_the_engine() {
    let Some(volume) = Volume::mount(POSTGRES_MIB) else {
        return;
    };
    let small = ["-c", "min_wal_size=32MB", "-c", "max_wal_size=48MB"];
    let cluster = Cluster::start_in(volume.path(), &small).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let database = runtime.block_on(cluster.fresh()).unwrap();
    let deployment = Deployment::new();
    deployment.store_at(database.url());
    register(&deployment);
    let site = Site::serve(&deployment, volume);
    let admin = runtime.block_on(database.connect()).unwrap();
    // A part of its log that is as good as empty: without one PostgreSQL stops.
    let fresh = "SELECT pg_switch_wal(); CHECKPOINT";
    runtime.block_on(admin.batch_execute(fresh)).unwrap();
    let tokens = sign_in(&site.origin);
    site.volume.leave(0);
    let mut begun = 0;
    let refused = loop {
        let answer = interact(&site.origin);
        if answer.status != 200 {
            break answer;
        }
        begun += 1;
        assert!(begun < FLOWS_MAX, "the disk is never full");
    };
    assert_eq!(refused.status, 503, "{}", refused.json);
    assert!(refused.retries);
    site.is_red_and_says_why();
    site.reads_go_on(&tokens);

    site.volume.free();
    site.wait_for_ready(200);
    let again = sign_in(&site.origin);
    for tokens in [&tokens, &again] {
        assert_eq!(refresh(&site.origin, &tokens["refresh_token"]).status, 200);
    }
    begin(&site.origin);
    let flows = runtime.block_on(async {
        let question = "SELECT (SELECT count(*) FROM flows), (SELECT count(*) FROM audit
            WHERE name = 'app.oauth2.interact.interaction_handle')";
        let row = admin.query_one(question, &[]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, i64>(1))
    });
    // Those that were acknowledged, and what the two sign-ins and the last visitor began.
    let whole = i64::try_from(begun + 3).unwrap();
    assert_eq!(flows, (whole, whole), "a flow and its line are one write");
    assert_eq!(site.running.stop(), Some(0));
}

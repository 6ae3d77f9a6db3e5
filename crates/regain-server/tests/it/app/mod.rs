//! A whole server for one test: real router, real SQLite, a clock that only the test moves.

pub(crate) mod clock;
pub(crate) mod database;
pub(crate) mod document;
pub(crate) mod guest;
pub(crate) mod held_store;
pub(crate) mod http;
pub(crate) mod interleaving;
pub(crate) mod node;
pub(crate) mod people;
pub(crate) mod raw;
pub(crate) mod signing_key;
pub(crate) mod socket;
pub(crate) mod walk;
pub(crate) mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use regain_engine::{Flow, FlowApp, Policy, new_interaction_handle, state_handle};
use regain_mail::{Brand, DevMailbox, MailboxMessage, Sender, Transport};
use regain_oauth::Client;
use regain_server::{
    AddressLimits, AppState, Dev, HashSettings, Network, Parts, Settings, StartError, begin_pepper,
    router, start,
};
use regain_store::{AuditRow, NewFlow, RequestMeta, Store as _};
use regain_store_sqlite::SqliteStore;
use regain_types::{AuthServer, ClientId, MasterKey, OrgId, Pepper, SystemEntropy, TokenHash};
use tempfile::TempDir;

pub(crate) use clock::TestClock;
pub(crate) use guest::Guest;
pub(crate) use http::Page;
pub(crate) use node::Node;
pub(crate) use people::{PASSWORD, Person};
pub(crate) use walk::Walk;

/// The origin in every document.
pub(crate) const BASE: &str = "http://localhost:8400";
/// The same, where a test wants https.
pub(crate) const HTTPS_BASE: &str = "https://id.example.com";
/// A page that may call.
pub(crate) const TRUSTED_ORIGIN: &str = "http://localhost:8401";
/// The client with a secret, and its secret.
pub(crate) const CONFIDENTIAL: &str = "test-web";
pub(crate) const SECRET: &str = "test-web-secret";
/// The client without one.
pub(crate) const PUBLIC: &str = "test-spa";
pub(crate) const REDIRECT_URI: &str = "http://localhost:8401/login/callback";
/// How long the slowest machine may take for a mail.
const MAIL_PATIENCE: Duration = Duration::from_secs(20);

/// What a test wants to be different.
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// Whether the developer's surface is there; mails are read from it either way.
    pub(crate) dev: bool,
    /// Whether the mail worker runs.
    pub(crate) worker: bool,
    pub(crate) hash: HashSettings,
    /// Counted only without the developer's surface.
    pub(crate) address_limits: AddressLimits,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) mails_per_hour: u32,
    /// What goes into password hashes besides.
    pub(crate) pepper: Pepper,
    pub(crate) public_url: String,
    /// Beside [`TRUSTED_ORIGIN`].
    pub(crate) trusted_origin: Option<String>,
}

/// A server under test. End a test with [`TestApp::close`], which fails when a mail is left, or
/// say with [`TestApp::leave_mail`] that one may be.
pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) state: AppState,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) mailbox: Arc<DevMailbox>,
    pub(crate) directory: TempDir,
    master_key: MasterKey,
    pepper: Pepper,
    ended: AtomicBool,
}

impl TestApp {
    /// A server with the defaults.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server that differs from the defaults.
    pub(crate) async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup {
            policy: Policy::default(),
            transport: None,
            dev: true,
            worker: true,
            hash: HashSettings::FLOOR,
            address_limits: AddressLimits::default(),
            trusted_proxies: Vec::new(),
            mails_per_hour: 1_000,
            pepper: Pepper::default(),
            public_url: BASE.to_owned(),
            trusted_origin: None,
        };
        change(&mut setup);
        let clock = Arc::new(TestClock::default());
        let directory = directory();
        let store = Arc::new(SqliteStore::in_directory(directory.path(), clock.clone()).unwrap());
        let mailbox =
            Arc::new(DevMailbox::open(&directory.path().join("mailbox"), clock.clone()).unwrap());
        let master_key = MasterKey::random(&mut SystemEntropy);
        let state = AppState::new(Parts {
            settings: Settings {
                address_limits: setup.address_limits,
                trusted_proxies: setup.trusted_proxies,
                mails_per_hour: setup.mails_per_hour,
                public_url: setup.public_url,
                trusted_origins: [Some(TRUSTED_ORIGIN.to_owned()), setup.trusted_origin]
                    .into_iter()
                    .flatten()
                    .collect(),
                ..settings(setup.policy, setup.hash)
            },
            store: store.clone(),
            master_key: master_key.clone(),
            pepper: setup.pepper.clone(),
            transport: setup.transport.unwrap_or_else(|| mailbox.clone()),
            dev: setup.dev.then(|| Dev {
                mailbox: mailbox.clone(),
                seed: None,
            }),
        })
        .unwrap();
        // Before anybody is there, as the first command on an empty database does it.
        begin_pepper(&*store, state.org(), &setup.pepper, false)
            .await
            .unwrap();
        let app = Self {
            router: router(state.clone()),
            state,
            store,
            clock,
            mailbox,
            directory,
            master_key,
            pepper: setup.pepper,
            ended: AtomicBool::new(false),
        };
        people::create(&app).await;
        signing_key::create(&app).await;
        app.save_clients().await;
        if setup.worker {
            start(&app.state).await.unwrap();
        }
        app
    }

    /// Time goes on, and the server notices at once: nodes count by an estimate that runs ahead of a
    /// clock which stands still.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
        self.state.clock_moved();
    }

    async fn save_clients(&self) {
        for (id, secret) in [(CONFIDENTIAL, Some(SECRET)), (PUBLIC, None)] {
            let client = Client {
                id: ClientId::parse(id).unwrap(),
                label: "Test app".to_owned(),
                secret_hash: secret.map(TokenHash::of),
                redirect_uris: vec![REDIRECT_URI.to_owned()],
                email_verification_uri: None,
                post_logout_redirect_uris: vec!["http://localhost:8401/".to_owned()],
            };
            self.store.save_client(self.org(), client).await.unwrap();
        }
    }

    pub(crate) fn org(&self) -> &OrgId {
        self.state.org()
    }

    /// The same server again over the same database, as after a restart or on another node; without
    /// background work.
    pub(crate) fn again(&self) -> Router {
        router(AppState::new(self.parts()).unwrap())
    }

    /// Ends the server and starts it again over the same database, with another pepper.
    pub(crate) async fn restart_with(&mut self, pepper: Pepper) -> Result<(), StartError> {
        let dev = self.state.dev_surface().map(|_| Dev {
            mailbox: self.mailbox.clone(),
            seed: None,
        });
        // As `regain serve` does it for one node of several; what is in the way, the start says.
        let _ = begin_pepper(&*self.store, self.org(), &pepper, false).await;
        let next = self.node_with(pepper, dev);
        start(&next).await?;
        self.state.tasks().drain().await;
        self.router = router(next.clone());
        self.state = next;
        Ok(())
    }

    fn node_with(&self, pepper: Pepper, dev: Option<Dev>) -> AppState {
        let parts = Parts {
            pepper,
            dev,
            ..self.parts()
        };
        AppState::new(parts).unwrap()
    }

    /// What one more node of this deployment is made of.
    pub(crate) fn parts(&self) -> Parts {
        Parts {
            settings: self.state.settings().clone(),
            store: self.store.clone(),
            master_key: self.master_key.clone(),
            pepper: self.pepper.clone(),
            transport: self.mailbox.clone(),
            dev: None,
        }
    }

    /// A new flow of the public client, run by somebody in particular.
    pub(crate) async fn begin_as(&self, guest: Guest) -> Walk<'_> {
        let mut walk = self.begin().await;
        walk.guest = guest;
        walk
    }

    /// A new flow of the public client, as `interact` makes it. Nothing was asked of it yet.
    pub(crate) async fn begin(&self) -> Walk<'_> {
        self.begin_for(|_| {}).await
    }

    /// A new flow with something different about its app.
    pub(crate) async fn begin_for(&self, change: impl FnOnce(&mut FlowApp)) -> Walk<'_> {
        self.begin_with(|flow| change(&mut flow.app)).await
    }

    /// A new flow that stands already where a test wants it.
    pub(crate) async fn begin_with(&self, change: impl FnOnce(&mut Flow)) -> Walk<'_> {
        let now = self.store.now().await.unwrap();
        let handle = new_interaction_handle(&mut SystemEntropy);
        let first = state_handle(self.state.keys(), &handle, 0);
        let mut flow = Flow::begin(flow_app(), now, &mut SystemEntropy);
        change(&mut flow);
        let new = NewFlow {
            flow,
            interaction_handle: TokenHash::of(&handle),
            state_handle: TokenHash::of(&first),
        };
        let request = RequestMeta::default();
        let inserted = self.store.insert_flow(self.org(), new, request).await;
        inserted.unwrap();
        Walk::new(self, handle, first)
    }

    /// A new flow at its first page.
    pub(crate) async fn first_page(&self) -> Walk<'_> {
        let mut walk = self.begin().await;
        walk.introspect().await.expect_status(200);
        walk
    }

    /// The newest mail to a person; waits for the worker.
    pub(crate) async fn mail_to(&self, address: &str) -> MailboxMessage {
        self.mail_after(address, None).await
    }

    /// The newest mail to a person after the one with the id `after`.
    pub(crate) async fn mail_after(&self, address: &str, after: Option<&str>) -> MailboxMessage {
        let found = self.mailbox.wait(Some(address), after, MAIL_PATIENCE).await;
        found.into_iter().next().expect("a mail came")
    }

    /// The code in the newest mail to a person.
    pub(crate) async fn code_for(&self, address: &str) -> String {
        self.mail_to(address).await.code.expect("it holds a code")
    }

    /// Waits until the worker has nothing left that is due now.
    pub(crate) async fn mail_is_done(&self) {
        let done = async {
            loop {
                let now = self.store.now().await.unwrap();
                let due = self.store.next_outbox_due(self.org()).await.unwrap();
                // A leased row is due later than now, but it is on its way: only a row that the
                // worker put off, or none, counts as done; a put-off row is due within a minute.
                if due.is_none_or(|due| due > now) && !self.is_leased().await {
                    return;
                }
                self.state.mail_is_due().notify_one();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(MAIL_PATIENCE, done).await.unwrap();
    }

    /// Waits until no row is on its way; some may be due that the worker leaves alone.
    pub(crate) async fn mail_is_tried(&self) {
        let done = async {
            self.state.mail_is_due().notify_one();
            for _ in 0..50 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                while self.is_leased().await {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        };
        tokio::time::timeout(MAIL_PATIENCE, done).await.unwrap();
    }

    /// Whether a row is out with the worker: a lease ends thirty seconds after the worker looked at
    /// the clock, which may have been before the test moved it by some seconds. (A row that was put
    /// off five times waits for so long too; no test here goes so far.)
    async fn is_leased(&self) -> bool {
        let now = self.store.now().await.unwrap();
        let due = self.store.next_outbox_due(self.org()).await.unwrap();
        due.is_some_and(|due| (20_000..=30_000).contains(&(due.as_millis() - now.as_millis())))
    }

    /// What the audit log says, oldest first: name, outcome, reason.
    pub(crate) async fn audit(&self) -> Vec<AuditRow> {
        let mut rows = self.store.list_audit(self.org(), 10_000).await.unwrap();
        rows.reverse();
        rows
    }

    /// Ends the test: no message may be left in the outbox.
    pub(crate) async fn close(self) {
        self.mail_is_done().await;
        let left = self.store.next_outbox_due(self.org()).await.unwrap();
        assert_eq!(left, None, "a message is left in the outbox");
        self.leave_mail().await;
    }

    /// Ends the test; messages may be left.
    pub(crate) async fn leave_mail(self) {
        self.ended.store(true, Ordering::Relaxed);
        self.state.tasks().drain().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let ended = self.ended.load(Ordering::Relaxed);
            assert!(ended, "the test did not say what becomes of its mails");
        }
    }
}

/// A directory in memory where the system has one: commits cost little then, and the noise of a
/// disk hides no difference in time.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// The OAuth request of every test's flow.
pub(crate) fn flow_app() -> FlowApp {
    FlowApp {
        client_id: ClientId::parse(PUBLIC).unwrap(),
        label: "Test app".to_owned(),
        confidential: false,
        server: AuthServer::Custom("default".to_owned()),
        redirect_uri: REDIRECT_URI.to_owned(),
        email_verification_uri: None,
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        state: Some("state-of-the-app".to_owned()),
        nonce: None,
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        language: None,
        login_hint: None,
        end_user: None,
        began_by: None,
    }
}

fn settings(policy: Policy, hash: HashSettings) -> Settings {
    Settings {
        org: OrgId::parse("00oTest").unwrap(),
        public_url: BASE.to_owned(),
        brand: Brand {
            org_name: "Example".to_owned(),
            ..Brand::default()
        },
        locale: "en".to_owned(),
        mail_from: Sender::new("Example", "no-reply@example.com").unwrap(),
        policy,
        trusted_origins: vec![TRUSTED_ORIGIN.to_owned()],
        trusted_proxies: Vec::new(),
        address_limits: AddressLimits::default(),
        mails_per_hour: 1_000,
        hash,
    }
}

//! A browser for tests: keeps the cookie, fills in forms, follows redirects when told to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Request, StatusCode, header};
use regain_sdk::{Clock, IdxClient};
use regain_web::{Brand, WebConfig, router_with};
use tower::ServiceExt as _;

use crate::engine::{CLIENT_ID, Engine, ISSUER};

/// When the tests begin: 2026-01-02T03:04:05Z.
pub(crate) const NOW: u64 = 1_767_323_045;

#[derive(Debug, Default)]
pub(crate) struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW + self.0.load(Ordering::SeqCst))
    }
}

/// The app on a data directory of its own, with the engine that it speaks to.
pub(crate) struct TestApp {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) router: Router,
    dir: tempfile::TempDir,
    public_url: String,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::at("http://localhost:8401").await
    }

    pub(crate) async fn at(public_url: &str) -> Self {
        Self::with(public_url, Brand::default()).await
    }

    pub(crate) async fn with(public_url: &str, brand: Brand) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (engine, clock) = (Engine::new(), Arc::new(TestClock::default()));
        let config = WebConfig {
            brand,
            ..config(dir.path(), public_url)
        };
        let router = build(config, &engine, &clock).await;
        Self {
            engine,
            clock,
            router,
            dir,
            public_url: public_url.to_owned(),
        }
    }

    /// The same data directory with a new process.
    pub(crate) async fn restart(&mut self) {
        let config = config(self.dir.path(), &self.public_url);
        self.router = build(config, &self.engine, &self.clock).await;
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            cookie: None,
            device: None,
            headers: HeaderMap::new(),
        }
    }
}

pub(crate) fn config(data_dir: &Path, public_url: &str) -> WebConfig {
    WebConfig {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some("regain-demo-secret".to_owned().into()),
        public_url: public_url.parse().unwrap(),
        app_name: "Example & Co".to_owned(),
        support_url: Some("https://help.example/".parse().unwrap()),
        brand: Brand::default(),
        data_dir: data_dir.to_owned(),
        dev_mailbox_url: None,
        trusted_proxies: vec!["10.0.0.0/8".to_owned()],
    }
}

async fn build(config: WebConfig, engine: &Engine, clock: &Arc<TestClock>) -> Router {
    let clock: Arc<dyn Clock> = clock.clone();
    let public_url = config.public_url.as_str().trim_end_matches('/');
    let client = IdxClient::builder(ISSUER)
        .client_id(CLIENT_ID)
        .client_secret("regain-demo-secret".to_owned())
        .redirect_uri(format!("{public_url}/login/callback"))
        .scopes(["openid", "profile", "email"])
        .transport(Arc::new(engine.clone()))
        .clock(clock.clone())
        .build()
        .unwrap();
    router_with(config, client, clock).await.unwrap()
}

/// One answer of the app.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
    pub(crate) path: String,
}

impl Page {
    pub(crate) fn location(&self) -> &str {
        self.headers
            .get(header::LOCATION)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// What stands between two texts, the first time.
    pub(crate) fn between(&self, start: &str, end: &str) -> Option<&str> {
        let (_, rest) = self.html.split_once(start)?;
        Some(rest.split_once(end)?.0)
    }

    pub(crate) fn heading(&self) -> &str {
        self.between("title-header\">", "</h1>").unwrap_or_default()
    }

    /// The text of the message box, without its markup.
    pub(crate) fn message(&self) -> String {
        let list = self
            .between("<ul id=\"form-messages\"", "</ul>")
            .unwrap_or_default();
        let inner = list.split_once('>').map_or("", |(_, inner)| inner);
        let mut text = String::new();
        let mut is_tag = false;
        for c in inner.chars() {
            match c {
                '<' => is_tag = true,
                '>' => is_tag = false,
                c if !is_tag => text.push(c),
                _ => {}
            }
        }
        text.trim().to_owned()
    }

    /// The form whose opening tag holds `mark`: its action and its hidden fields.
    pub(crate) fn form(&self, mark: &str) -> Form {
        let forms = self.html.split("<form").skip(1);
        let found = forms
            .map(|form| form.split("</form>").next().unwrap())
            .find(|form| form.split('>').next().unwrap().contains(mark));
        let html = found.unwrap_or_else(|| panic!("no form {mark} in {}", self.html));
        let action = attribute(html, "action").unwrap().replace("&#38;", "&");
        let hidden = html
            .split("<input")
            .skip(1)
            .filter(|tag| tag.contains("type=\"hidden\""));
        let pairs = hidden
            .map(|tag| {
                (
                    attribute(tag, "name").unwrap(),
                    attribute(tag, "value").unwrap(),
                )
            })
            .collect();
        Form { action, pairs }
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) pairs: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.pairs.retain(|(known, _)| known != name);
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.pairs)
            .finish()
    }
}

/// A browser.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    /// The cookie that names the browser until it closes.
    pub(crate) cookie: Option<String>,
    /// The one that names the device.
    pub(crate) device: Option<String>,
    /// Sent with every request.
    pub(crate) headers: HeaderMap,
}

impl Browser {
    /// Points the browser at a restarted app.
    pub(crate) fn reach(&mut self, app: &TestApp) {
        self.router = app.router.clone();
    }

    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Page {
        let path = request.uri().to_string();
        let cookies: Vec<&str> = [&self.cookie, &self.device]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if !cookies.is_empty() {
            let cookies = cookies.join("; ").parse().unwrap();
            request.headers_mut().insert(header::COOKIE, cookies);
        }
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let peer: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        request.extensions_mut().entry_or_peer(peer);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let kept = if pair.contains("regain_app_device=") {
                &mut self.device
            } else {
                &mut self.cookie
            };
            *kept = Some(pair.to_owned());
        }
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let html = String::from_utf8_lossy(&bytes).into_owned();
        Page {
            status: parts.status,
            headers: parts.headers,
            html,
            path,
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// GET, then wherever it leads.
    pub(crate) async fn open(&mut self, path: &str) -> Page {
        let page = self.get(path).await;
        self.follow(page).await
    }

    pub(crate) async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..5 {
            if !page.status.is_redirection() {
                return page;
            }
            let target = page.location().to_owned();
            page = self.get(&target).await;
        }
        panic!("too many redirects");
    }

    /// POST without following.
    pub(crate) async fn post(&mut self, form: &Form) -> Page {
        let request = Request::post(&form.action)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.body()))
            .unwrap();
        self.send(request).await
    }

    /// POST, and the page that it leads to.
    pub(crate) async fn submit(&mut self, form: Form) -> Page {
        let page = self.post(&form).await;
        assert_eq!(
            page.status,
            StatusCode::SEE_OTHER,
            "{} {}",
            form.action,
            page.html
        );
        self.follow(page).await
    }

    // The steps of the flow

    pub(crate) async fn recover(&mut self, username: &str) -> Page {
        let page = self.open("/recover-password").await;
        self.submit(
            page.form("password-recover-form")
                .with("username", username),
        )
        .await
    }

    pub(crate) async fn reach_code_page(&mut self) -> Page {
        let page = self.recover("alice@example.com").await;
        let form = page
            .form("select-authenticator-form")
            .with("authenticator", "okta_email");
        self.submit(form).await
    }

    pub(crate) async fn reach_reset_page(&mut self) -> Page {
        let page = self.reach_code_page().await;
        let form = page
            .form("challenge-authenticator-form")
            .with("verificationCode", crate::engine::CODE);
        self.submit(form).await
    }

    pub(crate) async fn sign_in(&mut self, username: &str, password: &str) -> Page {
        let page = self.open("/login").await;
        let form = page
            .form("login-form")
            .with("username", username)
            .with("password", password);
        self.submit(form).await
    }
}

trait Peer {
    fn entry_or_peer(&mut self, peer: SocketAddr);
}

impl Peer for http::Extensions {
    fn entry_or_peer(&mut self, peer: SocketAddr) {
        if self.get::<ConnectInfo<SocketAddr>>().is_none() {
            self.insert(ConnectInfo(peer));
        }
    }
}

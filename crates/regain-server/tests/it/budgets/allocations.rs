//! How often a whole request asks for memory, on the thread that serves it: routing, decoding, the
//! engine, the document. The store's and the hasher's threads are not counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::app::http::PEER;
use crate::app::{PASSWORD, PUBLIC, Person, REDIRECT_URI, TestApp, Walk};

/// Allocations of each request: what it took when this was written, and a seventh more. Whoever needs more says
/// in the commit what for.
const ALLOCATIONS_MAX: [(&str, u64); 11] = [
    ("answer", 402),
    ("challenge", 403),
    ("identify", 326),
    ("interact", 148),
    ("introspect", 217),
    ("new password", 309),
    ("poll", 347),
    ("recover", 198),
    ("sign-in", 278),
    ("token", 177),
    ("wrong answer", 449),
];
/// Queues grow now and then, and caches fill once: the least of some rounds counts.
const ROUNDS: usize = 3;

/// A client that says what each of its requests cost.
struct Meter<'a> {
    app: &'a TestApp,
    runtime: &'a Runtime,
    handle: String,
    least: BTreeMap<&'static str, u64>,
}

impl Meter<'_> {
    fn post(
        &mut self,
        step: &'static str,
        path: &str,
        form: Option<String>,
        body: &Value,
    ) -> Value {
        let (content_type, body) = match form {
            Some(form) => ("application/x-www-form-urlencoded", form),
            None => ("application/json", body.to_string()),
        };
        let mut request = Request::post(path)
            .header("content-type", content_type)
            .body(Body::from(body))
            .unwrap();
        let peer = SocketAddr::from((PEER, 50_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = self.app.router.clone();
        let mut answer = None;
        let used = allocation_counter::measure(|| {
            answer = Some(self.runtime.block_on(async {
                let response = router.oneshot(request).await.unwrap();
                axum::body::to_bytes(response.into_body(), 1 << 20)
                    .await
                    .unwrap()
            }));
        });
        let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
        if let Some(handle) = answer["stateHandle"].as_str() {
            handle.clone_into(&mut self.handle);
        }
        let least = self.least.entry(step).or_insert(u64::MAX);
        *least = used.count_total.min(*least);
        answer
    }

    fn idx(&mut self, step: &'static str, path: &str, mut body: Value) -> Value {
        if body.get("interactionHandle").is_none() {
            body["stateHandle"] = json!(self.handle);
        }
        self.post(step, &format!("/idp/idx/{path}"), None, &body)
    }

    /// The interaction handle of a new flow, at its first page.
    fn begin(&mut self) -> String {
        let form = format!(
            "client_id={PUBLIC}&scope=openid&redirect_uri={REDIRECT_URI}&state=s&nonce=n\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
        let path = "/oauth2/default/v1/interact";
        let begun = self.post("interact", path, Some(form), &Value::Null);
        let handle = begun["interaction_handle"].as_str().unwrap().to_owned();
        self.idx(
            "introspect",
            "introspect",
            json!({"interactionHandle": handle}),
        );
        handle
    }

    fn token(&mut self, success: &Value) {
        let fields = success["successWithInteractionCode"]["value"].as_array();
        let fields = fields.unwrap_or_else(|| panic!("{success}"));
        let code = fields
            .iter()
            .find(|field| field["name"] == "interaction_code");
        let form = format!(
            "grant_type=interaction_code&client_id={PUBLIC}&interaction_code={}\
             &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            code.unwrap()["value"].as_str().unwrap()
        );
        let tokens = self.post(
            "token",
            "/oauth2/default/v1/token",
            Some(form),
            &Value::Null,
        );
        assert!(tokens["access_token"].is_string(), "{tokens}");
    }

    fn recovery(&mut self, new: &str) {
        let interaction_handle = self.begin();
        self.idx("recover", "recover", json!({}));
        let who = json!({"identifier": Person::OtherMail.login()});
        let page = self.idx("identify", "identify", who);
        let list = page["authenticators"]["value"].as_array().unwrap();
        let email = list.iter().find(|known| known["key"] == "okta_email");
        let choice = json!({"authenticator": {"id": email.unwrap()["id"]}});
        self.idx("challenge", "challenge", choice);
        self.idx("poll", "challenge/poll", json!({}));
        let walk = Walk::new(self.app, interaction_handle, self.handle.clone());
        let code = self.runtime.block_on(walk.derived_code());
        let given = |passcode: &str| json!({"credentials": {"passcode": passcode}});
        let path = "challenge/answer";
        self.idx("wrong answer", path, given(&Walk::wrong(&code, 0)));
        self.idx("answer", path, given(&code));
        let success = self.idx("new password", path, given(new));
        self.token(&success);
    }

    fn sign_in(&mut self) {
        self.begin();
        let who =
            json!({"identifier": Person::Active.login(), "credentials": {"passcode": PASSWORD}});
        let success = self.idx("sign-in", "identify", who);
        self.token(&success);
    }
}

#[test]
fn no_request_asks_for_more_memory_than_it_did() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let app = runtime.block_on(TestApp::with(|setup| setup.worker = false));
    let mut meter = Meter {
        app: &app,
        runtime: &runtime,
        handle: String::new(),
        least: BTreeMap::new(),
    };
    for round in 0..ROUNDS {
        meter.recovery(&format!("Marble-Harbour-{round}"));
        meter.sign_in();
    }
    let least: Vec<(&str, u64)> = meter.least.into_iter().collect();
    let steps: Vec<&str> = least.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, ALLOCATIONS_MAX.map(|(step, _)| step));
    let over: Vec<String> = least
        .iter()
        .zip(ALLOCATIONS_MAX)
        .filter(|((_, count), (_, most))| count > most)
        .map(|((step, count), (_, most))| format!("{step}: {count} > {most}"))
        .collect();
    assert!(over.is_empty(), "{over:#?}");
    runtime.block_on(app.leave_mail());
}

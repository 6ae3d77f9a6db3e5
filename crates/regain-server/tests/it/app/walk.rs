//! A client that knows only what documents tell it: it follows hrefs, sends back what is preset,
//! and keeps the state handle.

use axum::http::{HeaderMap, StatusCode};
use regain_engine::{CodeTicket, Stage};
use regain_store::{FlowKey, Loaded, Store as _};
use regain_types::TokenHash;
use serde_json::{Map, Value, json};

use super::document::path_of;
use super::guest::Guest;
use super::{Page, TestApp};

/// How often a client comes back to a server that is busy.
pub(crate) const BUSY_RETRIES_MAX: usize = 5;

/// One run through a flow.
pub(crate) struct Walk<'a> {
    pub(crate) app: &'a TestApp,
    /// Whose run it is.
    pub(crate) guest: Guest,
    pub(crate) interaction_handle: String,
    pub(crate) state_handle: String,
    /// The newest document.
    pub(crate) page: Page,
    /// Everything that was posted: path and body.
    pub(crate) posted: Vec<(String, Value)>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(app: &'a TestApp, interaction_handle: String, state_handle: String) -> Self {
        Self {
            app,
            guest: Guest::default(),
            interaction_handle,
            state_handle,
            page: Page::new(StatusCode::OK, HeaderMap::new(), Vec::new()),
            posted: Vec::new(),
        }
    }

    /// Posts a body to a path, with the state handle in it, and keeps what comes back.
    pub(crate) async fn post(&mut self, path: &str, mut body: Value) -> &Page {
        if let Some(body) = body.as_object_mut() {
            let handle = Value::String(self.state_handle.clone());
            body.entry("stateHandle").or_insert(handle);
        }
        self.page = self.app.post_as(&mut self.guest, path, &body).await;
        self.posted.push((path.to_owned(), body));
        if let Some(handle) = self.page.json["stateHandle"].as_str() {
            handle.clone_into(&mut self.state_handle);
        }
        &self.page
    }

    /// Asks for the current document by the interaction handle.
    pub(crate) async fn introspect(&mut self) -> &Page {
        let body = json!({"interactionHandle": self.interaction_handle});
        let path = "/idp/idx/introspect";
        self.page = self.app.post_as(&mut self.guest, path, &body).await;
        self.posted.push((path.to_owned(), body));
        if let Some(handle) = self.page.json["stateHandle"].as_str() {
            handle.clone_into(&mut self.state_handle);
        }
        &self.page
    }

    /// Submits a remediation of the current document.
    pub(crate) async fn remediate(&mut self, name: &str, given: Value) -> &Page {
        let forms = self.page.json["remediation"]["value"].as_array().cloned();
        let form = forms
            .into_iter()
            .flatten()
            .find(|form| form["name"] == name)
            .unwrap_or_else(|| panic!("{name} is not offered: {}", self.page.json));
        self.submit(&form, given).await
    }

    /// Calls an action beside the forms: `cancel`, or `resend`, `poll`, `recover` of whatever
    /// authenticator carries it.
    pub(crate) async fn act(&mut self, name: &str) -> &Page {
        let document = &self.page.json;
        let places = [
            document.get(name),
            document.pointer(&format!("/currentAuthenticatorEnrollment/value/{name}")),
            document.pointer(&format!("/currentAuthenticator/value/{name}")),
        ];
        let action = places.into_iter().flatten().next().cloned();
        let action = action.unwrap_or_else(|| panic!("no action {name}: {}", self.page.json));
        self.submit(&action, json!({})).await
    }

    async fn submit(&mut self, form: &Value, given: Value) -> &Page {
        let href = form["href"].as_str().unwrap();
        let path = path_of(href).to_owned();
        let mut body: Map<String, Value> = given.as_object().cloned().unwrap();
        for field in form["value"].as_array().unwrap() {
            if field["mutable"] == false {
                let name = field["name"].as_str().unwrap().to_owned();
                body.insert(name, field["value"].clone());
            }
        }
        let body = Value::Object(body);
        for _ in 0..BUSY_RETRIES_MAX {
            // A machine that is busy with other things does not hash within two seconds; it asks to
            // come back, and clients do. What breaks off on purpose is posted without this.
            if self.post(&path, body.clone()).await.status != 503 {
                break;
            }
        }
        &self.page
    }

    /// "Forgot password?", then a name: at the choice of authenticators.
    pub(crate) async fn recover(&mut self, login: &str) -> &Page {
        if self.page.json.is_null() {
            self.introspect().await.expect_status(200);
        }
        self.act("recover").await.expect_status(200);
        let who = json!({"identifier": login});
        self.remediate("identify-recovery", who).await;
        if self.guest.solves_work && self.is_asked_for_work() {
            self.pay(login).await;
        }
        &self.page
    }

    /// Chooses the mail.
    pub(crate) async fn choose_email(&mut self) -> &Page {
        let name = "select-authenticator-authenticate";
        let id = self.authenticator_id("okta_email");
        let choice = json!({"authenticator": {"id": id, "methodType": "email"}});
        self.remediate(name, choice).await
    }

    /// The id of an authenticator of the current document.
    pub(crate) fn authenticator_id(&self, key: &str) -> String {
        let list = self.page.json["authenticators"]["value"].as_array();
        let found = list.into_iter().flatten().find(|known| known["key"] == key);
        found.expect("it is listed")["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Answers the first remediation with a code or a password.
    pub(crate) async fn answer(&mut self, passcode: &str) -> &Page {
        let name = self.page.page_name().expect("a page is shown").to_owned();
        let given = json!({"credentials": {"passcode": passcode}});
        self.remediate(&name, given).await
    }

    /// As far as the open challenge by mail.
    pub(crate) async fn as_far_as_challenge(&mut self, login: &str) -> &Page {
        self.recover(login).await.expect_status(200);
        self.choose_email().await;
        self.page.expect_page(200, "challenge-authenticator")
    }

    /// As far as the new password.
    pub(crate) async fn as_far_as_reset(&mut self, login: &str, mail: &str) -> &Page {
        let before = self.app.mailbox.list(Some(mail), None);
        let last = before.first().map(|mail| mail.id.clone());
        self.as_far_as_challenge(login).await;
        let mail = self.app.mail_after(mail, last.as_deref()).await;
        self.answer(&mail.code.unwrap()).await;
        self.page.expect_page(200, "reset-authenticator")
    }

    /// The flow as it is stored.
    pub(crate) async fn stored(&self) -> Loaded {
        let key = FlowKey::InteractionHandle(TokenHash::of(&self.interaction_handle));
        let found = self.app.store.load_flow(self.app.org(), &key, None).await;
        found.unwrap().expect("the flow is there")
    }

    /// The code of the open challenge, derived as the mail worker does it.
    pub(crate) async fn derived_code(&self) -> String {
        let Stage::ChallengeAuthenticator { challenge, .. } = self.stored().await.flow.stage else {
            panic!("no challenge is open");
        };
        let ticket: CodeTicket = serde_json::from_value(challenge.data).unwrap();
        let code = ticket.code(self.app.state.keys(), self.app.org());
        code.expose().clone()
    }

    /// A code of the right form that is not the right one: the right one, with the digit at
    /// `place` raised.
    pub(crate) fn wrong(right: &str, place: usize) -> String {
        let raise = |(index, digit): (usize, char)| {
            if index == place {
                char::from_digit((digit.to_digit(10).unwrap() + 1) % 10, 10).unwrap()
            } else {
                digit
            }
        };
        right.chars().enumerate().map(raise).collect()
    }
}

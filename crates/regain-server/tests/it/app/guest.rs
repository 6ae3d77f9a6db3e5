//! Who asks: from where, and with what kind of client.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use serde_json::{Value, json};

use super::http::PEER;
use super::{Page, TRUSTED_ORIGIN, TestApp, Walk, document, work};

/// What a client shows of itself.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// Where it calls from.
    pub(crate) peer: IpAddr,
    /// Whether it is a browser on a trusted page: it names the page and keeps cookies.
    pub(crate) is_browser: bool,
    /// The cookie that it keeps.
    pub(crate) cookie: Option<String>,
    /// Whether it can do proof of work (M-03).
    pub(crate) solves_work: bool,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            peer: IpAddr::from(PEER),
            is_browser: false,
            cookie: None,
            solves_work: false,
        }
    }
}

impl Guest {
    /// A client at an address of its own, in a network of its own.
    pub(crate) fn from_network(number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        Self {
            peer: IpAddr::from([10, high, low, 7]),
            ..Self::default()
        }
    }

    /// A browser at such an address.
    pub(crate) fn browser(number: u16) -> Self {
        Self {
            is_browser: true,
            ..Self::from_network(number)
        }
    }

    fn request(&self, path: &str, body: &Value) -> Request<Body> {
        let mut request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "test-agent/1.0");
        if self.is_browser {
            request = request.header(header::ORIGIN, TRUSTED_ORIGIN);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if self.solves_work {
            request = request.header("x-okta-user-agent-extended", "test-agent/1.0 altcha");
        }
        request.body(Body::from(body.to_string())).unwrap()
    }

    /// Keeps what a browser keeps, and takes it out of the answer.
    fn keep(&mut self, headers: &mut HeaderMap) {
        if !self.is_browser {
            return;
        }
        if let Some(set) = headers.remove(header::SET_COOKIE) {
            let (cookie, _) = set.to_str().unwrap().split_once(';').unwrap();
            self.cookie = Some(cookie.to_owned());
        }
    }
}

impl TestApp {
    /// Posts JSON as that client. The answer is held against the rules for documents.
    pub(crate) async fn post_as(&self, guest: &mut Guest, path: &str, body: &Value) -> Page {
        let mut page = self.send_from(guest.peer, guest.request(path, body)).await;
        guest.keep(&mut page.headers);
        document::check(&page);
        page
    }
}

impl Walk<'_> {
    /// Whether the page asks for proof of work.
    pub(crate) fn is_asked_for_work(&self) -> bool {
        self.page.json.get("captcha").is_some()
    }

    /// Does the work that the page asks for, and begins the recovery with it.
    pub(crate) async fn pay(&mut self, login: &str) -> &Page {
        let form = &self.page.json["captcha"]["value"]["challengeUrlForm"];
        let href = form["href"].as_str().expect("work is asked for");
        let path = document::path_of(href).to_owned();
        let asked = json!({"stateHandle": self.state_handle});
        let request = self.guest.request(&path, &asked);
        let challenge = self.app.send_from(self.guest.peer, request).await;
        challenge.expect_status(200);
        let token = work::solve(&challenge.json);
        let given = json!({"identifier": login,
            "captchaVerify": {"captchaId": "altcha", "captchaToken": token}});
        self.remediate("identify-recovery", given).await
    }
}

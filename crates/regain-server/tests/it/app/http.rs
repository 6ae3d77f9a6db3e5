//! Requests without a socket, and what comes back.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use tower::ServiceExt as _;

use super::{TestApp, document};

/// More than any answer has.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Whom the server sees.
pub(crate) const PEER: [u8; 4] = [203, 0, 113, 9];

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// `Null` when it is no JSON.
    pub(crate) json: Value,
}

impl TestApp {
    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Page {
        self.send_from(IpAddr::from(PEER), request).await
    }

    /// Sends a request as it is, from another address.
    pub(crate) async fn send_from(&self, peer: IpAddr, request: Request<Body>) -> Page {
        send_to(&self.router, peer, request).await
    }

    /// Calls any path with JSON; the answer may be anything.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> Page {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        let body = Body::from(body.to_string());
        self.send(request.body(body).unwrap()).await
    }

    /// Posts JSON as auth-js does. The answer is held against the rules for documents.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Page {
        self.post_raw(path, Some("application/json"), body.to_string())
            .await
    }

    /// Posts bytes under a content type.
    pub(crate) async fn post_raw(
        &self,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Body>,
    ) -> Page {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::USER_AGENT, "test-agent/1.0");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let page = self.send(request.body(body.into()).unwrap()).await;
        document::check(&page);
        page
    }
}

/// Sends a request to a node.
pub(crate) async fn send_to(node: &Router, peer: IpAddr, mut request: Request<Body>) -> Page {
    let peer = SocketAddr::from((peer, 50_000));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = node.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await.unwrap();
    Page::new(parts.status, parts.headers, bytes.to_vec())
}

impl Page {
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, bytes: Vec<u8>) -> Self {
        Self {
            status: status.as_u16(),
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            headers,
            bytes,
        }
    }

    #[track_caller]
    pub(crate) fn expect_status(&self, status: u16) -> &Self {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status, status, "{text}");
        self
    }

    /// The page that is shown: the name of the first remediation.
    pub(crate) fn page_name(&self) -> Option<&str> {
        self.json["remediation"]["value"][0]["name"].as_str()
    }

    #[track_caller]
    pub(crate) fn expect_page(&self, status: u16, name: &str) -> &Self {
        self.expect_status(status);
        assert_eq!(self.page_name(), Some(name), "{}", self.json);
        self
    }

    /// Keys of the messages at the top.
    pub(crate) fn top_keys(&self) -> Vec<&str> {
        keys(&self.json["messages"])
    }

    /// Keys of the messages at the passcode field of the first remediation.
    pub(crate) fn passcode_keys(&self) -> Vec<&str> {
        keys(&self.passcode_field()["messages"])
    }

    /// Texts of the messages at the passcode field.
    pub(crate) fn passcode_texts(&self) -> Vec<&str> {
        let list = self.passcode_field()["messages"]["value"].as_array();
        list.into_iter()
            .flatten()
            .filter_map(|message| message["message"].as_str())
            .collect()
    }

    fn passcode_field(&self) -> &Value {
        let fields = self.json["remediation"]["value"][0]["value"].as_array();
        let credentials = fields
            .into_iter()
            .flatten()
            .find(|field| field["name"] == "credentials");
        let nested = credentials.and_then(|field| field["form"]["value"].as_array());
        let passcode = nested
            .into_iter()
            .flatten()
            .find(|field| field["name"] == "passcode");
        passcode.unwrap_or(&Value::Null)
    }

    /// Asserts an error at the top of a document, and none at a field.
    #[track_caller]
    pub(crate) fn expect_top(&self, status: u16, key: &str) -> &Self {
        self.expect_status(status);
        assert_eq!(self.top_keys(), [key], "{}", self.json);
        assert!(self.passcode_keys().is_empty(), "{}", self.json);
        self
    }

    /// Asserts an error at the passcode field, and none at the top.
    #[track_caller]
    pub(crate) fn expect_passcode(&self, status: u16, key: &str) -> &Self {
        self.expect_status(status);
        assert_eq!(self.passcode_keys(), [key], "{}", self.json);
        assert!(self.top_keys().is_empty(), "{}", self.json);
        self
    }

    /// Asserts the end of the flow, byte for byte what every ended flow says.
    #[track_caller]
    pub(crate) fn expect_expired(&self) -> &Self {
        self.expect_top(401, "idx.session.expired");
        let members: Vec<_> = self.json.as_object().unwrap().keys().collect();
        assert_eq!(members, ["messages", "version"], "{}", self.json);
        self
    }

    /// Asserts an error outside of flows (`idx-wire` §1.8 c).
    #[track_caller]
    pub(crate) fn expect_api_error(&self, status: u16, code: &str) -> &Self {
        self.expect_status(status);
        assert_eq!(self.json["errorCode"], code, "{}", self.json);
        self
    }

    /// Asserts success, and gives the interaction code.
    #[track_caller]
    pub(crate) fn interaction_code(&self) -> String {
        self.expect_status(200);
        let fields = self.json["successWithInteractionCode"]["value"].as_array();
        let code = fields
            .into_iter()
            .flatten()
            .find(|field| field["name"] == "interaction_code")
            .and_then(|field| field["value"].as_str());
        code.expect("it ends with a code").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

fn keys(collection: &Value) -> Vec<&str> {
    let list = collection["value"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(|message| message["i18n"]["key"].as_str())
        .collect()
}

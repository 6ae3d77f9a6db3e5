//! Single requests: what goes into them, and how their answers are read.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::config::ClientAuth;
use crate::error::ProtocolError;
use crate::wire::idx::{CONTENT_TYPE_OK, IdxResponse, VERSION};
use crate::wire::oauth::OAuthErrorBody;
use crate::{Error, IdxClient, Secret};

/// How the SDK names itself.
const PRODUCT: &str = concat!("regain-sdk/", env!("CARGO_PKG_VERSION"));
const EXTENDED_USER_AGENT: HeaderName = HeaderName::from_static("x-okta-user-agent-extended");
/// What a client says there that can do proof of work.
const SOLVES_WORK: &str = "altcha";
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const DEVICE_TOKEN: HeaderName = HeaderName::from_static("x-device-token");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-okta-request-id");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");

/// An IDX document with the circumstances of its arrival.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) document: Box<IdxResponse>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<String>,
}

impl IdxClient {
    /// Posts JSON to an IDX endpoint.
    pub(crate) async fn post_idx(
        &self,
        href: &str,
        (content_type, accept): (&str, &str),
        body: &Value,
    ) -> Result<Answered, Error> {
        let body = serde_json::to_vec(body).map_err(|_| Error::protocol(0, "body not JSON"))?;
        let mut request = self.request(Method::POST, href, body)?;
        insert(&mut request, CONTENT_TYPE, content_type);
        insert(&mut request, ACCEPT, accept);
        let response = self.transport().send(request).await?;
        let status = response.status();
        let json: Option<Value> = serde_json::from_slice(response.body()).ok();
        let Some(json) = json.filter(is_idx) else {
            return Err(self.refusal(&response, "this is not an IDX document"));
        };
        let document: Box<IdxResponse> = serde_json::from_value(json)
            .map_err(|e| unreadable(&response, &format!("the IDX document is malformed: {e}")))?;
        if document
            .version
            .as_deref()
            .is_some_and(|version| version != VERSION)
        {
            return Err(unreadable(
                &response,
                "the version of the document is unknown",
            ));
        }
        Ok(Answered {
            status: status.as_u16(),
            document,
            retry_after: self.retry_after(&response),
            request_id: header(&response, &REQUEST_ID),
        })
    }

    /// Posts a form to an OAuth endpoint, with the proof of who the client is.
    pub(crate) async fn post_oauth(
        &self,
        url: &str,
        params: &[(&str, &str)],
    ) -> Result<Response<Vec<u8>>, Error> {
        let config = self.config();
        // The serializer is not `Send`: it must be gone before the request is awaited.
        let body = {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("client_id", &config.client_id)
                .extend_pairs(params);
            if let ClientAuth::SecretPost(secret) = &config.auth {
                form.append_pair("client_secret", secret.expose());
            }
            form.finish().into_bytes()
        };
        let mut request = self.request(Method::POST, url, body)?;
        insert(
            &mut request,
            CONTENT_TYPE,
            "application/x-www-form-urlencoded",
        );
        insert(&mut request, ACCEPT, "application/json");
        if let ClientAuth::SecretBasic(secret) = &config.auth {
            insert(
                &mut request,
                AUTHORIZATION,
                &basic(&config.client_id, secret),
            );
        }
        let response = self.transport().send(request).await?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refusal(&response, "the error is not one of OAuth"))
        }
    }

    /// Posts JSON to an address that answers with plain JSON.
    pub(crate) async fn post_json<T: DeserializeOwned>(
        &self,
        href: &str,
        body: &Value,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|_| Error::protocol(0, "body not JSON"))?;
        let mut request = self.request(Method::POST, href, body)?;
        insert(&mut request, CONTENT_TYPE, "application/json");
        insert(&mut request, ACCEPT, "application/json");
        let response = self.transport().send(request).await?;
        if !response.status().is_success() {
            return Err(self.refusal(&response, "the answer is an error without a name"));
        }
        read_json(&response)
    }

    /// Gets JSON. A request that fails on the way is repeated once: it changes nothing.
    pub(crate) async fn get_json<T: DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&Secret>,
    ) -> Result<T, Error> {
        let make = || -> Result<Request<Vec<u8>>, Error> {
            let mut request = self.request(Method::GET, url, Vec::new())?;
            insert(&mut request, ACCEPT, "application/json");
            if let Some(token) = bearer {
                insert(
                    &mut request,
                    AUTHORIZATION,
                    &format!("Bearer {}", token.expose()),
                );
            }
            Ok(request)
        };
        let response = match self.transport().send(make()?).await {
            Ok(response) => response,
            Err(_) => self.transport().send(make()?).await?,
        };
        if !response.status().is_success() {
            return Err(self.refusal(&response, "the answer is an error without a name"));
        }
        read_json(&response)
    }

    fn request(&self, method: Method, url: &str, body: Vec<u8>) -> Result<Request<Vec<u8>>, Error> {
        let is_ours = Url::parse(url).is_ok_and(|url| url.origin() == self.config().origin);
        if !is_ours {
            return Err(Error::protocol(
                0,
                format!("the address {url:?} is not the issuer's"),
            ));
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url
            .parse()
            .map_err(|_| Error::protocol(0, format!("{url:?} is no address")))?;
        let context = self.context();
        insert(&mut request, USER_AGENT, PRODUCT);
        insert(&mut request, EXTENDED_USER_AGENT, PRODUCT);
        if let Some(browser) = &context.user_agent {
            // Servers read the browser of the end user here, as the Java client sends it; the
            // agent of the connection stays our own.
            insert(&mut request, EXTENDED_USER_AGENT, browser);
        }
        if context.solves_work {
            let told = request.headers().get(&EXTENDED_USER_AGENT);
            let told = told
                .and_then(|value| value.to_str().ok())
                .unwrap_or(PRODUCT);
            let able = format!("{told} {SOLVES_WORK}");
            insert(&mut request, EXTENDED_USER_AGENT, &able);
        }
        if let Some(languages) = &context.accept_language {
            insert(&mut request, ACCEPT_LANGUAGE, languages);
        }
        // Servers believe these two only from clients with a secret.
        if !matches!(self.config().auth, ClientAuth::Public) {
            if let Some(address) = &context.forwarded_for {
                insert(&mut request, FORWARDED_FOR, address);
            }
            if let Some(token) = &context.device_token {
                insert(&mut request, DEVICE_TOKEN, token);
            }
        }
        Ok(request)
    }

    /// What an answer that is no document means.
    fn refusal(&self, response: &Response<Vec<u8>>, otherwise: &str) -> Error {
        let status = response.status().as_u16();
        let json: Option<Value> = serde_json::from_slice(response.body()).ok();
        let text = |key: &str| {
            json.as_ref()
                .and_then(|json| json.get(key)?.as_str())
                .map(str::to_owned)
        };
        let retry_after = self.retry_after(response);
        let oauth = json
            .as_ref()
            .and_then(|json| serde_json::from_value::<OAuthErrorBody>(json.clone()).ok());
        match (status, oauth, text("errorCode")) {
            (429, _, _) => Error::RateLimited {
                retry_after,
                scope: text("errorSummary"),
            },
            (200..=299, _, _) => unreadable(response, otherwise),
            // Whatever else it says: the same may be sent again.
            (503, _, _) => Error::Unavailable {
                status,
                retry_after,
            },
            (_, Some(body), _) => Error::OAuth {
                status,
                code: body.error,
                description: body.error_description,
            },
            (500..=599, _, _) => Error::Unavailable {
                status,
                retry_after,
            },
            (_, None, Some(code)) => Error::Api {
                status,
                code,
                summary: text("errorSummary").unwrap_or_default(),
            },
            (_, None, None) => unreadable(response, otherwise),
        }
    }

    /// `Retry-After` in seconds, else the time until the limit is reset.
    fn retry_after(&self, response: &Response<Vec<u8>>) -> Option<Duration> {
        let seconds = header(response, &RETRY_AFTER).and_then(|text| text.trim().parse().ok());
        let until_reset = || -> Option<u64> {
            if response.status().as_u16() != 429 {
                return None;
            }
            let reset: u64 = header(response, &RATE_LIMIT_RESET)?.trim().parse().ok()?;
            reset.checked_sub(crate::system::unix_seconds(self.now()))
        };
        seconds.or_else(until_reset).map(Duration::from_secs)
    }
}

/// Reads an answer that must be JSON of this shape.
pub(crate) fn read_json<T: DeserializeOwned>(response: &Response<Vec<u8>>) -> Result<T, Error> {
    serde_json::from_slice(response.body())
        .map_err(|e| unreadable(response, &format!("the JSON is not what it should be: {e}")))
}

/// Content type and accepted type of `introspect`.
pub(crate) const ION: (&str, &str) = (CONTENT_TYPE_OK, CONTENT_TYPE_OK);

fn is_idx(json: &Value) -> bool {
    ["version", "stateHandle", "remediation", "messages"]
        .iter()
        .any(|key| json.get(key).is_some())
}

fn unreadable(response: &Response<Vec<u8>>, problem: &str) -> Error {
    Error::Protocol(Box::new(ProtocolError {
        status: response.status().as_u16(),
        request_id: header(response, &REQUEST_ID),
        problem: problem.to_owned(),
        body: String::from_utf8_lossy(response.body()).into_owned().into(),
    }))
}

fn header(response: &Response<Vec<u8>>, name: &HeaderName) -> Option<String> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

/// Sets a header. What cannot stand in one, such as a line break out of a browser, is left out.
fn insert(request: &mut Request<Vec<u8>>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        request.headers_mut().insert(name, value);
    }
}

/// `Authorization: Basic` with both parts form-encoded first (RFC 6749 §2.3.1).
fn basic(client_id: &str, secret: &Secret) -> String {
    use base64::Engine as _;
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(secret.expose()));
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

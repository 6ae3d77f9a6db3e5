//! A form that came to an `/oauth2/*` endpoint, and who sent it.

use std::net::IpAddr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use regain_engine::EndUser;
use regain_oauth::{Client, ClientProof, Credentials, Form, OAuthError};
use regain_store::RequestMeta;
use regain_types::{AuthServer, TokenHash};

use super::refusal::Refusal;
use super::server::Server;
use crate::json::is_announced_too_large;
use crate::meta::Meta;
use crate::state::AppState;

const USER_AGENT_BYTES_MAX: usize = 512;
/// As long as such names are (`idx-wire` §1.3).
const DEVICE_TOKEN_BYTES_MAX: usize = 32;
const LANGUAGE_BYTES_MAX: usize = 128;

/// One call with a form, decoded.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) server: AuthServer,
    pub(super) form: Form,
    pub(super) meta: RequestMeta,
    headers: HeaderMap,
}

impl FromRequest<AppState> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Server(server) = Server::from_request_parts(&mut parts, state)
            .await
            .map_err(axum::response::IntoResponse::into_response)?;
        let Meta(meta) = match Meta::from_request_parts(&mut parts, state).await {
            Ok(meta) => meta,
            Err(never) => match never {},
        };
        let query = parts.uri.query().map(str::to_owned);
        let headers = parts.headers.clone();
        if is_announced_too_large(&body) {
            return Err(Refusal::from(OAuthError::FormTooLarge).into_response());
        }
        let body = Bytes::from_request(Request::from_parts(parts, body), state)
            .await
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => OAuthError::FormTooLarge,
                _ => OAuthError::FormMalformed,
            })
            .and_then(|body| form(&headers, &body, query.as_deref()));
        Ok(Self {
            server,
            form: body.map_err(|error| Refusal::from(error).into_response())?,
            meta,
            headers,
        })
    }
}

impl Call {
    /// The client that the call says it comes from, and how far that is proved; `None` when it
    /// names none.
    pub(super) async fn client(
        &self,
        state: &AppState,
    ) -> Result<Option<(Client, ClientProof)>, Refusal> {
        let authorization = text(&self.headers, "authorization");
        let Some(credentials) = Credentials::read(authorization, &self.form)? else {
            return Ok(None);
        };
        let refusal = |error| {
            if credentials.came_by_header() {
                Refusal::of_basic(error)
            } else {
                Refusal::from(error)
            }
        };
        let client = state
            .clients()
            .find(state, credentials.client_id())
            .await?
            .ok_or_else(|| refusal(OAuthError::ClientInvalid))?;
        let proof = client.authenticate(&credentials).map_err(refusal)?;
        Ok(Some((client, proof)))
    }

    /// A client that has proved as much as it can: its secret, if it has one.
    pub(super) async fn authenticated_client(&self, state: &AppState) -> Result<Client, Refusal> {
        match self.client(state).await?.ok_or(OAuthError::ClientMissing)? {
            (client, ClientProof::Public | ClientProof::Secret) => Ok(client),
            (_, ClientProof::Missing) => Err(OAuthError::ClientInvalid.into()),
        }
    }

    /// The issuer of the server that was called.
    pub(super) fn issuer(&self, state: &AppState) -> String {
        self.server.issuer(&state.settings().public_url)
    }

    /// What a client that proved itself by its secret tells about its user (`idx-wire` §1.3).
    pub(super) fn end_user(&self, proof: ClientProof) -> Option<EndUser> {
        if proof != ClientProof::Secret {
            return None;
        }
        let address = text(&self.headers, "x-forwarded-for")
            .and_then(|hops| hops.split(',').next())
            .and_then(|hop| hop.trim().parse::<IpAddr>().ok())
            .map(|address| address.to_canonical().to_string());
        let user_agent = text(&self.headers, "x-okta-user-agent-extended")
            .map(|agent| agent.chars().take(USER_AGENT_BYTES_MAX).collect());
        let device = text(&self.headers, "x-device-token")
            .filter(|token| (1..=DEVICE_TOKEN_BYTES_MAX).contains(&token.len()))
            .map(TokenHash::of);
        let told = address.is_some() || user_agent.is_some() || device.is_some();
        told.then_some(EndUser {
            address,
            user_agent,
            device,
        })
    }

    /// The language wish of the browser.
    pub(super) fn language(&self) -> Option<String> {
        text(&self.headers, "accept-language")
            .filter(|wish| wish.len() <= LANGUAGE_BYTES_MAX)
            .map(str::to_owned)
    }
}

/// A header's value, if it is ASCII text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Only a body needs a media type; one without is taken for a form, as nothing here counts on
/// cookies.
fn form(headers: &HeaderMap, body: &[u8], query: Option<&str>) -> Result<Form, OAuthError> {
    let is_form = headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let value = value.to_str().unwrap_or_default();
        let media_type = value.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    if !body.is_empty() && !is_form {
        return Err(OAuthError::FormMalformed);
    }
    Form::read(body, query)
}

//! Who is asking: client authentication (RFC 6749 §2.3) with the habits of the vendor's clients.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regain_types::{ClientId, Secret, TokenHash};
use subtle::ConstantTimeEq as _;

use crate::form::decode;
use crate::{Client, Form, OAuthError};

/// What a request says about its client.
#[derive(Clone, Debug)]
pub struct Credentials {
    client_id: ClientId,
    /// The secret in every reading that may be meant; empty when none was sent.
    secrets: Vec<Secret<String>>,
    by_header: bool,
}

/// How far a client proved that it is the one it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProof {
    /// It has a secret and did not send it. Fine at `interact`, where the Go client never does;
    /// nowhere else.
    Missing,
    /// It has no secret: PKCE has to do.
    Public,
    /// It sent the right secret.
    Secret,
}

impl Credentials {
    /// Reads the `Authorization` header and the form. `None` when neither names a client.
    ///
    /// `Basic base64(client_id)` without a colon is how auth-js names a public client.
    ///
    /// # Errors
    /// [`OAuthError::ClientTwice`], [`OAuthError::AssertionUnsupported`], and
    /// [`OAuthError::ClientInvalid`] for what cannot be a client's id.
    pub fn read(authorization: Option<&str>, form: &Form) -> Result<Option<Self>, OAuthError> {
        if form.optional("client_assertion").is_some() {
            return Err(OAuthError::AssertionUnsupported);
        }
        let in_body = form.optional("client_id").map(client_id).transpose()?;
        let body_secret = form.optional("client_secret");
        let Some(basic) = authorization.and_then(basic_value) else {
            return Ok(in_body.map(|client_id| Self {
                client_id,
                secrets: body_secret
                    .into_iter()
                    .map(|it| Secret::new(it.to_owned()))
                    .collect(),
                by_header: false,
            }));
        };
        let from_header = Self::from_basic(basic)?;
        let other_client = in_body.is_some_and(|client_id| client_id != from_header.client_id);
        if other_client || body_secret.is_some() && !from_header.secrets.is_empty() {
            return Err(OAuthError::ClientTwice);
        }
        Ok(Some(from_header))
    }

    fn from_basic(encoded: &str) -> Result<Self, OAuthError> {
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| OAuthError::ClientInvalid)?;
        let text = Secret::new(String::from_utf8(bytes).map_err(|_| OAuthError::ClientInvalid)?);
        let (id, secret) = match text.expose().split_once(':') {
            Some((id, secret)) => (id, secret),
            None => (text.expose().as_str(), ""),
        };
        let decoded_id = decode(id.as_bytes()).map_err(|_| OAuthError::ClientInvalid)?;
        let mut secrets = Vec::new();
        if !secret.is_empty() {
            secrets.push(Secret::new(secret.to_owned()));
            // The RFC wants the secret form-encoded inside the header; many clients do not.
            if let Ok(decoded) = decode(secret.as_bytes()).map(Secret::new)
                && decoded.expose() != secret
            {
                secrets.push(decoded);
            }
        }
        Ok(Self {
            client_id: client_id(&decoded_id)?,
            secrets,
            by_header: true,
        })
    }

    /// The client that the request says it comes from.
    #[must_use]
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// Whether the client came in the header: then a refusal must name the scheme
    /// (RFC 6749 §5.2), and only then, or browsers would ask for a password.
    #[must_use]
    pub const fn came_by_header(&self) -> bool {
        self.by_header
    }
}

impl Client {
    /// Judges the credentials that were sent for this client, in constant time (O-06).
    ///
    /// Whatever a public client sends as its secret is ignored: the Java client sends `null`.
    ///
    /// # Errors
    /// [`OAuthError::ClientInvalid`] when the secret is wrong.
    pub fn authenticate(&self, credentials: &Credentials) -> Result<ClientProof, OAuthError> {
        if credentials.client_id != self.id {
            return Err(OAuthError::ClientInvalid);
        }
        let Some(expected) = &self.secret_hash else {
            return Ok(ClientProof::Public);
        };
        if credentials.secrets.is_empty() {
            return Ok(ClientProof::Missing);
        }
        let is_right = credentials
            .secrets
            .iter()
            .map(|secret| {
                TokenHash::of(secret.expose())
                    .as_bytes()
                    .ct_eq(expected.as_bytes())
            })
            .fold(subtle::Choice::from(0), |any, one| any | one);
        if is_right.into() {
            Ok(ClientProof::Secret)
        } else {
            Err(OAuthError::ClientInvalid)
        }
    }
}

fn client_id(text: &str) -> Result<ClientId, OAuthError> {
    ClientId::parse(text).map_err(|_| OAuthError::ClientInvalid)
}

/// What follows `Basic`; any other scheme is no client authentication.
fn basic_value(header: &str) -> Option<&str> {
    let (scheme, value) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Basic").then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(secret: Option<&str>) -> Client {
        Client {
            id: ClientId::parse("0oa1").unwrap(),
            label: "App".to_owned(),
            secret_hash: secret.map(TokenHash::of),
            redirect_uris: Vec::new(),
            email_verification_uri: None,
            post_logout_redirect_uris: Vec::new(),
        }
    }

    fn proof(
        client: &Client,
        basic: Option<&str>,
        body: &str,
    ) -> Result<Option<ClientProof>, OAuthError> {
        let header = basic.map(|text| format!("Basic {}", STANDARD.encode(text)));
        let form = Form::parse(body.as_bytes()).unwrap();
        Credentials::read(header.as_deref(), &form)?
            .map(|credentials| client.authenticate(&credentials))
            .transpose()
    }

    #[test]
    fn a_public_client_is_known_by_its_id_whatever_secret_it_sends() {
        let public = client(None);
        for (basic, body) in [
            (Some("0oa1"), ""),
            (Some("0oa1:"), ""),
            (Some("0oa1:null"), ""),
            (Some("0oa1"), "client_id=0oa1"),
            (None, "client_id=0oa1"),
            (None, "client_id=0oa1&client_secret=null"),
            (None, "client_id=0oa1&client_secret="),
        ] {
            assert_eq!(
                proof(&public, basic, body),
                Ok(Some(ClientProof::Public)),
                "{basic:?} {body}"
            );
        }
    }

    #[test]
    fn a_confidential_client_needs_its_very_secret() {
        let confidential = client(Some("s3cr+t%41"));
        for (basic, body, expected) in [
            (Some("0oa1:s3cr+t%41"), "", Ok(Some(ClientProof::Secret))),
            (
                Some("0oa1:s3cr%2Bt%2541"),
                "",
                Ok(Some(ClientProof::Secret)),
            ),
            (
                None,
                "client_id=0oa1&client_secret=s3cr%2Bt%2541",
                Ok(Some(ClientProof::Secret)),
            ),
            (None, "client_id=0oa1", Ok(Some(ClientProof::Missing))),
            (Some("0oa1"), "", Ok(Some(ClientProof::Missing))),
            (
                None,
                "client_id=0oa1&client_secret=",
                Ok(Some(ClientProof::Missing)),
            ),
            (
                None,
                "client_id=0oa1&client_secret=null",
                Err(OAuthError::ClientInvalid),
            ),
            (
                None,
                "client_id=0oa1&client_secret=S3CR%2Bt%2541",
                Err(OAuthError::ClientInvalid),
            ),
            (Some("0oa1:wrong"), "", Err(OAuthError::ClientInvalid)),
            (Some("0oa2:s3cr+t%41"), "", Err(OAuthError::ClientInvalid)),
            (None, "client_secret=s3cr%2Bt%2541", Ok(None)),
            (None, "", Ok(None)),
        ] {
            assert_eq!(
                proof(&confidential, basic, body),
                expected,
                "{basic:?} {body}"
            );
        }
    }

    #[test]
    fn one_request_has_one_client_and_one_method() {
        let confidential = client(Some("x"));
        for (basic, body, expected) in [
            ("0oa1:x", "client_id=0oa2", OAuthError::ClientTwice),
            (
                "0oa1:x",
                "client_id=0oa1&client_secret=x",
                OAuthError::ClientTwice,
            ),
            (
                "0oa1:x",
                "client_assertion=e30",
                OAuthError::AssertionUnsupported,
            ),
            ("0oa 1:x", "", OAuthError::ClientInvalid),
        ] {
            assert_eq!(
                proof(&confidential, Some(basic), body),
                Err(expected),
                "{basic} {body}"
            );
        }
        let form = Form::parse(b"").unwrap();
        for header in ["Basic ???", "Basic /w=="] {
            assert!(Credentials::read(Some(header), &form).is_err(), "{header}");
        }
        assert!(
            Credentials::read(Some("Bearer x"), &form)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let form = Form::parse(b"client_id=0oa1&client_secret=hunter2").unwrap();
        let credentials = Credentials::read(None, &form).unwrap();
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}

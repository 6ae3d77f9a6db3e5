//! `[[clients]]`: the apps that may ask for flows and tokens.

use std::path::Path;

use regain_oauth::Client as OAuthClient;
use regain_types::{ClientId, Secret, TokenHash};
use serde::{Deserialize, Serialize};
use url::Url;

use super::problem::Problems;
use super::secret_text;

/// Shortest secret that is taken. Only its hash is stored, and a short one could be found from it.
const SECRET_CHARS_MIN: usize = 16;

/// One app.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Client {
    /// Its id. Required.
    pub(crate) id: String,
    /// What people call it; the id unless set.
    pub(crate) label: Option<String>,
    /// Its secret, 16 characters at least. Better in a file.
    #[serde(skip_serializing)]
    pub(crate) secret: Option<Secret<String>>,
    /// A file that holds the secret. A client without secret is public: PKCE protects it.
    pub(crate) secret_file: Option<String>,
    /// Where flows may lead back to: exact addresses, one at least.
    pub(crate) redirect_uris: Vec<String>,
    /// Where the link in a mail leads back to; without it mails have a code and no link.
    pub(crate) email_verification_uri: Option<String>,
    /// Where a sign-out may lead to: exact addresses.
    pub(crate) post_logout_redirect_uris: Vec<String>,
}

/// Checks all apps.
pub(crate) fn check(
    clients: &[Client],
    directory: &Path,
    problems: &mut Problems<'_>,
) -> Vec<OAuthClient> {
    let mut checked: Vec<OAuthClient> = Vec::new();
    for (index, client) in clients.iter().enumerate() {
        let key = format!("clients.{index}");
        let Some(client) = client.check(&key, directory, problems) else {
            continue;
        };
        if checked.iter().any(|known| known.id == client.id) {
            problems.add(
                &format!("{key}.id"),
                format!("{} is there twice", client.id),
            );
        }
        checked.push(client);
    }
    checked
}

impl Client {
    fn check(
        &self,
        key: &str,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Option<OAuthClient> {
        let id = ClientId::parse(&self.id)
            .map_err(|error| problems.add(&format!("{key}.id"), format!("is {error}")))
            .ok();
        let given = (self.secret.as_ref(), self.secret_file.as_deref());
        let secret_key = format!("{key}.secret");
        let secret = secret_text(&secret_key, given, directory, problems);
        if let Some(secret) = &secret {
            check_secret(secret.expose())
                .unwrap_or_else(|message| problems.add(&secret_key, message));
        }
        if self.redirect_uris.is_empty() {
            problems.add(
                &format!("{key}.redirect_uris"),
                "is empty: one address at least",
            );
        }
        let lists = [
            ("redirect_uris", &self.redirect_uris),
            ("post_logout_redirect_uris", &self.post_logout_redirect_uris),
        ];
        for (name, uris) in lists {
            for uri in uris {
                check_uri(uri)
                    .unwrap_or_else(|message| problems.add(&format!("{key}.{name}"), message));
            }
        }
        if let Some(uri) = &self.email_verification_uri {
            let key = format!("{key}.email_verification_uri");
            check_link_uri(uri).unwrap_or_else(|message| problems.add(&key, message));
        }
        Some(OAuthClient {
            label: self.label.clone().unwrap_or_else(|| self.id.clone()),
            id: id?,
            secret_hash: secret.map(|secret| TokenHash::of(secret.expose())),
            redirect_uris: self.redirect_uris.clone(),
            email_verification_uri: self.email_verification_uri.clone(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
        })
    }
}

fn check_secret(secret: &str) -> Result<(), String> {
    if secret.chars().count() < SECRET_CHARS_MIN {
        return Err(format!("must have {SECRET_CHARS_MIN} characters at least"));
    }
    Ok(())
}

/// Whether the link in a mail may lead there: as [`check_uri`], and a code goes along (L-08).
///
/// # Errors
/// The rest of a sentence that begins with the key.
pub(crate) fn check_link_uri(uri: &str) -> Result<(), String> {
    check_uri(uri)?;
    let is_safe = Url::parse(uri).is_ok_and(|url| {
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_plain = url.username().is_empty() && url.password().is_none();
        is_plain && (url.scheme() != "http" || is_here) && url.scheme() != "ftp"
    });
    if is_safe {
        Ok(())
    } else {
        Err(format!(
            "must be one address with https, such as https://app.example/login/callback, not {uri:?}: a code goes along"
        ))
    }
}

/// Whether an address can be compared with what a request says: absolute, without fragment.
///
/// # Errors
/// The rest of a sentence that begins with the key.
pub(crate) fn check_uri(uri: &str) -> Result<(), String> {
    let usable = Url::parse(uri).is_ok_and(|url| {
        url.fragment().is_none()
            && !matches!(
                url.scheme(),
                "javascript" | "data" | "vbscript" | "file" | "blob"
            )
            && (url.has_host() || !matches!(url.scheme(), "http" | "https"))
    });
    let exact = !uri.contains('*') && !uri.chars().any(|c| c.is_whitespace() || c.is_control());
    if usable && exact {
        Ok(())
    } else {
        Err(format!(
            "must be exact addresses such as https://app.example/login/callback, not {uri:?}"
        ))
    }
}

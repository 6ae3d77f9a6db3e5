//! Scopes: what a client may learn and do.

use crate::OAuthError;

/// Scopes whose claims this server has, for the discovery document.
pub(crate) const SCOPES_ADVERTISED: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// Scopes of OpenID Connect Core 1.0 §5.4 for claims that no user has here: granted, because apps
/// ask for them out of habit, and without effect.
const SCOPES_WITHOUT_CLAIMS: [&str; 2] = ["address", "phone"];

/// Reads a list of scopes, separated by spaces; a repeated one counts once.
///
/// # Errors
/// [`OAuthError::ScopeMissing`], [`OAuthError::ScopeUnknown`].
pub fn parse_scopes(list: Option<&str>) -> Result<Vec<String>, OAuthError> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in list
        .unwrap_or_default()
        .split(' ')
        .filter(|scope| !scope.is_empty())
    {
        if !SCOPES_ADVERTISED.contains(&scope) && !SCOPES_WITHOUT_CLAIMS.contains(&scope) {
            return Err(OAuthError::ScopeUnknown);
        }
        if !has_scope(&scopes, scope) {
            scopes.push(scope.to_owned());
        }
    }
    if scopes.is_empty() {
        Err(OAuthError::ScopeMissing)
    } else {
        Ok(scopes)
    }
}

/// Whether a list holds a scope.
#[must_use]
pub fn has_scope(scopes: &[String], scope: &str) -> bool {
    scopes.iter().any(|one| one == scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_scopes_are_read_once_each() {
        let scopes = parse_scopes(Some(" openid  email openid address")).unwrap();
        assert_eq!(scopes, ["openid", "email", "address"]);
    }

    #[test]
    fn unknown_and_missing_scopes_are_refused() {
        for (list, error) in [
            (Some("openid world_domination"), OAuthError::ScopeUnknown),
            (Some("OpenID"), OAuthError::ScopeUnknown),
            (Some("openid,email"), OAuthError::ScopeUnknown),
            (Some("openid\temail"), OAuthError::ScopeUnknown),
            (Some(" "), OAuthError::ScopeMissing),
            (None, OAuthError::ScopeMissing),
        ] {
            assert_eq!(parse_scopes(list), Err(error), "{list:?}");
        }
    }
}

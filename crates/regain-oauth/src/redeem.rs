//! Judges an interaction code at the token endpoint (I-09, O-04).

use regain_types::{AuthServer, ClientId, Timestamp};

use crate::{OAuthError, pkce};

/// To whom and to what a code was bound when the flow began.
#[derive(Clone, Copy, Debug)]
pub struct CodeBinding<'a> {
    /// The client that asked for the flow.
    pub client_id: &'a ClientId,
    /// With which redirect URI.
    pub redirect_uri: &'a str,
    /// With which PKCE challenge.
    pub code_challenge: &'a str,
    /// At which server.
    pub server: &'a AuthServer,
    /// From when on it is worthless.
    pub expires_at: Timestamp,
    /// Whether it was used before.
    pub is_redeemed: bool,
}

/// What a client shows to redeem a code. It has proved who it is.
#[derive(Clone, Copy, Debug)]
pub struct CodeClaim<'a> {
    /// The client.
    pub client_id: &'a ClientId,
    /// Only auth-js sends it; when it is there it must be the same.
    pub redirect_uri: Option<&'a str>,
    /// PKCE verifier.
    pub code_verifier: &'a str,
    /// The server that is asked.
    pub server: &'a AuthServer,
}

/// What to do with a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeVerdict {
    /// Somebody has a copy: revoke what its first use gave.
    Reused,
    /// Refuse, and leave the code alone: the one who asks is not its owner.
    Refuse(OAuthError),
    /// Give tokens.
    Redeem,
    /// Refuse, and use the code up: it came from its own client, but whoever sent it did not
    /// begin the flow.
    Spend(OAuthError),
}

/// Judges a code at a point in time.
#[must_use]
pub fn judge_code(bound: &CodeBinding<'_>, claim: &CodeClaim<'_>, now: Timestamp) -> CodeVerdict {
    if bound.is_redeemed {
        return CodeVerdict::Reused;
    }
    if bound.client_id != claim.client_id || bound.server != claim.server || now >= bound.expires_at
    {
        return CodeVerdict::Refuse(OAuthError::InteractionCodeInvalid);
    }
    if claim
        .redirect_uri
        .is_some_and(|redirect_uri| redirect_uri != bound.redirect_uri)
    {
        return CodeVerdict::Spend(OAuthError::InteractionCodeInvalid);
    }
    if !pkce::verifies(claim.code_verifier, bound.code_challenge) {
        return CodeVerdict::Spend(OAuthError::PkceMismatch);
    }
    CodeVerdict::Redeem
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const REDIRECT: &str = "http://localhost:8401/login/callback";
    const END: Timestamp = Timestamp::from_millis(60_000);

    /// The verdict over a right claim, changed in one place.
    fn judged(change: impl FnOnce(&mut Case), now: Timestamp) -> CodeVerdict {
        let mut case = Case {
            client: "0oa1",
            redirect_uri: Some(REDIRECT),
            verifier: VERIFIER,
            server: AuthServer::Org,
            is_redeemed: false,
        };
        change(&mut case);
        let bound = CodeBinding {
            client_id: &ClientId::parse("0oa1").unwrap(),
            redirect_uri: REDIRECT,
            code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            server: &AuthServer::Org,
            expires_at: END,
            is_redeemed: case.is_redeemed,
        };
        let claim = CodeClaim {
            client_id: &ClientId::parse(case.client).unwrap(),
            redirect_uri: case.redirect_uri,
            code_verifier: case.verifier,
            server: &case.server,
        };
        judge_code(&bound, &claim, now)
    }

    struct Case {
        client: &'static str,
        redirect_uri: Option<&'static str>,
        verifier: &'static str,
        server: AuthServer,
        is_redeemed: bool,
    }

    fn judged_in_time(change: impl FnOnce(&mut Case)) -> CodeVerdict {
        judged(change, END.plus_seconds(-1))
    }

    #[test]
    fn its_owner_redeems_it_once_and_in_time() {
        assert_eq!(judged_in_time(|_| ()), CodeVerdict::Redeem);
        assert_eq!(
            judged_in_time(|case| case.redirect_uri = None),
            CodeVerdict::Redeem
        );
        assert_eq!(
            judged_in_time(|case| case.is_redeemed = true),
            CodeVerdict::Reused
        );
        assert_eq!(
            judged(|_| (), END),
            CodeVerdict::Refuse(OAuthError::InteractionCodeInvalid)
        );
    }

    #[test]
    fn another_client_or_server_gets_nothing_and_spends_nothing() {
        let refused = CodeVerdict::Refuse(OAuthError::InteractionCodeInvalid);
        for client in ["0oa2", "0OA1"] {
            assert_eq!(
                judged_in_time(|case| case.client = client),
                refused,
                "{client}"
            );
        }
        let other_server = AuthServer::Custom("default".to_owned());
        assert_eq!(judged_in_time(|case| case.server = other_server), refused);
    }

    #[test]
    fn a_wrong_verifier_or_redirect_uri_spends_it() {
        for redirect_uri in [
            "http://localhost:8401/login/callback/",
            "HTTP://localhost:8401/login/callback",
        ] {
            assert_eq!(
                judged_in_time(|case| case.redirect_uri = Some(redirect_uri)),
                CodeVerdict::Spend(OAuthError::InteractionCodeInvalid)
            );
        }
        for verifier in [
            "",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK",
            "dbjftjez4cvp",
        ] {
            assert_eq!(
                judged_in_time(|case| case.verifier = verifier),
                CodeVerdict::Spend(OAuthError::PkceMismatch)
            );
        }
    }
}

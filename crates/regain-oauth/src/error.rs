//! What an `/oauth2/*` endpoint answers when it does not do what it was asked.

/// Why a request is refused, or cannot be served.
///
/// The sentences are read by developers; a few of them are compared letter by letter by clients
/// and say so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// `acr_values`: clients reject tokens without the `acr` they asked for, so say it at once.
    #[error("The 'acr_values' parameter is not supported.")]
    AcrValuesUnsupported,
    /// The sign-in widget compares this text.
    #[error("The activation token is invalid")]
    ActivationTokenInvalid,
    /// A client that shows a signed assertion instead of a secret.
    #[error("Client assertions are not supported: use client_secret_basic or client_secret_post.")]
    AssertionUnsupported,
    /// Our data makes no sense, or a key does not work: the log has the cause.
    #[error("The authorization server met an unexpected condition.")]
    Broken,
    /// A PKCE challenge that no S256 computation gives.
    #[error("The PKCE code challenge must be 43 characters of base64url.")]
    ChallengeInvalid,
    /// `plain`, or no method, which means `plain` (O-01).
    #[error("The PKCE code challenge method must be 'S256'.")]
    ChallengeMethodUnsupported,
    /// No PKCE challenge from a client with a secret.
    #[error("PKCE code challenge is required.")]
    ChallengeRequired,
    /// No PKCE challenge from a public client. Recorded text of the vendor.
    #[error(
        "PKCE code challenge is required when the token endpoint authentication method is 'NONE'."
    )]
    ChallengeRequiredForPublic,
    /// An unknown client, or one that did not prove itself.
    #[error("The client is unknown, or its authentication failed.")]
    ClientInvalid,
    /// Nobody said which client is asking.
    #[error("The request does not say which client it comes from.")]
    ClientMissing,
    /// Two different clients, or two secrets, in one request (RFC 6749 §2.3).
    #[error("The request names its client in more than one way.")]
    ClientTwice,
    /// The body cannot be read as a form.
    #[error("The request body must be a form of media type application/x-www-form-urlencoded.")]
    FormMalformed,
    /// The body is larger than 64 KiB (H-01).
    #[error("The request body is too large: at most 64 KiB are read.")]
    FormTooLarge,
    /// A grant type that this server does not have.
    #[error("The authorization grant type is not supported by the authorization server.")]
    GrantTypeUnsupported,
    /// A logout without a token that tells whose session to end (O-09).
    #[error("The 'id_token_hint' is not an ID token of this authorization server.")]
    IdTokenHintInvalid,
    /// An interaction code that is unknown, used up, too old, or somebody else's.
    #[error("The interaction code is invalid or has expired.")]
    InteractionCodeInvalid,
    /// A required parameter is missing or empty.
    #[error("The request is missing the parameter '{0}'.")]
    ParameterMissing(&'static str),
    /// A parameter came more than once (RFC 6749 §3.2).
    #[error("The request repeats a parameter.")]
    ParameterRepeated,
    /// A parameter is longer than what is stored of it.
    #[error("The parameter '{0}' is too long.")]
    ParameterTooLong(&'static str),
    /// The verifier does not fit the challenge. Recorded text of the vendor.
    #[error("PKCE verification failed.")]
    PkceMismatch,
    /// A logout that wants to lead to an address that the app did not register.
    #[error(
        "You are signed out. The app asked to continue at an address that it has not registered."
    )]
    PostLogoutRedirectUnregistered,
    /// The sign-in widget compares this text.
    #[error("The recovery token is invalid")]
    RecoveryTokenInvalid,
    /// `redirect_uri` is not one of the app's (O-02).
    #[error("The 'redirect_uri' is not one that is registered for this client.")]
    RedirectUnregistered,
    /// auth-js compares this text to know that it must forget the token.
    #[error("The refresh token is invalid or expired.")]
    RefreshTokenInvalid,
    /// A right access token that was not granted what is asked for (RFC 6750 §3.1).
    #[error("The access token lacks the scope that this resource needs.")]
    ScopeInsufficient,
    /// No scope.
    #[error("The request must ask for at least one scope.")]
    ScopeMissing,
    /// A refresh that asks for more than was granted (RFC 6749 §6).
    #[error("The requested scope exceeds what was granted.")]
    ScopeTooWide,
    /// A scope that nobody knows.
    #[error("One or more scopes are not configured for the authorization server resource.")]
    ScopeUnknown,
    /// An access token that is none of ours, expired or revoked (RFC 6750 §3.1).
    #[error("The access token is invalid.")]
    TokenInvalid,
    /// A resource was asked for without an access token.
    #[error("An access token is required.")]
    TokenMissing,
    /// The database does not answer.
    #[error("The authorization server is not available at the moment, please try again.")]
    Unavailable,
}

impl OAuthError {
    /// The value of `error`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AcrValuesUnsupported
            | Self::ActivationTokenInvalid
            | Self::ChallengeInvalid
            | Self::ChallengeMethodUnsupported
            | Self::ChallengeRequired
            | Self::ChallengeRequiredForPublic
            | Self::ClientTwice
            | Self::FormMalformed
            | Self::FormTooLarge
            | Self::IdTokenHintInvalid
            | Self::ParameterMissing(_)
            | Self::ParameterRepeated
            | Self::ParameterTooLong(_)
            | Self::PostLogoutRedirectUnregistered
            | Self::RecoveryTokenInvalid
            | Self::RedirectUnregistered => "invalid_request",
            Self::AssertionUnsupported | Self::ClientInvalid | Self::ClientMissing => {
                "invalid_client"
            }
            Self::InteractionCodeInvalid | Self::PkceMismatch | Self::RefreshTokenInvalid => {
                "invalid_grant"
            }
            Self::ScopeMissing | Self::ScopeTooWide | Self::ScopeUnknown => "invalid_scope",
            Self::TokenInvalid | Self::TokenMissing => "invalid_token",
            Self::Broken => "server_error",
            Self::GrantTypeUnsupported => "unsupported_grant_type",
            Self::ScopeInsufficient => "insufficient_scope",
            Self::Unavailable => "temporarily_unavailable",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        if *self == Self::FormTooLarge {
            return 413;
        }
        match self.code() {
            "invalid_client" | "invalid_token" => 401,
            "insufficient_scope" => 403,
            "server_error" => 500,
            "temporarily_unavailable" => 503,
            _ => 400,
        }
    }

    /// The value of `error_description`.
    #[must_use]
    pub fn public_message(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_clients_compare_stand_as_they_are() {
        for (error, status, code, text) in [
            (
                OAuthError::RefreshTokenInvalid,
                400,
                "invalid_grant",
                "The refresh token is invalid or expired.",
            ),
            (
                OAuthError::PkceMismatch,
                400,
                "invalid_grant",
                "PKCE verification failed.",
            ),
            (
                OAuthError::RecoveryTokenInvalid,
                400,
                "invalid_request",
                "The recovery token is invalid",
            ),
            (
                OAuthError::ActivationTokenInvalid,
                400,
                "invalid_request",
                "The activation token is invalid",
            ),
            (
                OAuthError::ChallengeRequiredForPublic,
                400,
                "invalid_request",
                "PKCE code challenge is required when the token endpoint authentication method is 'NONE'.",
            ),
        ] {
            assert_eq!(
                (
                    error.status(),
                    error.code(),
                    error.public_message().as_str()
                ),
                (status, code, text)
            );
        }
    }
}

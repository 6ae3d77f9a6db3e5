//! Errors outside a flow: the vendor's envelope (`idx-wire` §1.8 c).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regain_store::StoreError;
use regain_types::{Entropy as _, SystemEntropy, random_base62};
use serde::Serialize;

/// An error with its code; the text is the vendor's standard summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// 408: the body comes too slowly.
    BodyTooSlow,
    /// 503: the database or the hashing queue cannot take more now.
    Busy,
    /// 431: the headers are too many or too large.
    HeadersTooLarge,
    /// 500: a broken invariant of ours; the cause is in the log.
    Internal,
    /// 400: the body is not what the endpoint takes; says where.
    Malformed(String),
    /// 405.
    MethodNotAllowed,
    /// 404: no such path.
    NotFound,
    /// 413: the body is too large.
    TooLarge,
    /// 429: a limit was over-run; says after how many seconds to come back.
    TooManyRequests(i64),
    /// 403: the page that calls is not trusted.
    UntrustedOrigin,
    /// 414: the address is too long.
    UrlTooLong,
    /// 415 or 400: the content type or version is not one that the endpoint takes.
    Unsupported(StatusCode),
}

#[derive(Serialize)]
struct Body {
    #[serde(rename = "errorCode")]
    code: &'static str,
    #[serde(rename = "errorSummary")]
    summary: &'static str,
    #[serde(rename = "errorLink")]
    link: &'static str,
    #[serde(rename = "errorId")]
    id: String,
    #[serde(rename = "errorCauses")]
    causes: Vec<Cause>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cause {
    error_summary: String,
}

impl ApiError {
    /// The HTTP status.
    #[must_use]
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::UntrustedOrigin => StatusCode::FORBIDDEN,
            Self::UrlTooLong => StatusCode::URI_TOO_LONG,
            Self::Unsupported(status) => *status,
        }
    }

    const fn code_and_summary(&self) -> (&'static str, &'static str) {
        match self {
            Self::BodyTooSlow | Self::HeadersTooLarge | Self::UrlTooLong => {
                ("E0000020", "Bad request.")
            }
            Self::Busy => ("E0000010", "Service is in read only mode"),
            Self::Internal => ("E0000009", "Internal Server Error"),
            Self::Malformed(_) | Self::TooLarge => {
                ("E0000003", "The request body was not well-formed.")
            }
            Self::MethodNotAllowed => (
                "E0000022",
                "The endpoint does not support the provided HTTP method",
            ),
            Self::NotFound => ("E0000008", "The requested path was not found"),
            Self::TooManyRequests(_) => (
                "E0000047",
                "API call exceeded rate limit due to too many requests.",
            ),
            Self::UntrustedOrigin => (
                "E0000006",
                "You do not have permission to perform the requested action",
            ),
            Self::Unsupported(_) => (
                "E0000021",
                "Bad request.  Accept and/or Content-Type headers are likely not set / do not match supported values.",
            ),
        }
    }

    /// What exactly is wrong, where that helps whoever asks.
    fn cause(&self) -> Option<&str> {
        match self {
            Self::BodyTooSlow => Some("the body did not come in time"),
            Self::HeadersTooLarge => Some("at most 100 headers of 32 KiB together are read"),
            Self::Malformed(cause) => Some(cause),
            Self::TooLarge => Some("at most 64 KiB are read"),
            Self::UntrustedOrigin => Some("the page's origin is not in trusted_origins"),
            Self::UrlTooLong => Some("at most 8 KiB of an address are read"),
            Self::Busy
            | Self::Internal
            | Self::MethodNotAllowed
            | Self::NotFound
            | Self::TooManyRequests(_)
            | Self::Unsupported(_) => None,
        }
    }
}

/// After how many seconds to come back to a busy server: 1 to 5, so that not everybody comes back
/// at once.
pub(crate) fn busy_seconds() -> i64 {
    let mut drawn = [0; 1];
    SystemEntropy.fill(&mut drawn);
    1 + i64::from(drawn.first().copied().unwrap_or_default()) % 5
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, summary) = self.code_and_summary();
        let causes = self.cause().map(|text| Cause {
            error_summary: text.to_owned(),
        });
        let body = Body {
            code,
            summary,
            link: code,
            id: format!("oae{}", random_base62(&mut SystemEntropy, 17)),
            causes: causes.into_iter().collect(),
        };
        let mut response = (self.status(), Json(body)).into_response();
        let wait = match self {
            Self::Busy => Some(busy_seconds()),
            Self::TooManyRequests(seconds) => Some(seconds),
            _ => None,
        };
        if let Some(seconds) = wait {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    /// Logs the cause, once, here; the client learns nothing of it.
    fn from(error: StoreError) -> Self {
        match error {
            // The store has told the operator, once: a line for each request fills what is full.
            StoreError::Full => Self::Busy,
            StoreError::Conflict | StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the store could not do it");
                Self::Busy
            }
            StoreError::Corrupt { .. } | StoreError::Exists(_) => {
                tracing::error!(%error, "the store contradicts itself");
                Self::Internal
            }
        }
    }
}

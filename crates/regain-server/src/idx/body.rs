//! Bodies of IDX requests: which content types are read (`idx-wire` §1.2).

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::api_error::ApiError;
use crate::json;
use crate::state::AppState;

const MEDIA_TYPES: [&str; 3] = [
    "application/json",
    "application/ion+json",
    "application/vnd.okta.v1+json",
];

/// A decoded body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        check_content_type(request.headers())?;
        if json::is_announced_too_large(request.body()) {
            return Err(ApiError::TooLarge);
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| too_large(&rejection))?;
        json::decode(&bytes)
            .map(Self)
            .map_err(|error| ApiError::Malformed(error.to_string()))
    }
}

fn too_large(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::TooLarge
    } else {
        ApiError::Malformed("the body could not be read".to_owned())
    }
}

/// The Go client sends none at all; that counts as JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let unsupported = || ApiError::Unsupported(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let value = value
        .to_str()
        .map_err(|_| unsupported())?
        .to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !media_type.is_empty() && !MEDIA_TYPES.contains(&media_type) {
        return Err(unsupported());
    }
    let version = parts.find_map(|part| part.strip_prefix("okta-version="));
    match version {
        None | Some("1.0.0") => Ok(()),
        Some(_) => Err(ApiError::Unsupported(StatusCode::BAD_REQUEST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn status(content_type: &'static str) -> Option<StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        check_content_type(&headers)
            .err()
            .map(|error| error.status())
    }

    #[test]
    fn json_under_all_its_names_is_read() {
        for name in [
            "application/json",
            "application/json; charset=utf-8",
            "application/ion+json; okta-version=1.0.0",
            "application/ion+json;okta-version=1.0.0",
            "Application/vnd.okta.v1+json",
            "",
        ] {
            assert_eq!(status(name), None, "{name}");
        }
        assert!(check_content_type(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn types_that_avoid_a_preflight_are_refused() {
        for name in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ] {
            assert_eq!(
                status(name),
                Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
                "{name}"
            );
        }
        assert_eq!(
            status("application/json; okta-version=2.0.0"),
            Some(StatusCode::BAD_REQUEST)
        );
    }
}

//! Forms that people send: read strictly, and only when they come from our own page
//! (security rule H-03).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use regain_sdk::Secret;

use crate::app::App;
use crate::browser::Browser;
use crate::pages::error;

/// The largest body of a form, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024;
/// How long a form may take to arrive (H-02): whoever sends half of one holds a connection meanwhile.
const BODY_TIME: Duration = Duration::from_secs(15);
/// The most fields of a form.
const FIELDS_MAX: usize = 64;

/// The fields of a form whose sender was checked.
pub(crate) struct PostedForm {
    pairs: Vec<(String, String)>,
}

impl std::fmt::Debug for PostedForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.pairs.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Why a form was not read.
#[derive(Debug, PartialEq, Eq)]
enum FormError {
    /// Another site may have sent it.
    Foreign,
    /// It is no form, or one that no page of ours makes.
    Malformed,
    /// It is larger than any form of ours.
    TooLarge,
    /// It did not come to its end.
    TooSlow,
}

impl PostedForm {
    /// A field's value; empty when the field is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// A field that must not be shown.
    pub(crate) fn secret(&self, name: &str) -> Secret {
        Secret::from(self.text(name))
    }

    /// Whether a box is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// The fields that are not ours (`csrf`, `turn`, `step`), for a step without a page of its own.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !matches!(*name, "csrf" | "turn" | "step"))
    }
}

impl FromRequest<Arc<App>> for PostedForm {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        read(request, app).await.map_err(|problem| match problem {
            FormError::Foreign => error::stale_form(app, StatusCode::FORBIDDEN),
            FormError::Malformed => error::bad_request(app, StatusCode::BAD_REQUEST),
            FormError::TooLarge => error::bad_request(app, StatusCode::PAYLOAD_TOO_LARGE),
            FormError::TooSlow => error::bad_request(app, StatusCode::REQUEST_TIMEOUT),
        })
    }
}

async fn read(request: Request, app: &App) -> Result<PostedForm, FormError> {
    let (parts, body) = request.into_parts();
    if is_from_elsewhere(&parts.headers, &app.origin) {
        return Err(FormError::Foreign);
    }
    let media_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let is_form = media_type.is_some_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    if !is_form {
        return Err(FormError::Malformed);
    }
    let body = read_whole(body, BODY_TIME).await?;
    let pairs = parse(&body).ok_or(FormError::Malformed)?;
    let form = PostedForm { pairs };
    let browser = parts
        .extensions
        .get::<Browser>()
        .ok_or(FormError::Foreign)?;
    if app.keys.is_csrf_token(browser.cookie(), form.text("csrf")) {
        Ok(form)
    } else {
        Err(FormError::Foreign)
    }
}

async fn read_whole(body: Body, time: Duration) -> Result<Bytes, FormError> {
    match tokio::time::timeout(time, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(read) => read.map_err(|_| FormError::TooLarge),
        Err(_) => Err(FormError::TooSlow),
    }
}

/// Whether the browser says that another site sent this.
///
/// Our pages have `Referrer-Policy: no-referrer`, under which browsers send `Origin: null` with
/// their forms; `Sec-Fetch-Site` then says who it was. A browser that sends neither is judged by
/// the form's token alone.
fn is_from_elsewhere(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let wrong_origin = text("origin").is_some_and(|value| value != "null" && value != origin);
    let wrong_site = text("sec-fetch-site").is_some_and(|value| value != "same-origin");
    // A page that was opened under another name of this machine is our own page all the same.
    if text("sec-fetch-site") == Some("same-origin") {
        false
    } else {
        wrong_origin || wrong_site
    }
}

fn parse(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        // The decoder puts U+FFFD where percent-encoded bytes are no text.
        let is_text = !name.contains('\u{fffd}') && !value.contains('\u{fffd}');
        let is_repeated = pairs.iter().any(|(known, _)| *known == name);
        if !is_text || is_repeated || pairs.len() >= FIELDS_MAX {
            return None;
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream::{StreamExt as _, once, pending};

    use super::*;

    fn elsewhere(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        is_from_elsewhere(&headers, "https://app.example")
    }

    #[tokio::test]
    async fn t_h2_half_of_a_form_is_not_waited_for_without_an_end() {
        let begun = once(async { Ok::<_, Infallible>("csrf=") });
        let half = Body::from_stream(begun.chain(pending()));
        let read = read_whole(half, Duration::from_millis(5)).await;
        assert_eq!(read, Err(FormError::TooSlow));
        assert_eq!(BODY_TIME, Duration::from_secs(15));
        let whole = read_whole(Body::from("csrf=x"), Duration::from_secs(15)).await;
        assert_eq!(whole, Ok(Bytes::from_static(b"csrf=x")));
    }

    #[test]
    fn forms_of_other_sites_are_known_by_what_the_browser_says() {
        assert!(elsewhere(&[("origin", "https://evil.example")]));
        assert!(elsewhere(&[
            ("origin", "null"),
            ("sec-fetch-site", "cross-site")
        ]));
        assert!(elsewhere(&[("sec-fetch-site", "same-site")]));
        assert!(elsewhere(&[("origin", "https://app.example.evil.example")]));
        assert!(!elsewhere(&[
            ("origin", "https://app.example"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!elsewhere(&[
            ("origin", "null"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!elsewhere(&[]));
    }

    #[test]
    fn forms_are_read_strictly() {
        assert_eq!(parse(b"a=1&b=%C3%A4+x").unwrap()[1].1, "\u{e4} x");
        assert_eq!(parse(b"a=1&a=2"), None);
        assert_eq!(parse(b"a=%ff"), None);
        assert_eq!(parse(b"\xff=1"), None);
        let many: Vec<_> = (0..65).map(|n| format!("f{n}=1")).collect();
        assert_eq!(parse(many.join("&").as_bytes()), None);
    }
}

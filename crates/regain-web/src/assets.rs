//! The style sheet, the script and the icon: in the binary, under names that change with their
//! content, so that browsers keep them for a year.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{StatusCode, header};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("../assets/app.css");
const SCRIPT: &str = include_str!("../assets/app.js");
const ICON: &str = include_str!("../assets/icon.svg");
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Where the assets are.
#[derive(Debug)]
pub(crate) struct AssetUrls {
    pub style: String,
    pub script: String,
    pub icon: String,
}

/// The addresses of this build.
pub(crate) static URLS: LazyLock<AssetUrls> = LazyLock::new(|| AssetUrls {
    style: format!("/assets/app.{}.css", hash(STYLE)),
    script: format!("/assets/app.{}.js", hash(SCRIPT)),
    icon: format!("/assets/icon.{}.svg", hash(ICON)),
});

fn hash(content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.get(..9).unwrap_or_default())
}

/// `GET /assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let (content, media_type) = if path == URLS.style {
        (STYLE, "text/css; charset=utf-8")
    } else if path == URLS.script {
        (SCRIPT, "text/javascript; charset=utf-8")
    } else if path == URLS.icon {
        (ICON, "image/svg+xml")
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    (
        [
            (header::CONTENT_TYPE, media_type),
            (header::CACHE_CONTROL, FOREVER),
        ],
        content,
    )
        .into_response()
}

/// `GET /favicon.ico`, which some browsers ask for whatever the page says.
pub(crate) async fn favicon() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, ICON).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stays_small() {
        assert!(SCRIPT.len() <= 8 * 1024, "{} bytes", SCRIPT.len());
    }

    #[test]
    fn names_change_with_the_content() {
        assert_ne!(hash("a"), hash("b"));
        assert!(URLS.style.contains(&hash(STYLE)));
    }
}

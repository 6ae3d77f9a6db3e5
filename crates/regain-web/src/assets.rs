//! The style sheet, the script and the icon: in the binary, under names that change with their
//! content, so that browsers keep them for a year.

use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{StatusCode, header};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::brand::{self, Brand};

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

/// The operator's assets, under names of the same kind.
#[derive(Debug, Default)]
pub(crate) struct BrandAssets {
    /// Address and content of the colours.
    pub style: Option<(String, String)>,
    /// Address of the logo.
    pub logo: Option<String>,
}

impl BrandAssets {
    pub(crate) fn of(brand: &Brand) -> Self {
        Self {
            style: brand.accent.map(|accent| {
                let css = brand::style_sheet(accent);
                (format!("/assets/brand.{}.css", hash(css.as_bytes())), css)
            }),
            logo: brand
                .logo
                .as_ref()
                .map(|logo| format!("/assets/logo.{}.{}", hash(&logo.bytes), logo.extension)),
        }
    }
}

fn hash(content: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(content.as_ref());
    URL_SAFE_NO_PAD.encode(digest.get(..9).unwrap_or_default())
}

/// `GET /assets/{name}`.
pub(crate) async fn serve(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let found = ours(&path)
        .map(|(content, media_type)| (content.as_bytes().to_vec(), media_type))
        .or_else(|| of_brand(&app, &path));
    let Some((content, media_type)) = found else {
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

const CSS: &str = "text/css; charset=utf-8";

fn ours(path: &str) -> Option<(&'static str, &'static str)> {
    let all = [
        (&URLS.style, STYLE, CSS),
        (&URLS.script, SCRIPT, "text/javascript; charset=utf-8"),
        (&URLS.icon, ICON, "image/svg+xml"),
    ];
    let found = all.into_iter().find(|(url, _, _)| *url == path);
    found.map(|(_, content, media_type)| (content, media_type))
}

fn of_brand(app: &App, path: &str) -> Option<(Vec<u8>, &'static str)> {
    if let Some((url, css)) = &app.brand_assets.style
        && url == path
    {
        return Some((css.clone().into_bytes(), CSS));
    }
    let logo = app.config.brand.logo.as_ref()?;
    let is_logo = app.brand_assets.logo.as_deref() == Some(path);
    is_logo.then(|| (logo.bytes.clone(), logo.media_type))
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
        assert!(SCRIPT.len() <= 10 * 1024, "{} bytes", SCRIPT.len());
    }

    #[test]
    fn names_change_with_the_content() {
        assert_ne!(hash("a"), hash("b"));
        assert!(URLS.style.contains(&hash(STYLE)));
    }
}

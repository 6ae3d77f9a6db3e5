//! The operator's colour and logo.

use std::fs;

use regain_web::{Brand, Colour, Logo};

use crate::browser::TestApp;

const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>";

#[tokio::test]
async fn colour_and_logo_are_on_every_page_and_come_from_the_app_itself() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("logo.svg");
    fs::write(&file, LOGO).unwrap();
    let brand = Brand {
        accent: Some(Colour::parse("#00589b").unwrap()),
        logo: Some(Logo::load(&file).unwrap()),
    };
    let app = TestApp::with("http://localhost:8401", brand).await;
    for path in ["/login", "/recover-password", "/nowhere"] {
        let page = app.browser().open(path).await;
        let style = page.between("href=\"/assets/brand.", "\"").unwrap();
        let style = app.browser().get(&format!("/assets/brand.{style}")).await;
        assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
        assert!(
            style.html.starts_with(":root{--accent:#00589b;"),
            "{}",
            style.html
        );
        let logo = page.between("<img src=\"", "\"").unwrap();
        let logo = app.browser().get(logo).await;
        assert_eq!(logo.header("content-type"), "image/svg+xml");
        assert_eq!(logo.html, LOGO);
        // A picture with an address of its own may not run anything either.
        assert!(
            logo.header("content-security-policy")
                .contains("default-src 'none'")
        );
        assert!(logo.header("cache-control").contains("immutable"));
    }
    assert_eq!(app.browser().get("/assets/brand.css").await.status, 404);
}

#[tokio::test]
async fn without_a_brand_the_pages_are_as_they_come() {
    let app = TestApp::new().await;
    let page = app.browser().open("/login").await;
    assert!(!page.html.contains("/assets/brand."), "{}", page.html);
    assert!(!page.html.contains("<img"), "{}", page.html);
}

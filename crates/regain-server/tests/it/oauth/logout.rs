//! `GET …/v1/logout` (O-09, S-07).

use super::{Tokens, encoded, expect_error, get, is_active, post, renew};
use crate::app::{CONFIDENTIAL, PUBLIC, Page, TestApp};

const PATH: &str = "/oauth2/default/v1/logout";
const REGISTERED: &str = "http://localhost:8401/";

async fn logout(app: &TestApp, fields: &[(&str, &str)]) -> Page {
    let fields: Vec<(&str, String)> = fields
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    get(app, &format!("{PATH}?{}", encoded(&fields)), None).await
}

#[tokio::test]
async fn tokens_end_and_the_browser_goes_on() {
    let app = TestApp::start().await;
    for by_post in [false, true] {
        let tokens = Tokens::new(&app).await;
        let other = Tokens::new(&app).await;
        let fields = [
            ("id_token_hint", tokens.id.clone()),
            ("post_logout_redirect_uri", REGISTERED.to_owned()),
            ("state", "a b".to_owned()),
            ("client_id", PUBLIC.to_owned()),
        ];
        let page = if by_post {
            post(&app, PATH, None, &encoded(&fields)).await
        } else {
            get(&app, &format!("{PATH}?{}", encoded(&fields)), None).await
        };
        page.expect_status(302);
        assert_eq!(
            page.header("location"),
            Some("http://localhost:8401/?state=a+b")
        );
        assert!(!is_active(&app, &tokens.access).await);
        expect_error(&renew(&app, &tokens.refresh).await, 400, "invalid_grant");
        assert!(is_active(&app, &other.access).await, "other sign-ins stay");
    }
    app.close().await;
}

#[tokio::test]
async fn without_an_address_it_ends_on_a_word() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let page = logout(&app, &[("id_token_hint", &tokens.id)]).await;
    page.expect_status(200);
    assert_eq!(page.header("location"), None);
    assert_eq!(
        page.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(!is_active(&app, &tokens.access).await);
    app.close().await;
}

/// Addresses that look like the registered one to somebody: to a proxy, to a browser, to a person.
const LOOKALIKES: &[&str] = &[
    // Other places.
    "http://evil.example/",
    "https://evil.example/http://localhost:8401/",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "http:evil.example",
    "http:/evil.example",
    "http:///evil.example",
    "http:\\\\evil.example",
    "evil.example",
    "/",
    ".",
    "?",
    "#",
    // The registered one with something before, in or after its host.
    "http://localhost:8401",
    "http://localhost:8401//evil.example",
    "http://localhost:8401/@evil.example",
    "http://localhost:8401@evil.example/",
    "http://localhost:8401\\@evil.example/",
    "http://localhost:8401%40evil.example/",
    "http://evil.example\\@localhost:8401/",
    "http://evil.example#@localhost:8401/",
    "http://evil.example?@localhost:8401/",
    "http://evil.example/?http://localhost:8401/",
    "http://user@localhost:8401/",
    "http://user:password@localhost:8401/",
    "http://localhost:8401.evil.example/",
    "http://localhost.evil.example:8401/",
    "http://localhost:84010/",
    "http://localhost:08401/",
    "http://localhost/",
    "http://localhost./",
    "http://localhost.:8401/",
    "http://127.0.0.1:8401/",
    "http://[::1]:8401/",
    "http://2130706433:8401/",
    "http://0x7f.1:8401/",
    // The same place, in other words.
    "//localhost:8401/",
    "HTTP://localhost:8401/",
    "https://localhost:8401/",
    "http://LOCALHOST:8401/",
    "http://localhost:8401/.",
    "http://localhost:8401/..",
    "http://localhost:8401/%2e%2e",
    "http://localhost:8401/?",
    "http://localhost:8401/#",
    "http://localhost:8401/?next=//evil.example",
    "http://localhost:8401/login/callback",
    " http://localhost:8401/",
    "http://localhost:8401/ ",
    "http://localhost:8401/\0",
    "http://localhost:8401/\n",
    "http://localhost:8401/\r\nlocation: http://evil.example/",
    "http://localhost:8401/\r\n\r\n<script>alert(1)</script>",
    "http://localhost:8401/%0d%0alocation:%20http://evil.example/",
    // Dots, slashes and letters of other scripts.
    "http://localhost:8401\u{3002}evil.example/",
    "http://evil\u{ff0e}example/",
    "http://evil\u{ff61}example/",
    "http:\u{ff0f}\u{ff0f}localhost:8401/",
    "http://localhost:8401\u{ff0f}",
    "http://loc\u{430}lhost:8401/",
    "http://\u{217c}ocalhost:8401/",
    "\u{feff}http://localhost:8401/",
    "http://localhost:8401/\u{202e}",
    // No places.
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "javascript://localhost:8401/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:http://localhost:8401/x",
    "view-source:http://localhost:8401/",
];

fn lookalikes() -> Vec<String> {
    let mut all: Vec<String> = LOOKALIKES.iter().map(|it| (*it).to_owned()).collect();
    // The registered one, with one character left out, doubled or changed.
    for (at, right) in REGISTERED.char_indices() {
        let (before, rest) = REGISTERED.split_at(at);
        let after = &rest[right.len_utf8()..];
        all.push(format!("{before}{after}"));
        all.push(format!("{before}{right}{right}{after}"));
        for other in ['\\', '@', '/', '.', '\u{ff0e}', '%', '\t', 'x'] {
            all.push(format!("{before}{other}{rest}"));
            all.push(format!("{before}{other}{after}"));
        }
    }
    all.retain(|address| address != REGISTERED);
    all
}

#[tokio::test]
async fn t_h5_no_address_but_the_registered_one_is_ever_led_to() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let wanted = lookalikes();
    assert!(wanted.len() > 400, "{}", wanted.len());
    for (number, wanted) in wanted.iter().enumerate() {
        let fields = [
            ("id_token_hint", tokens.id.clone()),
            ("post_logout_redirect_uri", wanted.clone()),
        ];
        let page = if number % 2 == 0 {
            get(&app, &format!("{PATH}?{}", encoded(&fields)), None).await
        } else {
            post(&app, PATH, None, &encoded(&fields)).await
        };
        assert_eq!(page.status, 400, "{wanted:?}");
        expect_error(&page, 400, "invalid_request");
        assert_eq!(page.header("location"), None, "{wanted:?}");
        assert_eq!(page.header("refresh"), None, "{wanted:?}");
    }
    assert!(
        !is_active(&app, &tokens.access).await,
        "signed out all the same"
    );
    // Twice, and the second time another one.
    let hint = encoded(&[("id_token_hint", tokens.id.clone())]);
    let twice = format!(
        "{PATH}?{hint}&post_logout_redirect_uri={REGISTERED}&post_logout_redirect_uri=http://evil.example/"
    );
    assert_eq!(get(&app, &twice, None).await.header("location"), None);
    // The app's `state` comes back as one parameter, whatever is in it.
    for state in [
        "\r\nlocation: http://evil.example/",
        "@evil.example",
        "//evil.example/",
        "&a=b#c",
    ] {
        let fields = [
            ("id_token_hint", tokens.id.clone()),
            ("post_logout_redirect_uri", REGISTERED.to_owned()),
            ("state", state.to_owned()),
        ];
        let page = get(&app, &format!("{PATH}?{}", encoded(&fields)), None).await;
        page.expect_status(302);
        let location = page.header("location").unwrap();
        let value = location
            .strip_prefix("http://localhost:8401/?state=")
            .unwrap();
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "%+-._*".contains(it);
        assert!(value.chars().all(is_plain), "{location}");
        assert_eq!(page.headers.get_all("location").iter().count(), 1);
    }
    app.close().await;
}

#[tokio::test]
async fn only_an_id_token_of_this_server_says_whose_sign_in_to_end() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    for hint in ["", "nonsense", &tokens.access, &tokens.refresh] {
        let fields = [
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", REGISTERED),
        ];
        expect_error(&logout(&app, &fields).await, 400, "invalid_request");
    }
    let other_client = [("id_token_hint", &*tokens.id), ("client_id", CONFIDENTIAL)];
    expect_error(&logout(&app, &other_client).await, 400, "invalid_request");
    let hint = encoded(&[("id_token_hint", tokens.id.clone())]);
    let elsewhere = get(&app, &format!("/oauth2/v1/logout?{hint}"), None).await;
    expect_error(&elsewhere, 400, "invalid_request");
    assert!(is_active(&app, &tokens.access).await);
    app.close().await;
}

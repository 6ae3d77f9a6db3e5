//! T-H3, H-03: what a page of another site sends with somebody's browser has no effect, whichever
//! way it finds around a preflight.

use axum::body::Body;
use axum::http::{Method, Request};
use regain_engine::Endpoint;
use serde_json::json;

use crate::app::{HTTPS_BASE, Page, Person, TestApp};

const OURS: &str = HTTPS_BASE;
const TRUSTED: &str = "https://app.example.com";
/// Who asks: `Origin` and `Sec-Fetch-Site`, as browsers send them.
type Asker = (Option<&'static str>, Option<&'static str>);
const STRANGERS: [Asker; 12] = [
    (Some("https://evil.example"), Some("cross-site")),
    // Browsers that do not say which site asks.
    (Some("https://evil.example"), None),
    // Sandboxed frames, pages from files, redirects.
    (Some("null"), Some("cross-site")),
    (Some("null"), None),
    // Siblings, and names that only look like ours.
    (Some("https://evil.example.com"), Some("same-site")),
    (Some("https://evil.id.example.com"), Some("same-site")),
    (
        Some("https://id.example.com.evil.example"),
        Some("cross-site"),
    ),
    (Some("http://id.example.com"), Some("cross-site")),
    (Some("https://id.example.com:8443"), Some("same-site")),
    (Some("https://app.example.com."), Some("cross-site")),
    // No origin, but a browser says that another site asks.
    (None, Some("cross-site")),
    (None, Some("same-site")),
];
const FORM: &str = "application/x-www-form-urlencoded";

async fn app() -> TestApp {
    TestApp::with(|setup| {
        setup.dev = false;
        setup.policy.limits.volume = false;
        setup.public_url = OURS.to_owned();
        setup.trusted_origin = Some(TRUSTED.to_owned());
    })
    .await
}

/// Sends what a page makes a browser send, with the cookie that the browser has for us.
async fn send(app: &TestApp, from: Asker, path: &str, (media, body): (Option<&str>, &str)) -> Page {
    let mut request = Request::builder().method(Method::POST).uri(path).header(
        "cookie",
        "__Host-regain_dt=0123456789012345678901234567890123456789012",
    );
    let named = [
        ("origin", from.0),
        ("sec-fetch-site", from.1),
        ("content-type", media),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    app.send(request).await
}

/// The same JSON in every form that goes out without a preflight, and in one that does not.
fn shapes(json: &str) -> Vec<(Option<&'static str>, String)> {
    let (before, after) = json.split_at(json.len() - 1);
    let part =
        format!("--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n{json}\r\n--b--\r\n");
    vec![
        // `fetch` and `sendBeacon` with a text.
        (Some("text/plain;charset=UTF-8"), json.to_owned()),
        // A form with `enctype=text/plain`, whose `=` hides in a member.
        (
            Some("text/plain"),
            format!("{before},\"x\":\"={after}\"}}\r\n"),
        ),
        // `sendBeacon` with `URLSearchParams`, and a form.
        (Some(FORM), format!("{json}=")),
        // `sendBeacon` with `FormData`.
        (Some("multipart/form-data; boundary=b"), part),
        // `fetch` and `sendBeacon` with bytes, or with a blob without a type: no type at all.
        (None, json.to_owned()),
        (Some(""), json.to_owned()),
        (Some("text/plain; application/json"), json.to_owned()),
        // Not without a preflight, if the browser has no bug.
        (Some("application/json"), json.to_owned()),
    ]
}

#[tokio::test]
async fn t_h3_no_page_of_another_site_moves_a_flow() {
    let app = app().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.mail_is_done().await;
    let id = walk.authenticator_id("okta_email");
    let body = json!({
        "stateHandle": walk.state_handle,
        "identifier": Person::Active.login(),
        "credentials": {"passcode": "000000"},
        "authenticator": {"id": id},
    })
    .to_string();
    for endpoint in Endpoint::ALL {
        for from in STRANGERS {
            for (media, body) in shapes(&body) {
                let what = format!("{from:?} {media:?} {endpoint:?}");
                let sent = send(&app, from, endpoint.path(), (media, &body));
                let page = app.unchanged(&what, sent).await;
                assert_eq!(page.status, 403, "{what}: {}", page.json);
                assert_eq!(page.header("access-control-allow-origin"), None, "{what}");
                assert_eq!(page.header("set-cookie"), None, "{what}");
            }
        }
        // Of whatever page it is, ours included: what needs no preflight is not taken for JSON.
        for from in [(None, None), (Some(OURS), Some("same-origin"))] {
            for (media, body) in shapes(&body) {
                if media.is_some_and(|media| !media.is_empty() && media != "application/json") {
                    let sent = send(&app, from, endpoint.path(), (media, &body));
                    let page = app.unchanged("a simple request", sent).await;
                    assert_eq!(page.status, 415, "{media:?} {endpoint:?}: {}", page.json);
                }
            }
        }
    }
    // The same body does something when it comes from where it may.
    for from in [
        (Some(OURS), Some("same-origin")),
        (Some(TRUSTED), Some("same-site")),
        (None, Some("none")),
        (None, None),
    ] {
        let before = app.snapshot();
        let sent = (Some("application/json"), &*body);
        let page = send(&app, from, "/idp/idx/challenge/answer", sent).await;
        page.expect_passcode(401, "api.authn.error.PASSCODE_INVALID");
        assert!(before.changed(&app.snapshot()).len() >= 2, "{from:?}");
    }
    app.close().await;
}

#[tokio::test]
async fn t_h3_no_page_of_another_site_begins_a_flow_or_ends_tokens() {
    let app = app().await;
    let begin = "client_id=test-spa&scope=openid&state=s&nonce=n&code_challenge_method=S256\
        &redirect_uri=http%3A%2F%2Flocalhost%3A8401%2Flogin%2Fcallback\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for server in ["/oauth2/v1", "/oauth2/default/v1"] {
        for endpoint in ["interact", "introspect", "revoke", "token", "userinfo"] {
            let path = format!("{server}/{endpoint}");
            for from in STRANGERS {
                for media in [Some(FORM), None, Some("text/plain")] {
                    // In the body, and in the address with nothing in the body.
                    for (path, body) in [(path.clone(), begin), (format!("{path}?{begin}"), "")] {
                        let sent = send(&app, from, &path, (media, body));
                        let page = app.unchanged(&path, sent).await;
                        page.expect_api_error(403, "E0000006");
                    }
                }
            }
        }
    }
    for from in [(Some(TRUSTED), Some("same-site")), (None, None)] {
        let before = app.snapshot();
        let sent = (Some(FORM), begin);
        send(&app, from, "/oauth2/default/v1/interact", sent)
            .await
            .expect_status(200);
        assert_ne!(before, app.snapshot(), "{from:?}");
    }
    app.close().await;
}

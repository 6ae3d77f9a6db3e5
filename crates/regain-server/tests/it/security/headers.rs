//! T-H4, H-04, H-05: the headers of every answer of every route, as production sends them.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Method, Request};

use crate::app::{HTTPS_BASE, Page, Person, TRUSTED_ORIGIN, TestApp};

/// Every route: how it is asked, what comes back, what the router calls it, and an address of it if
/// that is another. A route that is missing here fails the test.
const ROUTES: &str = "
    GET 200 /health/live
    GET 200 /health/ready
    GET 200 /.well-known/openid-configuration
    GET 200 /.well-known/oauth-authorization-server
    GET 200 /oauth2/.well-known/openid-configuration
    GET 200 /oauth2/.well-known/oauth-authorization-server
    GET 200 /oauth2/{server}/.well-known/openid-configuration /oauth2/default/.well-known/openid-configuration
    GET 404 /oauth2/{server}/.well-known/openid-configuration /oauth2/another/.well-known/openid-configuration
    GET 200 /oauth2/{server}/.well-known/oauth-authorization-server /oauth2/default/.well-known/oauth-authorization-server
    GET 200 /oauth2/v1/keys
    POST 401 /oauth2/v1/interact
    POST 401 /oauth2/v1/introspect
    GET 400 /oauth2/v1/logout
    POST 400 /oauth2/v1/logout
    POST 400 /oauth2/v1/revoke
    POST 401 /oauth2/v1/token
    GET 401 /oauth2/v1/userinfo
    POST 401 /oauth2/v1/userinfo
    GET 200 /oauth2/{server}/v1/keys /oauth2/default/v1/keys
    GET 404 /oauth2/{server}/v1/keys /oauth2/another/v1/keys
    POST 401 /oauth2/{server}/v1/interact /oauth2/default/v1/interact
    POST 200 /oauth2/{server}/v1/interact /oauth2/default/v1/interact?client_id=test-spa&scope=openid&state=s&nonce=n&redirect_uri=http%3A%2F%2Flocalhost%3A8401%2Flogin%2Fcallback&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM
    POST 401 /oauth2/{server}/v1/introspect /oauth2/default/v1/introspect
    GET 400 /oauth2/{server}/v1/logout /oauth2/default/v1/logout
    POST 400 /oauth2/{server}/v1/logout /oauth2/default/v1/logout
    POST 400 /oauth2/{server}/v1/revoke /oauth2/default/v1/revoke
    POST 401 /oauth2/{server}/v1/token /oauth2/default/v1/token
    GET 401 /oauth2/{server}/v1/userinfo /oauth2/default/v1/userinfo
    POST 401 /oauth2/{server}/v1/userinfo /oauth2/default/v1/userinfo
    POST 400 /api/v1/altcha
    GET 404 /email/verify/{client} /email/verify/test-spa?token=x
    POST 400 /idp/idx/cancel
    POST 400 /idp/idx/challenge
    POST 400 /idp/idx/challenge/answer
    POST 400 /idp/idx/challenge/poll
    POST 400 /idp/idx/challenge/resend
    POST 400 /idp/idx/credential/enroll
    POST 400 /idp/idx/identify
    POST 400 /idp/idx/introspect
    POST 400 /idp/idx/recover
    POST 400 /idp/idx/skip
";

/// A row of it.
struct Row {
    method: &'static str,
    status: u16,
    template: &'static str,
    path: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = ROUTES.trim().lines();
    let read = |line: &'static str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Row {
            method: words[0],
            status: words[1].parse().unwrap(),
            template: words[2],
            path: words.last().unwrap(),
        }
    };
    lines.map(read).collect()
}

/// What every answer carries, byte for byte.
const EVERYWHERE: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
    ("referrer-policy", "no-referrer"),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
    ("vary", "origin"),
    ("x-content-type-options", "nosniff"),
];
/// Headers that differ from answer to answer.
const FREE: [&str; 6] = [
    "content-length",
    "retry-after",
    "x-okta-request-id",
    "x-rate-limit-limit",
    "x-rate-limit-remaining",
    "x-rate-limit-reset",
];

async fn app(public_url: &str) -> TestApp {
    TestApp::with(|setup| {
        setup.dev = false;
        setup.public_url = public_url.to_owned();
    })
    .await
}

async fn ask(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Page {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

/// The templates of all routes, as the router itself prints them.
fn templates(app: &TestApp) -> BTreeSet<String> {
    let printed = format!("{:?}", app.router);
    // What it does with other paths is printed after them.
    let routes = printed.split("fallback_router:").next().unwrap();
    routes
        .split('"')
        .filter(|text| text.starts_with('/') && !text.contains("__private__"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn t_h4_every_route_is_in_the_list() {
    let app = app(HTTPS_BASE).await;
    let mut listed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows() {
        listed.entry(row.template).or_default().insert(row.method);
    }
    let templates = templates(&app);
    let names: BTreeSet<&str> = templates.iter().map(String::as_str).collect();
    assert_eq!(names, listed.keys().copied().collect());
    // Each way to ask that is listed here is one that there is, and there are no others.
    for row in rows() {
        let refused = ask(&app, "PROPFIND", row.path, &[]).await;
        refused.expect_api_error(405, "E0000022");
        let allowed: BTreeSet<&str> = refused.header("allow").unwrap().split(',').collect();
        let mut methods = listed[row.template].clone();
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        assert_eq!(allowed, methods, "{}", row.template);
    }
    app.close().await;
}

/// Everything that is not the same everywhere or free.
fn rest(page: &Page, what: &str) -> String {
    for (name, value) in EVERYWHERE {
        // A page for people has a style sheet, and T-L5 looks at its policy.
        if name == "content-security-policy" && what.contains(" /email/verify/") {
            let policy = page.header(name).unwrap();
            assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"));
            assert!(policy.ends_with("form-action 'none'; frame-ancestors 'none'"));
            continue;
        }
        let values: Vec<_> = page.headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{what}: {name}");
    }
    let known = |name: &str| EVERYWHERE.iter().any(|it| it.0 == name) || FREE.contains(&name);
    let rest: BTreeMap<&str, &str> = page
        .headers
        .iter()
        .filter(|(name, _)| !known(name.as_str()))
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let rest: Vec<String> = rest
        .iter()
        .map(|it| format!("{}: {}", it.0, it.1))
        .collect();
    rest.join(" | ")
}

/// A request: method, path, headers.
type Asked = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// What no route takes, or takes in another way.
const OTHERWISE: &[Asked] = &[
    ("GET", "/", &[]),
    ("GET", "/nowhere", &[]),
    ("GET", "/dev/mailbox", &[]),
    ("GET", "/metrics", &[]),
    ("PUT", "/idp/idx/identify", &[]),
    ("HEAD", "/health/live", &[]),
    ("OPTIONS", "/idp/idx/identify", &[]),
    (
        "OPTIONS",
        "/idp/idx/identify",
        &[
            ("origin", TRUSTED_ORIGIN),
            ("access-control-request-method", "POST"),
        ],
    ),
    (
        "OPTIONS",
        "/idp/idx/identify",
        &[
            ("origin", "https://evil.example"),
            ("access-control-request-method", "POST"),
        ],
    ),
    ("POST", "/idp/idx/identify", &[("origin", TRUSTED_ORIGIN)]),
    (
        "POST",
        "/idp/idx/identify",
        &[("origin", "https://evil.example")],
    ),
    (
        "POST",
        "/idp/idx/identify",
        &[("content-type", "text/plain")],
    ),
];

const NO_STORE: &str = "cache-control: no-cache, no-store";

#[tokio::test]
async fn t_h4_every_answer_carries_the_headers_that_browsers_obey() {
    let app = app(HTTPS_BASE).await;
    let mut lines = Vec::new();
    for row in rows() {
        let Row {
            method,
            status,
            path,
            ..
        } = row;
        let what = format!("{method} {} {status}", path.split('?').next().unwrap());
        let page = ask(&app, method, path, &[]).await;
        assert_eq!(page.status, status, "{what}: {}", page.json);
        let rest = rest(&page, &what);
        // Documents that are the same for everybody may be kept, and nothing else.
        let is_public = path.contains("/.well-known/") || path.ends_with("/keys");
        let may_be_kept = is_public && page.status == 200;
        assert_eq!(!rest.contains(NO_STORE), may_be_kept, "{what}: {rest}");
        lines.push(format!("{what} | {rest}\n"));
    }
    for (method, path, headers) in OTHERWISE {
        let page = ask(&app, method, path, headers).await;
        let origin = headers.iter().find(|it| it.0 == "origin");
        let origin = origin.map_or("", |it| it.1);
        let what = format!("{method} {path} {origin} {}", page.status);
        lines.push(format!("{what} | {}\n", rest(&page, &what)));
    }
    let long = format!("/health/live?{}", "x".repeat(8 * 1_024));
    for (path, headers) in [(&*long, &[][..]), ("/health/live", &[("x", &*long); 101])] {
        let page = ask(&app, "GET", path, headers).await;
        let what = format!("{} of what is too large", page.status);
        lines.push(format!("{what} | {}\n", rest(&page, &what)));
    }
    // Beside this directory, which is read as a list of tests.
    insta::with_settings!({snapshot_path => "../snapshots"}, {
        insta::assert_snapshot!(lines.concat());
    });
    app.close().await;
}

#[tokio::test]
async fn t_h4_documents_of_a_flow_and_tokens_are_kept_by_nobody() {
    let app = app(HTTPS_BASE).await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    let done = walk.answer("Marble-Harbour-77").await;
    done.interaction_code();
    let rest = rest(done, "the end of a flow");
    assert!(rest.contains(NO_STORE), "{rest}");
    assert!(!rest.contains("location"), "{rest}");
    app.close().await;
}

#[tokio::test]
async fn t_h4_https_is_asked_for_only_where_it_is_spoken() {
    let app = app("http://id.example.com").await;
    for path in ["/health/live", "/nowhere"] {
        let page = ask(&app, Method::GET.as_str(), path, &[]).await;
        assert_eq!(page.header("strict-transport-security"), None);
    }
    app.close().await;
}

/// What browsers make of the policy: nothing may be loaded, and nobody may frame it.
#[tokio::test]
async fn t_h4_no_page_frames_an_answer_and_an_answer_loads_nothing() {
    let app = app(HTTPS_BASE).await;
    for path in ["/health/live", "/oauth2/v1/logout", "/nowhere"] {
        let page = ask(&app, "GET", path, &[]).await;
        let policy: BTreeMap<&str, Vec<&str>> = page
            .header("content-security-policy")
            .unwrap()
            .split(';')
            .filter_map(|directive| directive.trim().split_once(' '))
            .map(|(name, sources)| (name, sources.split(' ').collect()))
            .collect();
        // `frame-ancestors` does not fall back to `default-src`; fetches of every kind do.
        assert_eq!(policy["default-src"], ["'none'"], "{path}");
        assert_eq!(policy["frame-ancestors"], ["'none'"], "{path}");
        assert_eq!(policy.len(), 2, "nothing is let in again: {path}");
        let media_type = page.header("content-type").unwrap();
        assert!(!media_type.contains("html"), "{path}: {media_type}");
    }
    app.close().await;
}

//! How much one address, one app and one handle may ask for (H-10, G-06, B2), over HTTP.

use std::net::{IpAddr, Ipv6Addr};
use std::task::Poll;

use axum::body::Body;
use axum::http::{Request, header};
use regain_engine::{EndUser, SignInMode};
use regain_server::{AddressLimits, Network};
use regain_store::Store as _;
use serde_json::{Value, json};

use crate::app::http::{PEER, send_to};
use crate::app::{CONFIDENTIAL, Page, Person, Setup, TestApp, Walk};

const INTROSPECT: &str = "/idp/idx/introspect";
const RATE: &str = "system.client.rate_limit.violation";

/// A server that counts; the tests move its clock.
async fn counting(change: impl FnOnce(&mut AddressLimits)) -> TestApp {
    counting_with(change, |_| {}).await
}

async fn counting_with(
    change: impl FnOnce(&mut AddressLimits),
    besides: impl FnOnce(&mut Setup),
) -> TestApp {
    let mut limits = AddressLimits::default();
    change(&mut limits);
    TestApp::with(|setup| {
        setup.dev = false;
        setup.address_limits = limits;
        besides(setup);
    })
    .await
}

fn request(path: &str, body: &Value) -> Request<Body> {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

async fn introspect(app: &TestApp, peer: IpAddr, walk: &Walk<'_>) -> Page {
    let body = json!({"interactionHandle": walk.interaction_handle});
    app.send_from(peer, request(INTROSPECT, &body)).await
}

fn figures(page: &Page) -> (u32, u32) {
    let figure = |name: &str| page.header(name).unwrap().parse().unwrap();
    (
        figure("x-rate-limit-limit"),
        figure("x-rate-limit-remaining"),
    )
}

/// A flow per ten requests: that is as many as a handle takes at once.
async fn flows(app: &TestApp, count: usize) -> Vec<Walk<'_>> {
    let mut flows = Vec::new();
    for _ in 0..count {
        flows.push(app.begin().await);
    }
    flows
}

fn here() -> IpAddr {
    IpAddr::from(PEER)
}

#[track_caller]
fn assert_refused_with_forms(page: &Page, remediation: &str) {
    page.expect_page(429, remediation);
    assert_eq!(page.top_keys(), ["tooManyRequests"]);
    let wait: u32 = page.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&wait), "{wait}");
    assert_eq!(figures(page).1, 0);
}

/// Reasons of over-run limits in the audit log; waits until there are so many.
async fn reasons(app: &TestApp, name: &str, count: usize) -> Vec<String> {
    loop {
        let rows = app.audit().await.into_iter();
        let found: Vec<String> = rows
            .filter(|row| row.name == name)
            .filter_map(|row| row.reason)
            .collect();
        if found.len() >= count {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn t_g11_an_address_has_sixty_requests_a_minute_and_not_one_more() {
    let app = counting(|_| {}).await;
    let flows = flows(&app, 7).await;
    for number in 0..60 {
        let page = introspect(&app, here(), &flows[number / 10]).await;
        page.expect_page(200, "identify");
        assert_eq!(figures(&page), (60, 59 - u32::try_from(number).unwrap()));
    }
    for refused in 0..40 {
        let page = introspect(&app, here(), &flows[6]).await;
        if refused < 10 {
            assert_refused_with_forms(&page, "identify");
        } else if refused >= 20 {
            // Whoever goes on costs no look-up any more, and no row each in the log.
            page.expect_api_error(429, "E0000047");
        }
    }
    assert_eq!(reasons(&app, RATE, 1).await[0], "REQUESTS");
    assert!(reasons(&app, RATE, 1).await.len() <= 2);
    // Others are not touched, and the address goes on in the next minute.
    let elsewhere = IpAddr::from([203, 0, 113, 10]);
    let other = introspect(&app, elsewhere, &flows[6]).await;
    assert_ne!(other.status, 200, "the handle itself was used too fast");
    app.advance(6);
    introspect(&app, elsewhere, &flows[6])
        .await
        .expect_status(200);
    introspect(&app, here(), &flows[5]).await.expect_status(429);
    app.advance(55);
    introspect(&app, here(), &flows[6]).await.expect_status(200);
    app.close().await;
}

#[tokio::test]
async fn t_g11_a_handle_has_ten_steps_in_five_seconds_and_a_poll_each_second() {
    let app = counting(|_| {}).await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.advance(6);
    let own = json!({"stateHandle": walk.state_handle});
    for _ in 0..10 {
        app.post(INTROSPECT, &own).await.expect_status(200);
    }
    let eleventh = app.post(INTROSPECT, &own).await;
    assert_refused_with_forms(&eleventh, "challenge-authenticator");
    // Polls are exempt, and bounded by themselves; they keep nothing alive.
    let before = walk.stored().await.flow.expires_at;
    walk.post("/idp/idx/challenge/poll", json!({}))
        .await
        .expect_status(200);
    walk.post("/idp/idx/challenge/poll", json!({})).await;
    assert_refused_with_forms(&walk.page, "challenge-authenticator");
    app.advance(2);
    walk.post("/idp/idx/challenge/poll", json!({}))
        .await
        .expect_status(200);
    assert_eq!(walk.stored().await.flow.expires_at, before);
    app.post(INTROSPECT, &own).await.expect_status(429);
    app.advance(4);
    app.post(INTROSPECT, &own).await.expect_status(200);
    app.close().await;
}

#[tokio::test]
async fn t_g11_an_address_starts_thirty_recoveries_an_hour_for_whomever() {
    let app = counting(|limits| limits.requests_per_minute = 10_000).await;
    let people = [Person::Active.login(), "nobody@example.com"];
    for number in 0..30 {
        let mut walk = app.begin().await;
        // A name each, as far as they go: one alone would come to its own limit first.
        let nobody = format!("nobody-{number}@example.com");
        let login = if number % 5 == 0 {
            people[0]
        } else {
            nobody.as_str()
        };
        let page = walk.recover(login).await;
        page.expect_page(200, "select-authenticator-authenticate");
    }
    // T-E5: for somebody and for nobody alike.
    for login in people {
        let mut walk = app.begin().await;
        let refused = walk.recover(login).await;
        assert_refused_with_forms(refused, "identify-recovery");
    }
    assert_eq!(reasons(&app, RATE, 1).await, ["RECOVERIES"]);
    let mut walk = app.first_page().await;
    let who = json!({"identifier": people[0], "credentials": {"passcode": "wrong"}});
    walk.remediate("identify", who).await.expect_status(401);
    app.advance(60 * 60);
    let mut walk = app.begin().await;
    walk.recover(people[0]).await.expect_status(200);
    app.close().await;
}

#[tokio::test]
async fn t_g11_a_sign_in_that_turns_into_a_recovery_is_a_start_too() {
    // Where the name comes first, nobody is asked for it again.
    let app = counting_with(
        |limits| limits.requests_per_minute = 10_000,
        |setup| setup.policy.sign_in_mode = SignInMode::IdentifierFirst,
    )
    .await;
    for number in 0..=30 {
        let mut walk = app.first_page().await;
        let who = json!({"identifier": format!("nobody-{number}@example.com")});
        walk.remediate("identify", who).await.expect_status(200);
        let page = walk.act("recover").await;
        if number < 30 {
            page.expect_page(200, "select-authenticator-authenticate");
        } else {
            assert_refused_with_forms(page, "challenge-authenticator");
        }
    }
    app.close().await;
}

#[tokio::test]
async fn t_g11_a_mail_that_begins_a_sign_in_is_a_start_too() {
    let app = counting_with(
        |limits| limits.requests_per_minute = 10_000,
        |setup| {
            setup.policy.sign_in_mode = SignInMode::IdentifierFirst;
            let sign_in = &mut setup.policy.sign_in;
            sign_in.first_factors.push(regain_engine::email_key());
        },
    )
    .await;
    for number in 0..=30 {
        let mut walk = app.first_page().await;
        let who = json!({"identifier": format!("nobody-{number}@example.com")});
        walk.remediate("identify", who).await.expect_status(200);
        // The password can be chosen as often as one likes.
        let id =
            |walk: &Walk<'_>, key| json!({"authenticator": {"id": walk.authenticator_id(key)}});
        let password = id(&walk, "okta_password");
        let mail = id(&walk, "okta_email");
        let choice = "select-authenticator-authenticate";
        let page = walk.remediate(choice, password).await;
        page.expect_page(200, "challenge-authenticator");
        let page = walk.remediate(choice, mail).await;
        if number < 30 {
            page.expect_page(200, "challenge-authenticator");
        } else {
            assert_refused_with_forms(page, "challenge-authenticator");
        }
    }
    app.leave_mail().await;
}

#[tokio::test]
async fn t_g4_moving_within_a_network_gains_little() {
    let app = counting(|_| {}).await;
    let flows = flows(&app, 70).await;
    let at = |bits: u128| IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | bits));
    // A /64 is one address, however it is moved in.
    for number in 0..60_u32 {
        let page = introspect(&app, at(u128::from(number)), &flows[number as usize / 10]).await;
        page.expect_status(200);
    }
    introspect(&app, at(1 << 60), &flows[65])
        .await
        .expect_status(429);
    // A /48 is ten of them.
    for number in 60..600_u32 {
        let network = u128::from(number / 60) << 64;
        let page = introspect(&app, at(network), &flows[number as usize / 10]).await;
        page.expect_status(200);
    }
    introspect(&app, at(500 << 64), &flows[66])
        .await
        .expect_status(429);
    introspect(&app, at(1 << 80), &flows[67])
        .await
        .expect_status(200);
    app.close().await;
}

#[tokio::test]
async fn t_g9_two_nodes_let_no_more_through_than_one() {
    let app = counting(|_| {}).await;
    let nodes = [app.router.clone(), app.again(), app.again()];
    let flows = flows(&app, 30).await;
    let mut admitted = 0;
    for number in 0..180 {
        let handle = &flows[number / 6].interaction_handle;
        let body = json!({"interactionHandle": handle});
        let page = send_to(&nodes[number % 3], here(), request(INTROSPECT, &body)).await;
        admitted += u32::from(page.status == 200);
    }
    // What one node took and did not use is lost to the others: little, and never too much.
    assert!((50..=60).contains(&admitted), "{admitted}");
    app.close().await;
}

#[tokio::test]
async fn the_app_s_user_counts_where_the_app_names_one_and_the_app_elsewhere() {
    let app = counting(|limits| {
        limits.requests_per_minute = 10;
        limits.app_requests_per_minute = 60;
    })
    .await;
    let told = |address: Option<&str>| {
        let end_user = address.map(|address| EndUser {
            address: Some(address.to_owned()),
            user_agent: None,
            device: None,
        });
        app.begin_for(|flow| {
            flow.client_id = regain_types::ClientId::parse(CONFIDENTIAL).unwrap();
            flow.confidential = true;
            flow.end_user = end_user;
        })
    };
    // Each person has ten, though all requests come from the app's one address.
    for address in ["198.51.100.1", "::ffff:198.51.100.2", "2001:db8::1"] {
        let (walk, next) = (told(Some(address)).await, told(Some(address)).await);
        for _ in 0..10 {
            introspect(&app, here(), &walk).await.expect_status(200);
        }
        introspect(&app, here(), &next).await.expect_status(429);
    }
    // An app that names nobody has one ceiling, whoever sends.
    for number in 0..7_u8 {
        let walk = told(None).await;
        for _ in 0..10 {
            let peer = IpAddr::from([192, 0, 2, number]);
            let page = introspect(&app, peer, &walk).await;
            assert_eq!(page.status == 200, number < 6, "{number}");
        }
    }
    app.close().await;
}

/// Polled together, in order, so that all of them have begun before the first is done.
async fn together<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        pending.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(output) => {
                done.push(output);
                false
            }
            Poll::Pending => true,
        });
        if pending.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn five_requests_of_an_address_run_at_once() {
    let app = counting(|_| {}).await;
    let mut walks = Vec::new();
    for _ in 0..8 {
        walks.push(app.first_page().await);
    }
    let all: Vec<_> = walks
        .iter()
        .enumerate()
        .map(|(number, walk)| {
            // A name each: wrong passwords of one would make it wait.
            let name = format!("nobody-{number}@example.com");
            let mut body = json!({"identifier": name, "credentials": {"passcode": "no"}});
            body["stateHandle"] = Value::String(walk.state_handle.clone());
            app.send(request("/idp/idx/identify", &body))
        })
        .collect();
    let pages = together(all).await;
    let crowded: Vec<&Page> = pages.iter().filter(|page| page.status == 429).collect();
    assert!((1..=3).contains(&crowded.len()), "{}", crowded.len());
    for page in crowded {
        page.expect_api_error(429, "E0000047");
        assert_eq!(figures(page), (0, 0));
        assert_eq!(page.header("retry-after"), Some("1"));
    }
    let event = "system.client.concurrency_rate_limit.violation";
    assert_eq!(reasons(&app, event, 1).await[0], "CONCURRENCY");
    // Whoever is done makes room.
    walks[0].introspect().await.expect_status(200);
    app.close().await;
}

#[tokio::test]
async fn handles_that_do_not_exist_are_bounded_and_hurt_nobody_s_flow() {
    let app = counting(|_| {}).await;
    let unknown = |number: u32| json!({"stateHandle": format!("guess-{number}")});
    for number in 0..60 {
        let page = app.send(request(INTROSPECT, &unknown(number))).await;
        page.expect_status(401);
    }
    let page = app.send(request(INTROSPECT, &unknown(60))).await;
    page.expect_api_error(429, "E0000047");
    app.first_page().await.page.expect_status(200);
    app.close().await;
}

#[tokio::test]
async fn t_h6_a_stranger_s_forwarding_header_moves_neither_limits_nor_the_log() {
    let app = counting(|_| {}).await;
    let flows = flows(&app, 7).await;
    for number in 0..61_usize {
        let body = json!({"interactionHandle": flows[number / 10].interaction_handle});
        let mut forged = request(INTROSPECT, &body);
        let address = format!("198.51.100.{number}").parse().unwrap();
        forged.headers_mut().insert("x-forwarded-for", address);
        let page = app.send(forged).await;
        assert_eq!(page.status == 200, number < 60, "{number}");
    }
    reasons(&app, RATE, 1).await;
    let rows = app.store.list_audit(app.org(), 1_000).await.unwrap();
    let over_run = rows.iter().find(|row| row.name == RATE).unwrap();
    assert_eq!(over_run.request.address.as_deref(), Some("203.0.113.9"));
    app.close().await;
}

#[tokio::test]
async fn t_h6_behind_a_trusted_proxy_each_person_counts() {
    let app = TestApp::with(|setup| {
        setup.dev = false;
        setup.address_limits.requests_per_minute = 10;
        setup.trusted_proxies = vec![Network::parse("203.0.113.0/24").unwrap()];
    })
    .await;
    for person in 0..5_u8 {
        let (walk, next) = (app.begin().await, app.begin().await);
        for number in 0..11 {
            let walk = if number < 10 { &walk } else { &next };
            let body = json!({"interactionHandle": walk.interaction_handle});
            let mut request = request(INTROSPECT, &body);
            // What the person wrote itself stands on the left and counts for nothing.
            let hops = format!("10.9.8.{number}, 198.51.{person}.1, 203.0.113.77");
            let hops = hops.parse().unwrap();
            request.headers_mut().insert("x-forwarded-for", hops);
            let page = app.send(request).await;
            assert_eq!(page.status == 200, number < 10, "{person} {number}");
        }
    }
    app.close().await;
}

#[tokio::test]
async fn where_nothing_is_counted_the_headers_say_that_nothing_is_used() {
    let app = TestApp::start().await;
    let walk = app.first_page().await;
    for _ in 0..100 {
        let page = introspect(&app, here(), &walk).await;
        page.expect_status(200);
        assert_eq!(figures(&page), (60, 60));
    }
    app.close().await;
}

//! T-M2: how many mails one name may ask for, over HTTP: however it is written, whoever has it (M-02).

use regain_store::Store as _;
use regain_types::Timestamp;
use serde_json::json;

use super::indistinguishable::canonical;
use crate::app::{Guest, PASSWORD, Person, TestApp, Walk};

const OWNER: &str = Person::Active.login();
const NOBODY: &str = Person::Unknown.login();
const QUARTER: i64 = 15 * 60;
const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// A server where mails alone are limited, and not how often recoveries begin.
async fn counting_mails() -> TestApp {
    TestApp::with(|setup| {
        setup.dev = false;
        setup.policy.limits.starts_24h = 100;
        setup.policy.limits.live_recoveries = 50;
    })
    .await
}

/// Asks for a mail; says whether it was granted, or how long to wait.
async fn ask(walk: &mut Walk<'_>, typed: &str) -> Result<(), i64> {
    if walk.recover(typed).await.status == 200 {
        walk.choose_email()
            .await
            .expect_page(200, "challenge-authenticator");
        return Ok(());
    }
    walk.page.expect_page(429, "identify-recovery");
    walk.page.expect_top(429, "tooManyRequests");
    let wait = walk.page.header("retry-after").expect("waiting helps");
    Err(wait.parse().unwrap())
}

/// Asks in a new flow from a new network.
async fn ask_anew(app: &TestApp, network: u16, typed: &str) -> Result<(), i64> {
    let mut walk = app.begin_as(Guest::from_network(network)).await;
    ask(&mut walk, typed).await
}

#[tokio::test]
async fn t_m2_every_way_to_write_a_name_asks_for_mails_of_one_budget_and_nobody_s_too() {
    let app = counting_mails().await;
    let variants = |name: &str| {
        [
            name.to_owned(),
            name.to_uppercase(),
            name.replace('@', "+a@"),
            name.replace('@', "+B+c@"),
            format!(" {} ", name.replace("example", "Example")),
        ]
    };
    let mut said = Vec::new();
    for number in 0..8 {
        let mut seen = Vec::new();
        for (network, name) in [(number, OWNER), (100 + number, NOBODY)] {
            let typed = &variants(name)[usize::from(number) % 5];
            let mut walk = app.begin_as(Guest::from_network(network)).await;
            let granted = ask(&mut walk, typed).await;
            seen.push((granted, canonical(&walk.page, &walk, typed.trim())));
        }
        assert_eq!(seen[0], seen[1], "{number}");
        said.push(seen.remove(0).0);
        app.advance(60);
    }
    let expected = [
        Ok(()),
        Ok(()),
        Ok(()),
        Ok(()),
        Ok(()),
        // Until the first of them is a quarter of an hour old.
        Err(600),
        Err(540),
        Err(480),
    ];
    assert_eq!(said, expected);
    app.mail_is_done().await;
    let inbox = app.mailbox.list(Some(OWNER), None).len();
    assert_eq!(inbox, 3, "tags are of other people, who are not there");
    app.close().await;
}

#[tokio::test]
async fn t_m2_five_mails_a_quarter_of_an_hour_ten_an_hour_twenty_a_day() {
    let app = counting_mails().await;
    for name in [OWNER, NOBODY] {
        let began = app.store.now().await.unwrap();
        let mut granted: Vec<Timestamp> = Vec::new();
        let mut network = 0;
        while granted.len() < 25 {
            network += 1;
            match ask_anew(&app, network, name).await {
                Ok(()) => granted.push(app.store.now().await.unwrap()),
                Err(wait) => {
                    // Not a second too early, and not one too late.
                    app.advance(wait - 1);
                    assert_eq!(ask_anew(&app, network, name).await, Err(1), "{name}");
                    app.advance(1);
                    let came = ask_anew(&app, network, name).await;
                    assert_eq!(came, Ok(()), "{name} after {wait} s");
                    granted.push(app.store.now().await.unwrap());
                }
            }
        }
        for (most, seconds) in [(5, QUARTER), (10, HOUR), (20, DAY)] {
            let within = |from: &Timestamp| {
                let until = from.plus_seconds(seconds);
                let young = granted.iter().filter(|at| from <= at && **at < until);
                young.count()
            };
            let reached = granted.iter().map(within).max();
            assert_eq!(reached, Some(most), "{name} in {seconds} s");
        }
        let last = granted.last().unwrap().seconds_since(began);
        assert!((DAY..DAY + 2 * HOUR).contains(&last), "{name}: {last} s");
        app.advance(DAY);
    }
    app.leave_mail().await;
}

#[tokio::test]
async fn t_m2_a_known_device_has_three_mails_an_hour_on_top() {
    let app = counting_mails().await;
    let mut walk = app.begin_as(Guest::browser(1)).await;
    walk.introspect().await.expect_status(200);
    let given = json!({"identifier": OWNER, "credentials": {"passcode": PASSWORD}});
    walk.remediate("identify", given).await.interaction_code();
    let known = walk.guest.clone();
    assert!(known.cookie.is_some());
    let planted = Guest {
        cookie: Some("regain_dt=planted-by-somebody-else-long-before".to_owned()),
        ..Guest::browser(2)
    };
    for number in 10..15 {
        for name in [OWNER, NOBODY] {
            ask_anew(&app, number, name).await.unwrap();
        }
    }
    for _ in 0..2 {
        for _ in 0..3 {
            let mut walk = app.begin_as(known.clone()).await;
            assert_eq!(ask(&mut walk, OWNER).await, Ok(()));
        }
        let mut walk = app.begin_as(known.clone()).await;
        assert!(ask(&mut walk, OWNER).await.is_err(), "a fourth");
        // The reserve is of the device and the name together.
        for (guest, name) in [(&known, NOBODY), (&planted, OWNER), (&planted, NOBODY)] {
            let mut walk = app.begin_as(guest.clone()).await;
            assert_eq!(ask(&mut walk, name).await, Err(QUARTER), "{name}");
        }
        app.advance(HOUR);
        for number in 20..25 {
            for name in [OWNER, NOBODY] {
                ask_anew(&app, number, name).await.unwrap();
            }
        }
    }
    app.leave_mail().await;
}

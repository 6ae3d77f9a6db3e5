//! Attackers who go on and on about one name, over HTTP, and its owner beside them (T-G2, T-G10,
//! T-G12).

use serde_json::json;

use super::guessing::counting;
use super::indistinguishable::canonical;
use crate::app::{Guest, PASSWORD, Person, TestApp, Walk};

const NEW: &str = "Marble-Harbour-77";
/// Networks of the owner, beyond those of attackers.
const HOME: u16 = 60_000;
const OWNER: &str = Person::Active.login();

/// How often the audit log tells of a threat for a reason.
async fn told(app: &TestApp, reason: &str) -> usize {
    let rows = app.audit().await.into_iter();
    let threats = rows.filter(|row| row.name == "security.threat.detected");
    threats
        .filter(|row| row.reason.as_deref() == Some(reason))
        .count()
}

/// Tries a password as somebody; says the answer, and what it looks like.
async fn sign_in<'a>(app: &'a TestApp, guest: &Guest, login: &str, password: &str) -> Walk<'a> {
    let mut walk = app.begin_as(guest.clone()).await;
    walk.introspect().await.expect_status(200);
    let given = json!({"identifier": login, "credentials": {"passcode": password}});
    walk.remediate("identify", given).await;
    walk
}

/// The owner's browser, where they have signed in before.
async fn known_browser(app: &TestApp) -> Guest {
    let walk = sign_in(app, &Guest::browser(HOME), OWNER, PASSWORD).await;
    walk.page.interaction_code();
    assert!(
        walk.guest.cookie.is_some(),
        "the browser is told to keep it"
    );
    walk.guest
}

/// Gives so many wrong answers, as fast as the server lets one; says the length of each code.
async fn answer_wrongly(app: &TestApp, count: usize) -> Vec<usize> {
    let (mut wrong, mut lengths) = (0, Vec::new());
    for number in 0..200 {
        let mut walk = app.begin_as(Guest::from_network(number)).await;
        let page = walk.recover(OWNER).await;
        if page.status == 429 {
            let wait = page.header("retry-after").expect("waiting helps");
            app.advance(wait.parse().unwrap());
            continue;
        }
        walk.choose_email().await.expect_status(200);
        let code = walk.derived_code().await;
        lengths.push(code.len());
        for place in 0..5 {
            let page = walk.answer(&Walk::wrong(&code, place)).await;
            wrong += usize::from(page.status == 401);
        }
        if wrong >= count {
            assert_eq!(wrong, count, "all of them were compared");
            app.mail_is_done().await;
            return lengths;
        }
    }
    panic!("{wrong} wrong answers only");
}

#[tokio::test]
async fn t_g2_after_a_hundred_wrong_answers_the_owner_recovers_on_any_device() {
    for is_known in [true, false] {
        let app = counting().await;
        let owner = if is_known {
            known_browser(&app).await
        } else {
            Guest {
                solves_work: true,
                ..Guest::browser(HOME)
            }
        };
        let lengths = answer_wrongly(&app, 100).await;
        // Ten wrong answers to short codes; the long ones go on.
        assert_eq!(lengths.len(), 20);
        assert_eq!(lengths[..2], [6, 6]);
        assert_eq!(lengths[2..], [12; 18]);
        for reason in [
            "IDENTIFIER_SHORT_WRONG_30D",
            "IDENTIFIER_WRONG_HOUR",
            "IDENTIFIER_WRONG_DAY",
        ] {
            assert!(told(&app, reason).await >= 1, "{reason}");
        }
        // The attacker has spent what the name may get in a day.
        let mut stranger = app.begin_as(Guest::from_network(1)).await;
        stranger.recover(OWNER).await.expect_status(429);

        let mut walk = app.begin_as(owner).await;
        walk.as_far_as_reset(OWNER, OWNER).await;
        let code = app.mail_to(OWNER).await.code.unwrap();
        assert_eq!(code.len(), 12);
        walk.answer(NEW).await.interaction_code();
        let stranger = Guest::from_network(2);
        let signed_in = sign_in(&app, &stranger, OWNER, NEW).await;
        signed_in.page.interaction_code();
        app.close().await;
    }
}

#[tokio::test]
async fn t_g10_after_the_101st_wrong_password_a_known_device_signs_in_and_lifts_it() {
    let app = TestApp::start().await;
    let known = known_browser(&app).await;
    let nobody = Person::Unknown.login();
    let stranger = Guest::from_network(1);
    // The same number of tries, and the same answers, for nobody.
    let alike = async |password: &str, status: u16| {
        let (one, other) = tokio::join!(
            sign_in(&app, &stranger, OWNER, password),
            sign_in(&app, &stranger, nobody, password)
        );
        one.page.expect_status(status);
        let seen = canonical(&one.page, &one, OWNER);
        assert_eq!(seen, canonical(&other.page, &other, nobody));
        app.clock.advance(15 * 60);
    };
    for _ in 0..101 {
        alike("wrong", 401).await;
    }
    for password in [PASSWORD, "wrong"] {
        alike(password, 429).await;
    }
    let refused = sign_in(&app, &stranger, OWNER, PASSWORD).await;
    refused.page.expect_top(429, "tooManyRequests");
    let signed_in = sign_in(&app, &known, OWNER, PASSWORD).await;
    signed_in.page.interaction_code();
    let lifted = sign_in(&app, &stranger, OWNER, PASSWORD).await;
    lifted.page.interaction_code();
    let refused = sign_in(&app, &stranger, nobody, PASSWORD).await;
    refused.page.expect_status(429);
    app.close().await;
}

#[tokio::test]
async fn t_g10_whoever_has_no_known_device_lifts_it_by_mail() {
    let app = TestApp::with(|setup| setup.policy.limits.consecutive_failures = 10).await;
    let stranger = Guest::from_network(1);
    for _ in 0..11 {
        let wrong = sign_in(&app, &stranger, OWNER, "wrong").await;
        wrong.page.expect_status(401);
        app.clock.advance(15 * 60);
    }
    let refused = sign_in(&app, &stranger, OWNER, PASSWORD).await;
    refused.page.expect_top(429, "tooManyRequests");
    let mut walk = app.begin_as(Guest::from_network(2)).await;
    walk.as_far_as_reset(OWNER, OWNER).await;
    walk.answer(NEW).await.interaction_code();
    let lifted = sign_in(&app, &stranger, OWNER, NEW).await;
    lifted.page.interaction_code();
    app.close().await;
}

/// Seventeen of a thousand starts an hour, each from an address of its own; one of them is paid for
/// in minutes that are dear to the attacker. Says how many wrong answers to short codes were compared.
async fn a_minute_of_attack(app: &TestApp, minute: u16) -> usize {
    let mut compared = 0;
    for start in 0..17 {
        let guest = Guest {
            solves_work: start == 0 && minute.is_multiple_of(8),
            ..Guest::from_network(minute * 17 + start)
        };
        let mut walk = app.begin_as(guest).await;
        if walk.recover(OWNER).await.status == 200 && walk.choose_email().await.status == 200 {
            app.mail_is_done().await;
            let code = walk.derived_code().await;
            for place in 0..5 {
                let page = walk.answer(&Walk::wrong(&code, place)).await;
                compared += usize::from(page.status == 401 && code.len() == 6);
            }
        }
        app.advance(3);
    }
    app.advance(9);
    compared
}

/// The owner tries on a device that nobody knows: a code comes, and it is right.
async fn owner_gets_in(app: &TestApp, network: u16) -> Option<Walk<'_>> {
    let guest = Guest {
        solves_work: true,
        ..Guest::browser(network)
    };
    let mut walk = app.begin_as(guest).await;
    if walk.recover(OWNER).await.status != 200 || walk.choose_email().await.status != 200 {
        return None;
    }
    app.mail_is_done().await;
    let code = walk.derived_code().await;
    let inbox = app.mailbox.list(Some(OWNER), None);
    let came = inbox.iter().any(|mail| mail.code.as_ref() == Some(&code));
    assert!(came, "what is sent arrives");
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    Some(walk)
}

#[tokio::test]
async fn t_g12_beside_a_crowd_the_owner_gets_in_and_the_inbox_is_not_flooded() {
    let app = TestApp::with(|setup| setup.dev = false).await;
    let (mut compared, mut got_in) = (0, 0);
    // Since which minute the owner tries.
    let mut trying = None;
    let mut last = None;
    for minute in 0..45 {
        compared += a_minute_of_attack(&app, minute).await;
        if minute % 9 == 4 {
            trying = Some(minute);
        }
        if let Some(since) = trying {
            assert!(minute < since + 10, "not within ten minutes of {since}");
            if let Some(walk) = owner_gets_in(&app, HOME + minute).await {
                (got_in, trying, last) = (got_in + 1, None, Some(walk));
            }
        }
    }
    assert_eq!(got_in, 5, "every time");
    last.unwrap().answer(NEW).await.interaction_code();
    app.mail_is_done().await;
    // All of it within an hour, the notice included.
    let mails = app.mailbox.list(Some(OWNER), None).len();
    assert!((10..=30).contains(&mails), "{mails}");
    assert_eq!(compared, 10, "G-01");
    app.close().await;
}

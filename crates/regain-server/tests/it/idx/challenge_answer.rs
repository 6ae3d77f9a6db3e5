//! `POST /idp/idx/challenge/answer` with a code: the bad input that an answer can be.

use serde_json::json;

use crate::app::{Page, Person, TestApp, Walk};

const PATH: &str = "/idp/idx/challenge/answer";
const INVALID: &str = "api.authn.error.PASSCODE_INVALID";

/// Wrong answers of the flow and of its open challenge.
async fn counted(walk: &Walk<'_>) -> (u32, u32) {
    let flow = walk.stored().await.flow;
    let regain_engine::Stage::ChallengeAuthenticator { climb, challenge } = flow.stage else {
        panic!("no challenge is open");
    };
    (climb.tally.wrong_answers, challenge.wrong_answers)
}

#[tokio::test]
async fn a_wrong_code_is_counted_and_said_at_the_field() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let code = app.code_for(login).await;
    app.mail_is_done().await;
    for (times, place) in [0, 3, 5].into_iter().enumerate() {
        let before = app.snapshot();
        walk.answer(&Walk::wrong(&code, place))
            .await
            .expect_page(401, "challenge-authenticator")
            .expect_passcode(401, INVALID);
        assert_eq!(walk.page.passcode_texts(), ["Invalid code. Try again."]);
        let times = u32::try_from(times).unwrap() + 1;
        assert_eq!(counted(&walk).await, (times, times));
        assert_eq!(
            before.changed(&app.snapshot()),
            ["audit", "flows", "ledgers"]
        );
    }
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_is_refused() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let first = app.mail_to(login).await;
    let code = first.code.unwrap();
    for place in 0..5 {
        walk.answer(&Walk::wrong(&code, place))
            .await
            .expect_passcode(401, INVALID);
    }
    app.mail_is_done().await;
    for answer in [code.as_str(), "000000", "x"] {
        let given = json!({"credentials": {"passcode": answer}});
        let sixth = walk.post(PATH, given);
        let page = app.unchanged("the sixth answer", sixth).await;
        page.expect_page(429, "challenge-authenticator")
            .expect_top(429, "tooManyRequests");
        let current = &page.json["currentAuthenticatorEnrollment"]["value"];
        assert!(current.get("resend").is_some(), "a new code can be had");
    }
    app.clock.advance(30);
    walk.act("resend").await.expect_status(200);
    let second = app.mail_after(login, Some(&first.id)).await;
    walk.answer(&second.code.unwrap())
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}

#[tokio::test]
async fn t_c2_a_code_works_until_its_last_millisecond_and_not_at_its_end() {
    // One millisecond before, at, and after the end.
    for (millis, proved) in [(-1, true), (0, false), (1, false)] {
        let app = TestApp::start().await;
        let login = Person::Active.login();
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(login).await;
        let code = app.code_for(login).await;
        app.clock.advance_ms(5 * 60 * 1_000 + millis);
        let page = walk.answer(&code).await.clone();
        if proved {
            page.expect_page(200, "reset-authenticator");
        } else {
            page.expect_passcode(401, INVALID);
            // Setting the clock back revives nothing.
            app.clock.set_back(60 * 60);
            walk.answer(&code).await.expect_passcode(401, INVALID);
            assert_eq!(counted(&walk).await, (2, 2));
        }
        app.close().await;
    }
}

#[tokio::test]
async fn spaces_and_dashes_are_for_the_eye() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    for form in [
        " 123-456 ",
        "1 2 3 4 5 6",
        "123 456\r\n",
        "12--34--56",
        "\t123456",
    ] {
        let mut walk = app.begin().await;
        let last = app.mailbox.list(None, None).first().map(|m| m.id.clone());
        walk.as_far_as_challenge(login).await;
        let code = app.mail_after(login, last.as_deref()).await.code.unwrap();
        let typed: String = form
            .chars()
            .map(|c| {
                let place = c.to_digit(10).map(|digit| digit as usize - 1);
                place.map_or(c, |place| char::from(code.as_bytes()[place]))
            })
            .collect();
        walk.answer(&typed)
            .await
            .expect_page(200, "reset-authenticator");
    }
    app.close().await;
}

#[tokio::test]
async fn answers_of_any_other_form_are_wrong_and_counted() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let code = app.code_for(login).await;
    let full_width: String = code
        .bytes()
        .map(|digit| char::from_u32(0xFF10 + u32::from(digit - b'0')).unwrap())
        .collect();
    for answer in [
        full_width,
        String::new(),
        format!("{code}0"),
        code[..5].to_owned(),
        format!("{code}{code}"),
    ] {
        walk.answer(&answer).await.expect_passcode(401, INVALID);
    }
    assert_eq!(counted(&walk).await, (5, 5));
    app.close().await;
}

#[tokio::test]
async fn an_absent_answer_is_not_counted() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.mail_is_done().await;
    for body in [
        json!({}),
        json!({"credentials": {}}),
        json!({"credentials": null}),
        json!({"credentials": {"passcode": null}}),
        json!({"credentials": {"answer": "123456", "totp": "123456"}}),
        json!({"passcode": "123456"}),
    ] {
        let refused = walk.post(PATH, body);
        app.unchanged("an absent answer", refused)
            .await
            .expect_page(400, "challenge-authenticator")
            .expect_top(400, "E0000020");
    }
    for passcode in [
        json!(123_456),
        json!(["123456"]),
        json!({}),
        json!(true),
        json!({"$ne": ""}),
    ] {
        let refused = walk.post(PATH, json!({"credentials": {"passcode": passcode}}));
        app.unchanged("a malformed answer", refused)
            .await
            .expect_api_error(400, "E0000003");
    }
    app.close().await;
}

#[tokio::test]
async fn a_used_code_is_no_password_and_proves_nothing_twice() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let code = app.code_for(login).await;
    let proved = walk.answer(&code).await.bytes.clone();
    app.mail_is_done().await;
    // The repeated request, because its answer was lost: the same answer, no second effect.
    app.clock.advance(4);
    let again = walk.answer(&code);
    let page = app.unchanged("the same answer again", again).await;
    assert_eq!(page.bytes, proved);
    // Later the same digits are a password that is too short.
    app.clock.advance(1);
    let late = walk.answer(&code);
    app.unchanged("the code as a password", late)
        .await
        .expect_passcode(400, "password.passwordRequirementsNotMet");
    app.close().await;
}

#[tokio::test]
async fn codes_of_other_flows_are_wrong() {
    let app = TestApp::start().await;
    let (alice, bobby) = (Person::Active, Person::OtherMail);
    let mut first = app.begin().await;
    first.as_far_as_challenge(alice.login()).await;
    let own = app.mail_to(alice.login()).await;
    // The same user in another flow, and another user.
    let mut second = app.begin().await;
    second.as_far_as_challenge(alice.login()).await;
    let other = app.mail_after(alice.login(), Some(&own.id)).await;
    let mut third = app.begin().await;
    third.as_far_as_challenge(bobby.login()).await;
    let stranger = app.code_for(bobby.mail().unwrap()).await;
    for code in [other.code.clone().unwrap(), stranger] {
        first.answer(&code).await.expect_passcode(401, INVALID);
    }
    // And one flow's mistakes do not touch the other's code (I-11).
    second
        .answer(&other.code.unwrap())
        .await
        .expect_page(200, "reset-authenticator");
    first
        .answer(&own.code.unwrap())
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}

#[tokio::test]
async fn whoever_may_not_recover_proves_nothing_even_with_the_right_digits() {
    let app = TestApp::start().await;
    for person in Person::ALL {
        if person.may_recover() {
            continue;
        }
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(person.login()).await;
        // Nobody was ever sent these; a guess may hit them all the same (E-09).
        let digits = walk.derived_code().await;
        walk.answer(&digits).await.expect_passcode(401, INVALID);
        assert_eq!(counted(&walk).await, (1, 1), "{person:?}");
    }
    app.close().await;
}

#[tokio::test]
async fn nobody_s_challenge_can_be_walked_to_its_end_and_never_proves() {
    // T-E6 as far as the limits of this issue go.
    let app = TestApp::start().await;
    let (mut known, mut unknown) = (app.begin().await, app.begin().await);
    let text = |page: &Page, walk: &Walk<'_>, person: Person| {
        page.json
            .to_string()
            .replace(&walk.state_handle, "HANDLE")
            .replace(person.login(), "NAME")
            .replace(
                walk.page.json["authenticatorEnrollments"]["value"][0]["id"]
                    .as_str()
                    .unwrap(),
                "ID",
            )
            .replace(
                walk.page.json["currentAuthenticatorEnrollment"]["value"]["id"]
                    .as_str()
                    .unwrap(),
                "ID",
            )
    };
    known.as_far_as_challenge(Person::Active.login()).await;
    unknown.as_far_as_challenge(Person::Unknown.login()).await;
    for round in 0..2 {
        for _ in 0..6 {
            let first = known.answer("000000").await.clone();
            let second = unknown.answer("000000").await.clone();
            assert_eq!(first.status, second.status);
            assert_eq!(
                text(&first, &known, Person::Active),
                text(&second, &unknown, Person::Unknown),
                "{round}"
            );
        }
        app.clock.advance(31);
        known.act("resend").await.expect_status(200);
        unknown.act("resend").await.expect_status(200);
    }
    // Both challenges of both flows are used up: ten wrong answers are all that a flow has.
    for walk in [&mut known, &mut unknown] {
        walk.answer("000000")
            .await
            .expect_top(429, "tooManyRequests");
        let flow = walk.stored().await.flow;
        assert_eq!(flow.climb().unwrap().tally.wrong_answers, 10);
    }
    app.close().await;
}

//! T-E1, T-E7: before a proof, no answer tells one kind of user from another, or from nobody.

use regain_engine::{SignInMode, SingleAuthenticator};
use serde_json::json;

use crate::app::{Page, Person, TestApp, Walk};

/// What an answer looks like once what is random, or typed by the asker, is taken out.
pub(super) fn canonical(page: &Page, walk: &Walk<'_>, typed: &str) -> String {
    let mut text = String::from_utf8(page.bytes.clone()).unwrap();
    for (random, name) in [(walk.state_handle.as_str(), "HANDLE"), (typed, "NAME")] {
        text = text.replace(random, name);
    }
    for prefix in ["eae", "lae"] {
        while let Some(at) = text.find(&format!("\"id\":\"{prefix}")) {
            text.replace_range(at + 6..at + 6 + 20, "ENROLLMENT");
        }
    }
    if let Some(id) = page.json["errorId"].as_str() {
        text = text.replace(id, "ERROR");
    }
    let mut headers: Vec<String> = page
        .headers
        .iter()
        .map(|(name, value)| {
            let value = value.to_str().unwrap();
            let value = match name.as_str() {
                "x-okta-request-id" => "REQUEST",
                // Drawn, so that not everybody comes back at once.
                "retry-after" if page.status == 503 => "SOON",
                _ => value,
            };
            format!("{name}: {value}")
        })
        .collect();
    headers.sort_unstable();
    let length = page.bytes.len();
    format!("{} {length}\n{}\n{text}", page.status, headers.join("\n"))
}

/// Everything that a guesser without a mailbox can see of one person.
pub(super) async fn everything(
    app: &TestApp,
    person: Person,
    mode: SignInMode,
) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    let mut walk = app.first_page().await;
    let login = person.login();
    if mode == SignInMode::IdentifierFirst {
        walk.remediate("identify", json!({"identifier": login}))
            .await;
        note(&mut seen, "name first", &walk, person);
        for _ in 0..6 {
            walk.answer("wrong").await;
            note(&mut seen, "wrong password", &walk, person);
        }
        walk.act("recover").await;
    } else {
        let wrong = json!({"identifier": login, "credentials": {"passcode": "wrong"}});
        walk.remediate("identify", wrong).await;
        note(&mut seen, "wrong password", &walk, person);
        walk.act("recover").await;
        walk.post("/idp/idx/identify", json!({"identifier": login}))
            .await;
    }
    note(&mut seen, "recover", &walk, person);
    walk.introspect().await;
    note(&mut seen, "introspect", &walk, person);
    for (label, path, body) in [
        ("recover again", "/idp/idx/recover", json!({})),
        (
            "same name again",
            "/idp/idx/identify",
            json!({"identifier": login}),
        ),
        ("poll too early", "/idp/idx/challenge/poll", json!({})),
        (
            "answer too early",
            "/idp/idx/challenge/answer",
            json!({"credentials": {"passcode": "x"}}),
        ),
        (
            "malformed",
            "/idp/idx/challenge",
            json!({"authenticator": login}),
        ),
        (
            "foreign choice",
            "/idp/idx/challenge",
            json!({"authenticator": {"id": "aut1"}}),
        ),
    ] {
        walk.post(path, body).await;
        note(&mut seen, label, &walk, person);
    }
    walk.introspect().await;
    challenged(&mut seen, &mut walk, person).await;
    seen
}

/// From the choice of the mail to the end of all attempts.
async fn challenged(seen: &mut Vec<(String, String)>, walk: &mut Walk<'_>, person: Person) {
    let id = walk.authenticator_id("okta_email");
    walk.post("/idp/idx/challenge", json!({"authenticator": {"id": id}}))
        .await;
    note(seen, "challenge", walk, person);
    walk.app.mail_is_done().await;
    walk.act("poll").await;
    note(seen, "poll", walk, person);
    for _ in 0..7 {
        walk.answer("000000").await;
        note(seen, "wrong code", walk, person);
    }
    for seconds in [0, 31, 0, 31] {
        walk.app.clock.advance(seconds);
        walk.post("/idp/idx/challenge/resend", json!({})).await;
        note(seen, "resend", walk, person);
        // Whoever sends it has seen the clock before it moves.
        walk.app.mail_is_done().await;
        walk.answer("full").await;
        note(seen, "wrong code", walk, person);
    }
    walk.app.clock.advance(5 * 60);
    walk.answer("000000").await;
    note(seen, "expired code", walk, person);
    walk.app.clock.advance(15 * 60);
    walk.act("poll").await;
    note(seen, "expired flow", walk, person);
}

fn note(seen: &mut Vec<(String, String)>, label: &str, walk: &Walk<'_>, person: Person) {
    seen.push((
        label.to_owned(),
        canonical(&walk.page, walk, person.login()),
    ));
}

#[tokio::test]
async fn t_e1_documents_about_everybody_are_equal_byte_for_byte() {
    for (mode, single) in [
        (SignInMode::OnePage, SingleAuthenticator::Select),
        (SignInMode::OnePage, SingleAuthenticator::Verify),
        (SignInMode::IdentifierFirst, SingleAuthenticator::Select),
    ] {
        let mut reference: Option<Vec<(String, String)>> = None;
        for person in Person::ALL {
            // A server each, at one and the same time, so that times are equal too.
            let app = TestApp::with(|setup| {
                setup.policy.sign_in_mode = mode;
                setup.policy.recovery.single_authenticator = single;
            })
            .await;
            let seen = everything(&app, person, mode).await;
            app.mail_is_done().await;
            app.leave_mail().await;
            let seen: Vec<_> = seen.into_iter().map(without_authenticator_ids).collect();
            match &reference {
                None => reference = Some(seen),
                Some(reference) => {
                    assert_eq!(seen.len(), reference.len());
                    for (one, other) in seen.iter().zip(reference) {
                        assert_eq!(one, other, "{person:?} differs ({mode:?}, {single:?})");
                    }
                }
            }
        }
    }
}

/// The org's authenticators have ids of the org's key, and each server here has its own.
pub(super) fn without_authenticator_ids((label, mut text): (String, String)) -> (String, String) {
    while let Some(at) = text.find(":\"aut") {
        text.replace_range(at + 2..at + 22, "AUTHENTICATOR");
    }
    (label, text)
}

#[tokio::test]
async fn t_e1_enrollment_ids_of_nobody_look_drawn_and_stay_the_same() {
    let app = TestApp::with(|setup| setup.worker = false).await;
    for person in [Person::Active, Person::Unknown] {
        let mut ids = Vec::new();
        for _ in 0..5 {
            let mut walk = app.begin().await;
            walk.recover(person.login()).await;
            let enrollments = &walk.page.json["authenticatorEnrollments"]["value"];
            ids.push(enrollments[0]["id"].as_str().unwrap().to_owned());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
        assert!(ids[0].starts_with("eae") && ids[0].len() == 20);
        assert!(ids[0].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
    app.leave_mail().await;
}

#[tokio::test]
async fn t_e7_no_piece_of_the_stored_address_is_in_any_answer_before_the_proof() {
    let person = Person::OtherMail;
    let stored = person.mail().unwrap();
    for mode in [SignInMode::OnePage, SignInMode::IdentifierFirst] {
        let app = TestApp::with(|setup| setup.policy.sign_in_mode = mode).await;
        let seen = everything(&app, person, mode).await;
        app.mail_is_done().await;
        assert!(
            !app.mailbox.list(Some(stored), None).is_empty(),
            "it was really sent there"
        );
        // Four characters in a row, unless what was typed or every page has them as well.
        let everywhere = format!("{} http://localhost:8400 otherwise", person.login());
        let pieces = stored
            .as_bytes()
            .windows(4)
            .map(|piece| std::str::from_utf8(piece).unwrap());
        let telling: Vec<&str> = pieces.filter(|piece| !everywhere.contains(piece)).collect();
        assert!(telling.len() > 20, "{telling:?}");
        for (label, text) in &seen {
            for piece in &telling {
                assert!(!text.contains(piece), "{label}: {piece}");
            }
        }
        app.leave_mail().await;
    }
}

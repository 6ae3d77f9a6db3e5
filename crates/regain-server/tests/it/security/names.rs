//! T-E2, T-E12: what is typed is shown as it was typed, and whoever it is about, or nobody, gives the
//! same documents.

use serde_json::json;

use super::indistinguishable::canonical;
use crate::app::{Person, TestApp};

/// How a name is written.
type Writing = fn(&str) -> String;

/// Ways to write a name that are, or look like, the same name (E-13).
const VARIANTS: [(&str, Writing); 10] = [
    ("as it is", str::to_owned),
    ("upper case", str::to_uppercase),
    ("host in upper case", |name| {
        name.replace("example", "EXAMPLE")
    }),
    ("with a tag", |name| name.replace('@', "+tag@")),
    ("with a dot", |name| {
        format!("{}.{}", &name[..1], &name[1..])
    }),
    ("with spaces around", |name| format!(" {name} ")),
    ("with a dot at the end", |name| format!("{name}.")),
    ("fullwidth", |name| {
        let first = u32::from(name.as_bytes()[0]) + 0xFEE0;
        format!("{}{}", char::from_u32(first).unwrap(), &name[1..])
    }),
    ("dotless", |name| format!("\u{131}{}", &name[1..])),
    ("decomposed", |name| {
        format!("{}\u{301}{}", &name[..1], &name[1..])
    }),
];

#[tokio::test]
async fn t_e12_a_name_is_shown_as_it_was_typed_and_never_as_it_is_stored() {
    let app = TestApp::start().await;
    for (how, variant) in VARIANTS {
        let mut reference: Option<Vec<String>> = None;
        for person in [Person::Active, Person::Suspended, Person::Unknown] {
            let typed = variant(person.login());
            let mut walk = app.first_page().await;
            let mut seen = Vec::new();
            walk.act("recover").await.expect_status(200);
            let who = json!({"identifier": typed});
            walk.remediate("identify-recovery", who).await;
            seen.push(canonical(&walk.page, &walk, typed.trim()));
            if walk.page.status == 200 {
                let shown = &walk.page.json["user"]["value"]["identifier"];
                // White space around a name is no part of it, whoever it is about.
                assert_eq!(*shown, typed.trim(), "{how}");
                walk.choose_email().await;
                seen.push(canonical(&walk.page, &walk, typed.trim()));
                walk.answer("000000").await;
                seen.push(canonical(&walk.page, &walk, typed.trim()));
            }
            app.mail_is_done().await;
            for document in &seen {
                let corrected = typed.trim() != person.login() && document.contains(person.login());
                assert!(!corrected, "{how}: {document}");
            }
            match &reference {
                None => reference = Some(seen),
                Some(reference) => assert_eq!(&seen, reference, "{how}, {person:?}"),
            }
        }
        // Starts and mails of a day are limited.
        app.clock.advance(24 * 60 * 60);
    }
    app.close().await;
}

#[tokio::test]
async fn t_e2_ids_about_nobody_are_the_same_fifty_times_and_over_restarts() {
    let mut app = TestApp::with(|setup| setup.worker = false).await;
    let mut ids = Vec::new();
    for time in 0..50 {
        if time % 10 == 5 {
            app.router = app.again();
        }
        let mut walk = app.begin().await;
        walk.recover(Person::Unknown.login()).await;
        let page = &walk.page.json;
        let enrollment = &page["authenticatorEnrollments"]["value"][0]["id"];
        let authenticator = &page["authenticators"]["value"][0]["id"];
        ids.push((
            enrollment.as_str().unwrap().to_owned(),
            authenticator.as_str().unwrap().to_owned(),
        ));
        // Starts of a day are limited.
        app.clock.advance(3 * 60 * 60);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    app.leave_mail().await;
}

#[tokio::test]
async fn t_e9_nobody_can_register_and_so_learn_who_is_there() {
    // E-10. Until there is registration, asking for it is asking for a path that does not exist.
    let app = TestApp::start().await;
    for person in [Person::Active, Person::Unknown] {
        let walk = app.first_page().await;
        let offered = walk.page.json["remediation"]["value"].to_string();
        assert!(!offered.contains("enroll"), "{offered}");
        let handle = walk.page.json["stateHandle"].clone();
        let profile = json!({"email": person.login(), "firstName": "A", "lastName": "B"});
        let body = json!({"stateHandle": handle, "userProfile": profile});
        for path in ["/idp/idx/enroll", "/idp/idx/enroll/new"] {
            let ask = app.post(path, &body);
            let answer = app.unchanged(path, ask).await;
            answer.expect_api_error(404, "E0000008");
        }
    }
    app.close().await;
}

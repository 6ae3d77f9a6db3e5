//! Single steps: their verbs, what they show, what they refuse before anything is sent.

use std::time::Duration;

use regain_sdk::testkit::{documents, reply_with};
use regain_sdk::{Error, Feature, State, Step};
use serde_json::{Map, Value, json};

use crate::support::{BASE, TestClock, at, builder, last_body, script_from, step};

const SH: &str = documents::STATE_HANDLE;

/// Item 3.
#[tokio::test]
async fn item_3_a_wrong_code_keeps_the_step_with_the_fields_message() {
    let (script, client, outcome) = at(documents::code_page(BASE)).await;
    let key = "api.authn.error.PASSCODE_INVALID";
    let page = documents::with_passcode_error(documents::code_page(BASE), key, "Invalid code.");
    script.answer("/idp/idx/challenge/answer", 401, page);
    let outcome = step!(outcome, EnterCode).submit("000000").await.unwrap();
    assert!(outcome.rejected);
    assert_eq!(outcome.messages.len(), 1);
    assert_eq!(
        outcome.messages[0].field.as_deref(),
        Some("credentials.passcode")
    );
    assert_eq!(outcome.messages[0].key.as_deref(), Some(key));
    assert!(outcome.messages[0].is_error());
    assert!(outcome.features.can_resend);

    // The next request of the browser shows the same, without asking the server.
    let again = client.resume(outcome.transaction).unwrap();
    assert!(again.rejected);
    assert!(again.has_message(key));
    assert!(step!(again, EnterCode).can_resend());
}

/// A code that was left empty is not sent: it would count as a try.
#[tokio::test]
async fn an_empty_code_is_not_sent() {
    let (script, _, outcome) = at(documents::code_page(BASE)).await;
    let error = step!(outcome, EnterCode).submit("  ").await.unwrap_err();
    assert!(
        matches!(error, Error::MissingInput { fields, .. } if fields == ["credentials.passcode"])
    );
    assert!(script.paths().is_empty());
}

fn two_phones() -> Value {
    let option = |label: &str, enrollment: &str, index: usize| {
        json!({ "label": label, "relatesTo": format!("$.authenticatorEnrollments.value[{index}]"),
            "value": { "form": { "value": [
                { "name": "id", "required": true, "value": "autPHONE", "mutable": false },
                { "name": "methodType", "type": "string", "required": false, "options": [
                    { "label": "SMS", "value": "sms" }, { "label": "Voice call", "value": "voice" },
                ] },
                { "name": "enrollmentId", "required": true, "value": enrollment, "mutable": false },
            ] } } })
    };
    let field = json!({ "name": "authenticator", "type": "object",
        "options": [option("Phone", "pae1", 0), option("Phone", "pae2", 1)] });
    let form = documents::form(
        BASE,
        "select-authenticator-authenticate",
        "challenge",
        vec![field],
    );
    let phone = |id: &str, number: &str| {
        json!({ "type": "phone", "key": "phone_number", "id": id,
                "profile": { "phoneNumber": number } })
    };
    let enrollments = [
        phone("pae1", "+1 XXX-XXX-0001"),
        phone("pae2", "+1 XXX-XXX-0002"),
    ];
    documents::page(
        BASE,
        &[form],
        json!({
            "authenticatorEnrollments": { "type": "array", "value": enrollments },
        }),
    )
}

/// Item 5.
#[tokio::test]
async fn item_5_two_options_with_the_same_key_can_be_told_apart() {
    let (script, _, outcome) = at(two_phones()).await;
    let select = step!(outcome, SelectAuthenticator);
    let shown: Vec<_> = select
        .choices()
        .iter()
        .map(|choice| {
            (
                choice.value.as_str(),
                choice.destination.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [("pae1", "+1 XXX-XXX-0001"), ("pae2", "+1 XXX-XXX-0002")]
    );
    let error = select.clone().choose("phone_number").await.unwrap_err();
    assert!(matches!(error, Error::UnknownInput { expected, .. } if expected == ["pae1", "pae2"]));
    assert!(script.paths().is_empty());
    script.answer("/idp/idx/challenge", 200, documents::code_page(BASE));
    drop(select.choose_method("pae2", "voice").await.unwrap());
    let phone = json!({ "id": "autPHONE", "enrollmentId": "pae2", "methodType": "voice" });
    assert_eq!(
        last_body(&script),
        json!({ "authenticator": phone, "stateHandle": SH })
    );
}

/// Item 6.
#[tokio::test]
async fn item_6_resend_posts_its_own_form_with_its_own_handle() {
    let mut page = documents::code_page(BASE);
    page["stateHandle"] = "02.id.top-level".into();
    let resend = &mut page["currentAuthenticatorEnrollment"]["value"]["resend"];
    resend["href"] = format!("{BASE}/idp/idx/elsewhere/resend").into();
    resend["value"][0]["value"] = "02.id.of-the-form".into();
    let (script, client, outcome) = at(page).await;
    for by_step in [true, false] {
        script.answer("/idp/idx/elsewhere/resend", 200, documents::code_page(BASE));
        let outcome = client.resume(outcome.transaction.clone()).unwrap();
        let sent = if by_step {
            step!(outcome, EnterCode).resend().await
        } else {
            client.resend(outcome.transaction).await
        };
        assert!(!sent.unwrap().rejected);
        assert_eq!(
            last_body(&script),
            json!({ "stateHandle": "02.id.of-the-form" })
        );
    }
}

/// The countdown runs from the moment when the server sent a code.
#[tokio::test]
async fn resend_after_counts_from_the_last_code() {
    let script = script_from(documents::select_page(BASE));
    let clock = TestClock::new();
    let client = builder(&script).clock(clock.clone()).build().unwrap();
    let outcome = client.begin().start().await.unwrap();
    script.answer("/idp/idx/challenge", 200, documents::code_page(BASE));
    let outcome = step!(outcome, SelectAuthenticator)
        .choose("okta_email")
        .await
        .unwrap();
    let transaction = outcome.transaction;
    let left = |transaction| {
        step!(client.resume(transaction).unwrap(), EnterCode)
            .resend_after()
            .unwrap()
    };
    assert_eq!(left(transaction.clone()), Duration::from_secs(30));
    clock.advance(20);
    assert_eq!(left(transaction.clone()), Duration::from_secs(10));
    clock.advance(20);
    assert_eq!(left(transaction.clone()), Duration::ZERO);
    script.answer("/idp/idx/challenge/resend", 200, documents::code_page(BASE));
    let outcome = client.resend(transaction).await.unwrap();
    assert_eq!(left(outcome.transaction.clone()), Duration::from_secs(30));

    // A resend that came too fast sent nothing.
    clock.advance(25);
    let page = documents::with_message(
        documents::code_page(BASE),
        "tooManyRequests",
        "Too many requests",
        "ERROR",
    );
    script.answer_with("/idp/idx/challenge/resend", move |_| {
        Ok(reply_with(429, ("retry-after", "7"), &page))
    });
    let outcome = client.resend(outcome.transaction).await.unwrap();
    assert!(outcome.rejected);
    assert_eq!(outcome.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(left(outcome.transaction), Duration::from_secs(5));
}

/// Item 13.
#[tokio::test]
async fn item_13_an_unknown_remediation_can_be_filled_in() {
    let fields = vec![
        json!({ "name": "color", "label": "Favourite colour", "required": true }),
        json!({ "name": "depth", "value": 3 }),
        json!({ "name": "fixed", "value": "as it is", "mutable": false }),
        json!({ "name": "address", "type": "object", "form": { "value": [
            { "name": "street", "required": true }, { "name": "city" },
        ] } }),
    ];
    let form = documents::form(BASE, "never-heard-of", "somewhere/new", fields);
    let (script, _, outcome) = at(documents::page(BASE, &[form], json!({}))).await;
    let Step::Other(form) = crate::support::pending(outcome) else {
        panic!()
    };
    assert_eq!(form.name(), "never-heard-of");
    let names: Vec<_> = form
        .fields()
        .filter_map(|field| field.name.as_deref())
        .collect();
    assert_eq!(
        names,
        ["color", "depth", "address"],
        "no hidden handle among them"
    );

    let values = |value: Value| value.as_object().unwrap().clone();
    let error = form.clone().submit(Map::new()).await.unwrap_err();
    assert!(matches!(error, Error::MissingInput { fields, .. } if fields == ["color"]));
    let error = form
        .clone()
        .submit(values(json!({ "colour": "red" })))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::UnknownInput { key, .. } if key == "colour"));
    let half = json!({ "color": "red", "address": { "city": "Graz" } });
    let error = form.clone().submit(values(half)).await.unwrap_err();
    assert!(matches!(error, Error::MissingInput { fields, .. } if fields == ["address.street"]));
    assert!(script.paths().is_empty());

    script.answer("/idp/idx/somewhere/new", 200, documents::sign_in_page(BASE));
    let full = json!({ "color": "red", "address": { "street": "Ring 1" } });
    let outcome = form.submit(values(full)).await.unwrap();
    let body = json!({ "color": "red", "depth": 3, "fixed": "as it is",
                       "address": { "street": "Ring 1" }, "stateHandle": SH });
    assert_eq!(last_body(&script), body);
    drop(step!(outcome, Identify));
}

/// Cancel leads back to the first page, in the same transaction.
#[tokio::test]
async fn cancel_gives_the_flow_up() {
    let (script, client, outcome) = at(documents::code_page(BASE)).await;
    script.answer("/idp/idx/cancel", 200, documents::sign_in_page(BASE));
    let outcome = step!(outcome, EnterCode).cancel().await.unwrap();
    assert!(matches!(outcome.state, State::Canceled));
    drop(step!(client.resume(outcome.transaction).unwrap(), Identify));
}

/// The selector beside an open challenge can be used without a request for it.
#[tokio::test]
async fn another_authenticator_can_be_chosen() {
    let (script, _, outcome) = at(documents::code_page(BASE)).await;
    assert!(
        !outcome.features.can_choose_another,
        "there is no other one"
    );
    let select = step!(outcome, EnterCode).choose_another().unwrap();
    assert!(script.paths().is_empty());
    script.answer("/idp/idx/challenge", 200, documents::code_page(BASE));
    drop(select.choose("autEM").await.unwrap());
    assert_eq!(script.paths(), ["POST /idp/idx/challenge"]);
}

/// Where the server asks for the method, it is sent with the ids that the form fixes.
#[tokio::test]
async fn a_method_is_chosen_among_those_offered() {
    let field = json!({ "name": "authenticator", "label": "Phone", "form": { "value": [
        { "name": "id", "required": true, "value": "autPH", "mutable": false },
        { "name": "methodType", "type": "string", "required": true, "options": [
            { "label": "SMS", "value": "sms" }, { "label": "Voice call", "value": "voice" } ] },
        { "name": "enrollmentId", "required": true, "value": "paeX", "mutable": false },
    ] } });
    let form = documents::form(
        BASE,
        "authenticator-verification-data",
        "challenge",
        vec![field],
    );
    let (script, _, outcome) = at(documents::page(BASE, &[form], json!({}))).await;
    let step = step!(outcome, ChooseMethod);
    assert_eq!(step.choices().len(), 2);
    assert!(matches!(
        step.clone().choose("email").await,
        Err(Error::UnknownInput { .. })
    ));
    assert!(script.paths().is_empty());
    script.answer("/idp/idx/challenge", 200, documents::code_page(BASE));
    drop(step.choose("voice").await.unwrap());
    let phone = json!({ "id": "autPH", "methodType": "voice", "enrollmentId": "paeX" });
    assert_eq!(
        last_body(&script),
        json!({ "authenticator": phone, "stateHandle": SH })
    );
}

/// A server that was asked too often wants a calculation before it goes on (ALTCHA).
#[tokio::test]
async fn a_recovery_is_paid_for_with_work() {
    let (script, _, outcome) = at(documents::work_page(BASE)).await;
    let step = step!(outcome, Identify);
    assert!(step.demands_work());
    assert_eq!(step.preset_identifier(), Some("alice"));
    // Of the salt and 3.
    let hash = "f99c232fd0475c322d43ba553a2cee699a6f9e2f322bf73974a80a700097f9f9";
    let asked = json!({ "algorithm": "SHA-256", "challenge": hash, "maxnumber": 10,
        "salt": "salt?expires=1767323645&", "signature": "ours" });
    script.answer("/api/v1/altcha", 200, asked);
    let challenge = step.work_challenge().await.unwrap();
    assert_eq!(last_body(&script), json!({ "stateHandle": SH }));
    let solution = challenge.solve().unwrap();
    assert_eq!(solution, challenge.solution(3));

    // Without it nothing is sent.
    let error = step.clone().submit("alice").await.unwrap_err();
    assert!(
        matches!(error, Error::MissingInput { fields, .. } if fields == ["captchaVerify.captchaToken"])
    );
    script.answer("/idp/idx/identify", 200, documents::select_page(BASE));
    let outcome = step.submit_with_work("alice", &solution).await.unwrap();
    assert!(matches!(outcome.step(), Some(Step::SelectAuthenticator(_))));
    let sent = json!({ "stateHandle": SH, "identifier": "alice",
        "captchaVerify": { "captchaId": "work1", "captchaToken": solution } });
    assert_eq!(last_body(&script), sent);
}

#[tokio::test]
async fn where_no_work_is_demanded_there_is_none_to_do() {
    let (script, _, outcome) = at(documents::recover_page(BASE)).await;
    let step = step!(outcome, Identify);
    assert!(!step.demands_work());
    let error = step.work_challenge().await.unwrap_err();
    assert!(matches!(error, Error::Unsupported(Feature::ProofOfWork)));
    let error = step.submit_with_work("alice", "paid").await.unwrap_err();
    assert!(matches!(error, Error::UnknownInput { .. }));
    assert!(script.paths().is_empty());
}

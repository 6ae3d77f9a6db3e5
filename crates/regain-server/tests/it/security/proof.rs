//! I-02: what counts as a proof when a password is set. The flows here are written into the store
//! as no request could bring them there, so that the one function that decides stands alone.

use regain_engine::{
    Climb, Flow, Intent, LedgerKey, LedgerKeys, Proof, Stage, Subject, Tally, Who,
};
use regain_store::Store as _;
use regain_types::UserId;
use serde_json::json;

use crate::app::{Person, TestApp};

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Missing,
    None,
    OfAnotherAuthenticator,
    OfAnotherFlow,
    OfAnotherSubject,
    OfASignIn,
    TooOld,
}

const FLAWS: [Flaw; 7] = [
    Flaw::Missing,
    Flaw::None,
    Flaw::OfAnotherAuthenticator,
    Flaw::OfAnotherFlow,
    Flaw::OfAnotherSubject,
    Flaw::OfASignIn,
    Flaw::TooOld,
];

/// Puts a flow before the new password, with a proof that has a flaw.
fn forge(forged: &mut Flow, user: &UserId, flaw: Flaw) {
    let minutes = if flaw == Flaw::TooOld { -10 } else { -9 };
    let proof = json!({
        "flow": if flaw == Flaw::OfAnotherFlow { "flwOther" } else { forged.id.as_str() },
        "subject": if flaw == Flaw::OfAnotherSubject { "00uOther" } else { user.as_str() },
        "challenge": "cha1",
        "authenticator": match flaw {
            Flaw::OfAnotherAuthenticator => "okta_password",
            _ => "okta_email",
        },
        "proved_at": forged.created_at.plus_seconds(minutes * 60),
    });
    let proof: Proof = serde_json::from_value(proof).unwrap();
    let login = Person::Active.login().to_owned();
    forged.stage = Stage::ResetAuthenticator {
        climb: Climb {
            intent: match flaw {
                Flaw::OfASignIn => Intent::SignIn,
                _ => Intent::RecoverPassword,
            },
            who: Who {
                typed: login.clone(),
                canonical: login,
                subject: Subject::Known(user.clone()),
                ledgers: LedgerKeys {
                    identifier: LedgerKey::from_bytes([7; 32]),
                    device: None,
                },
            },
            proofs: if flaw == Flaw::Missing {
                Vec::new()
            } else {
                vec![proof]
            },
            further: Vec::new(),
            enrolled: Vec::new(),
            password_is_settled: false,
            recovered: false,
            tally: Tally::default(),
            paid: false,
        },
    };
}

#[tokio::test]
async fn t_s3_a_password_is_set_only_with_a_proof_that_fits_in_everything() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let user = app
        .store
        .find_user(app.org(), login)
        .await
        .unwrap()
        .unwrap();
    for flaw in FLAWS {
        let mut walk = app
            .begin_with(|flow| forge(flow, &user.facts.id, flaw))
            .await;
        let body = json!({"credentials": {"passcode": "Marble-Harbour-77"}});
        let set = walk.post("/idp/idx/challenge/answer", body);
        if flaw == Flaw::None {
            set.await.interaction_code();
            app.mail_is_done().await;
        } else {
            app.unchanged(&format!("{flaw:?}"), set)
                .await
                .expect_expired();
        }
    }
    app.close().await;
}

#[tokio::test]
async fn t_s3_a_password_is_set_for_nobody_who_was_switched_off_meanwhile() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    for change in [
        "UPDATE users SET status = 'SUSPENDED' WHERE login = 'alice@example.com'",
        "UPDATE users SET status = 'ACTIVE', login = 'other' WHERE login = 'alice@example.com'",
    ] {
        let mut walk = app.begin().await;
        walk.as_far_as_reset(login, login).await;
        app.mail_is_done().await;
        app.database().execute(change, []).unwrap();
        let set = walk.answer("Marble-Harbour-77");
        app.unchanged(change, set).await.expect_expired();
        let back = "UPDATE users SET status = 'ACTIVE', login = 'alice@example.com'
                    WHERE email = 'alice@example.com'";
        app.database().execute(back, []).unwrap();
    }
    app.close().await;
}

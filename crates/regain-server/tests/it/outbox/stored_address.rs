//! T-M7: whatever was typed, a mail goes to the stored address, octet for octet (N-02); and T-M4:
//! what becomes of addresses that not every relay takes (M-06).

use super::deliveries;
use super::smtp_relay::{SmtpRelay, Taken};
use crate::app::{Person, TestApp, people};

/// Logins and addresses beside those that every test has.
const ADDED: [(&str, &str); 5] = [
    ("alice+tag@example.com", "alice+tag@example.com"),
    ("ines@xn--bcher-kva.example", "ines@xn--bcher-kva.example"),
    ("j\u{f6}rg@example.com", "j\u{f6}rg@example.com"),
    ("mike@example.com", "mike@example.com"),
    ("oscar@example.com", "O.Scar+Inbox@mail.example"),
];
const ALICE: Option<&str> = Some("alice@example.com");
const TAGGED: Option<&str> = Some("alice+tag@example.com");
const INES: Option<&str> = Some("ines@xn--bcher-kva.example");
const JOERG: Option<&str> = Some("j\u{f6}rg@example.com");
const MIKE: Option<&str> = Some("mike@example.com");
const OSCAR: Option<&str> = Some("oscar@example.com");
const BOBBY: Option<&str> = Some(Person::OtherMail.login());

/// What is typed, and whose login it is.
const TYPED: [(&str, Option<&str>); 30] = [
    ("alice@example.com", ALICE),
    ("ALICE@EXAMPLE.COM", ALICE),
    (" alice@example.com \t", ALICE),
    ("alice@ex\u{ff41}mple.com", ALICE),
    ("alice+tag@example.com", TAGGED),
    ("Alice+TAG@example.com", TAGGED),
    ("alice+other@example.com", None),
    ("alice+@example.com", None),
    ("al.ice@example.com", None),
    ("alice@example.com.", None),
    ("\u{ff41}lice@example.com", None),
    ("\u{430}lice@example.com", None),
    ("alic\u{e9}@example.com", None),
    ("ines@xn--bcher-kva.example", INES),
    ("INES@XN--BCHER-KVA.EXAMPLE", INES),
    ("ines@b\u{fc}cher.example", INES),
    ("ines@bu\u{308}cher.example", INES),
    ("Ines@B\u{dc}CHER.Example", INES),
    ("ines@bucher.example", None),
    ("j\u{f6}rg@example.com", JOERG),
    ("jo\u{308}rg@example.com", JOERG),
    ("J\u{f6}RG@example.com", JOERG),
    ("J\u{d6}RG@example.com", None),
    ("jorg@example.com", None),
    ("mi\u{212a}e@example.com", MIKE),
    ("m\u{131}ke@example.com", None),
    ("M\u{130}KE@example.com", None),
    ("oscar@example.com", OSCAR),
    (" OSCAR@EXAMPLE.com", OSCAR),
    ("Bobby@Example.com", BOBBY),
];

async fn with_relay(relay: &SmtpRelay) -> TestApp {
    let transport = relay.transport();
    let app = TestApp::with(|setup| setup.transport = Some(transport)).await;
    for (login, mail) in ADDED {
        people::add(&app, login, mail).await;
    }
    app
}

/// The octets in the database.
fn stored_address(app: &TestApp, login: &str) -> Vec<u8> {
    let address = "SELECT CAST(email AS BLOB) FROM users WHERE login = ?1";
    let found = app.database().query_row(address, [login], |row| row.get(0));
    found.unwrap()
}

#[tokio::test]
async fn t_m7_whatever_was_typed_the_code_goes_to_the_octets_that_are_stored() {
    let relay = SmtpRelay::start(&["8BITMIME", "SMTPUTF8"]).await;
    let app = with_relay(&relay).await;
    let mut known = 0;
    for (typed, login) in TYPED {
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(typed).await;
        app.mail_is_done().await;
        let taken: Vec<Taken> = relay.taken().split_off(known);
        known += taken.len();
        let Some(login) = login else {
            assert!(taken.is_empty(), "{typed:?}");
            continue;
        };
        let stored = stored_address(&app, login);
        assert_eq!(taken.len(), 1, "{typed:?}");
        assert_eq!(taken[0].to, std::slice::from_ref(&stored), "{typed:?}");
        let to = format!("To: {}", String::from_utf8(stored).unwrap());
        assert_eq!(taken[0].header("To"), to, "{typed:?}");
        let code = walk.derived_code().await;
        let content = String::from_utf8(taken[0].content.clone()).unwrap();
        assert!(content.contains(&format!("\r\n{code}\r\n")), "{typed:?}");
    }
    app.close().await;
}

#[tokio::test]
async fn t_m7_the_notice_goes_to_the_octets_that_are_stored() {
    let relay = SmtpRelay::start(&[]).await;
    let app = with_relay(&relay).await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge("OSCAR@example.com").await;
    let code = walk.derived_code().await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    walk.answer("Marble-Harbour-77").await.interaction_code();
    app.mail_is_done().await;
    let stored = stored_address(&app, "oscar@example.com");
    let taken = relay.taken();
    assert!(
        taken
            .iter()
            .all(|mail| mail.to == std::slice::from_ref(&stored))
    );
    let subject = taken.last().unwrap().header("Subject");
    assert_eq!(subject, "Subject: Your password for Example was changed");
    app.close().await;
}

#[tokio::test]
async fn t_m4_an_address_that_the_relay_cannot_take_is_told_to_the_operator_and_to_nobody_else() {
    let mut documents = Vec::new();
    for (offers, reason) in [
        (&["8BITMIME", "SMTPUTF8"][..], None),
        (&["8BITMIME"][..], Some("NO_SMTPUTF8".to_owned())),
    ] {
        let relay = SmtpRelay::start(offers).await;
        let app = with_relay(&relay).await;
        let mut walk = app.begin().await;
        walk.as_far_as_challenge("j\u{f6}rg@example.com").await;
        app.mail_is_done().await;
        let page = walk.act("poll").await.expect_status(200);
        let enrollment = &page.json["currentAuthenticatorEnrollment"]["value"];
        documents.push((page.top_keys().len(), enrollment["profile"].clone()));
        assert_eq!(deliveries(&app).await, std::slice::from_ref(&reason));
        let sender = relay.taken().first().map(|mail| mail.mail.clone());
        let asks = "MAIL FROM:<no-reply@example.com> SMTPUTF8 BODY=8BITMIME";
        assert_eq!(sender, reason.is_none().then(|| asks.to_owned()));
        // Nothing is wrong with the relay, and a domain of any script needs nothing of it.
        let mut walk = app.begin().await;
        walk.as_far_as_challenge("ines@b\u{fc}cher.example").await;
        app.mail_is_done().await;
        assert_eq!(relay.taken_for(INES.unwrap()).len(), 1);
        assert_eq!(
            relay.taken_for(INES.unwrap())[0].mail,
            "MAIL FROM:<no-reply@example.com>"
        );
        app.close().await;
    }
    assert_eq!(documents[0], documents[1], "no page shows it");
}

//! T-C9 (small): no code, link, handle or password can be read from the files of the store.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::app::database::hex;
use crate::app::{Person, TestApp};

const NEW: &str = "Marble-Harbour-77";

/// The forms in which a secret could be written down by mistake.
fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    vec![
        ("plain", bytes.to_vec()),
        ("hex", hex(bytes).into_bytes()),
        ("base64", STANDARD_NO_PAD.encode(bytes).into_bytes()),
        ("base64url", URL_SAFE_NO_PAD.encode(bytes).into_bytes()),
        ("reversed", bytes.iter().rev().copied().collect()),
    ]
}

/// Unkeyed hashes: for six or twelve digits they are as good as the digits.
fn hashes(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let digest = Sha256::digest(secret.as_bytes());
    vec![
        ("sha-256", digest.to_vec()),
        ("sha-256 as hex", hex(&digest).into_bytes()),
        (
            "sha-256 as base64",
            STANDARD_NO_PAD.encode(digest).into_bytes(),
        ),
    ]
}

/// A character per byte: text is searched much faster than slices are compared.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[tokio::test]
async fn t_c9_nothing_that_opens_a_flow_is_at_rest() {
    // Twelve digits: six occur by chance among the numbers of a database.
    let app = TestApp::with(|setup| setup.policy.email.code_length = 12).await;
    let login = Person::Active.login();
    let (mut codes, mut handles) = (Vec::new(), Vec::new());
    // One flow is finished, one is in the middle, one has its message still in the outbox.
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    codes.push(app.code_for(login).await);
    let interaction_code = walk.answer(NEW).await.interaction_code();
    handles.extend([
        walk.state_handle.clone(),
        walk.interaction_handle.clone(),
        interaction_code,
    ]);
    app.mail_is_done().await;
    app.state.tasks().drain().await;
    for _ in 0..2 {
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(login).await;
        codes.push(walk.derived_code().await);
        handles.extend([walk.state_handle.clone(), walk.interaction_handle.clone()]);
    }
    assert!(app.count("SELECT count(*) FROM outbox") > 0);
    let mut looked_at = 0;
    for entry in std::fs::read_dir(app.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue; // The dev mailbox keeps the mails themselves; it is no part of the store.
        }
        let file = latin1(&std::fs::read(&path).unwrap());
        looked_at += file.len();
        let secrets = codes
            .iter()
            .flat_map(|code| forms(code).into_iter().chain(hashes(code)))
            .chain(handles.iter().flat_map(|handle| forms(handle)))
            .chain(forms(NEW))
            .chain(hashes(NEW));
        for (form, needle) in secrets {
            assert!(
                !file.contains(&latin1(&needle)),
                "{form} in {}",
                path.display()
            );
        }
    }
    assert!(
        looked_at > 50_000,
        "{looked_at} bytes: the store was not there"
    );
    app.leave_mail().await;
}

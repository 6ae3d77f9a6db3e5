//! Backup and restore.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::program::{Deployment, Running, assert_one_line, call, stderr, stdout};

const PASSWORD: &str = "Copper-Lantern-42";
const ALICE: &str = "alice@example.com";

/// A deployment with a user and an app.
fn deployed() -> Deployment {
    let deployment = Deployment::new();
    assert!(deployment.create_user(ALICE, PASSWORD).status.success());
    let client = [
        "clients", "create", "--id", "page", "--public", "--label", "Page",
    ];
    let uri = ["--redirect-uri", "http://localhost:8080/login/callback"];
    assert!(
        deployment
            .run(&[&client[..], &uri].concat())
            .status
            .success()
    );
    deployment
}

fn path(deployment: &Deployment, name: &str) -> String {
    deployment.path(name).display().to_string()
}

fn serve(deployment: &Deployment) -> Running {
    Running::start(&["serve", "--dev", "--config", &deployment.config()])
}

fn backup(deployment: &Deployment, name: &str) -> String {
    let file = path(deployment, name);
    let made = deployment.run(&["backup", &file]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert!(
        stderr(&made).contains("master key is NOT in it"),
        "{}",
        stderr(&made)
    );
    file
}

/// A new deployment with the master key and the pepper of another one.
fn successor(of: &Deployment) -> Deployment {
    let new = Deployment::new();
    for key in ["master.key", "pepper.key"] {
        fs::copy(of.path(key), new.path(key)).unwrap();
    }
    new
}

fn interact(origin: &str) -> String {
    let form = "client_id=page&scope=openid%20profile%20offline_access&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Flogin%2Fcallback\
        &state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let answer = call(
        origin,
        "/oauth2/default/v1/interact",
        "application/x-www-form-urlencoded",
        form,
    );
    answer.json["interaction_handle"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn idx(origin: &str, step: &str, body: &Value) -> crate::program::Answer {
    call(
        origin,
        &format!("/idp/idx/{step}"),
        "application/json",
        &body.to_string(),
    )
}

fn begin(origin: &str) -> Value {
    let handle = interact(origin);
    let first = idx(origin, "introspect", &json!({"interactionHandle": handle}));
    first.json["stateHandle"].clone()
}

/// Signs in and exchanges the code.
fn sign_in(origin: &str) -> Value {
    let body = json!({"stateHandle": begin(origin), "identifier": ALICE,
        "credentials": {"passcode": PASSWORD}});
    let done = idx(origin, "identify", &body);
    let values = &done.json["successWithInteractionCode"]["value"];
    let code = values
        .as_array()
        .unwrap()
        .iter()
        .find(|value| value["name"] == "interaction_code");
    let code = code.unwrap()["value"].as_str().unwrap();
    // The verifier of RFC 7636, appendix B.
    let form = format!(
        "grant_type=interaction_code&interaction_code={code}&client_id=page&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let tokens = call(
        origin,
        "/oauth2/default/v1/token",
        "application/x-www-form-urlencoded",
        &form,
    );
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    tokens.json
}

fn refresh(origin: &str, token: &Value) -> u16 {
    let token = token.as_str().unwrap();
    let form = format!("grant_type=refresh_token&client_id=page&refresh_token={token}");
    call(
        origin,
        "/oauth2/default/v1/token",
        "application/x-www-form-urlencoded",
        &form,
    )
    .status
}

/// what was in the middle of something is dead, and people and keys are as they were.
#[test]
fn t_r17_after_a_restore_old_codes_and_sessions_are_dead() {
    let old = deployed();
    let running = serve(&old);
    let origin = running.text("engine").to_owned();
    let tokens = sign_in(&origin);
    let keys = call(&origin, "/oauth2/default/v1/keys", "", "").json;
    let unused = begin(&origin);
    // A recovery that waits for its code.
    let state = begin(&origin);
    let flow = |step: &str, more: Value| {
        let mut body = more;
        body["stateHandle"] = state.clone();
        idx(&origin, step, &body)
    };
    flow("recover", json!({}));
    flow("identify", json!({"identifier": ALICE}));
    let choice = flow("introspect", json!({}));
    let authenticator = email_id(&choice.json);
    flow("challenge", json!({"authenticator": {"id": authenticator}}));
    let mails = call(
        &origin,
        "/dev/mailbox/api/messages?to=alice@example.com&wait_ms=20000",
        "",
        "",
    );
    let code = mails.json[0]["code"].as_str().unwrap().to_owned();

    let file = backup(&old, "backup.gz");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(running.stop(), Some(0));

    let new = successor(&old);
    let restored = new.run(&["restore", &file]);
    assert_eq!(restored.status.code(), Some(0), "{}", stderr(&restored));
    assert!(
        stderr(&restored).contains("1 users"),
        "{}",
        stderr(&restored)
    );
    let running = serve(&new);
    let origin = running.text("engine").to_owned();
    for (state, passcode) in [(&state, code.as_str()), (&unused, PASSWORD)] {
        let body = json!({"stateHandle": state, "credentials": {"passcode": passcode}});
        assert_eq!(idx(&origin, "challenge/answer", &body).status, 401);
    }
    assert_eq!(refresh(&origin, &tokens["refresh_token"]), 400);
    let again = call(&origin, "/oauth2/default/v1/keys", "", "").json;
    assert_eq!(again, keys, "tokens are signed with the same keys");
    let tokens = sign_in(&origin);
    assert_eq!(refresh(&origin, &tokens["refresh_token"]), 200);
    // Into a database that is in use nothing is restored.
    assert_one_line(
        &new.run(&["restore", &file]),
        2,
        &["the database is not empty"],
    );
    assert_eq!(running.stop(), Some(0));
}

/// The id of the mail among the authenticators to choose from.
fn email_id(document: &Value) -> Value {
    let authenticators = &document["authenticators"]["value"];
    let email = authenticators
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["key"] == "okta_email");
    email.unwrap()["id"].clone()
}

#[test]
fn a_backup_that_is_not_whole_or_not_ours_writes_nothing() {
    let old = deployed();
    let file = backup(&old, "backup.gz");
    let whole = fs::read(&file).unwrap();
    let new = successor(&old);
    let bad = path(&new, "bad.gz");
    let refused = |bytes: &[u8], words: &str| {
        fs::write(&bad, bytes).unwrap();
        let output = new.run(&["restore", &bad]);
        assert_one_line(&output, 2, &[words]);
        assert_eq!(stdout(&new.run(&["users", "list"])), "", "{words}");
    };
    refused(b"", "is no backup of Regain");
    refused(b"login\nalice\n", "is no backup of Regain");
    for keep in [whole.len() - 1, whole.len() - 20, whole.len() / 2] {
        refused(&whole[..keep], "is not whole");
    }
    for place in [whole.len() / 3, whole.len() / 2, whole.len() - 12] {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        refused(&changed, "is ");
    }
    assert_one_line(&old.run(&["backup", &file]), 2, &["exists already"]);
    // Another deployment's key opens nothing.
    let stranger = Deployment::new();
    assert_one_line(
        &stranger.run(&["restore", &file]),
        2,
        &["another master key"],
    );
    assert_eq!(stdout(&stranger.run(&["users", "list"])), "");
}

#[test]
fn a_backup_of_a_restore_is_the_same_backup() {
    let old = deployed();
    let people: Vec<String> = (0..1_500).map(|n| format!("u{n}@example.com")).collect();
    fs::write(
        old.path("people.csv"),
        format!("login\n{}\n", people.join("\n")),
    )
    .unwrap();
    let made = old.run(&["users", "import", &path(&old, "people.csv")]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert_eq!(serve(&old).stop(), Some(0));
    let first = backup(&old, "first.gz");
    let new = successor(&old);
    let restored = new.run(&["restore", &first, "--progress", "json"]);
    assert_eq!(restored.status.code(), Some(0), "{}", stderr(&restored));
    let second = backup(&new, "second.gz");
    let export = |of: &Deployment, name: &str| {
        let file = path(of, name);
        assert!(
            of.run(&["users", "export", &file, "--with-hashes"])
                .status
                .success()
        );
        fs::read_to_string(file).unwrap()
    };
    assert_eq!(export(&old, "old.jsonl"), export(&new, "new.jsonl"));
    // All but the head, whose time differs, and the end, whose MAC does.
    let (first, second) = (records(&first), records(&second));
    assert_eq!(first.len(), second.len());
    assert!(first.len() > 1_500);
    assert_eq!(first[1..first.len() - 1], second[1..second.len() - 1]);
}

/// The lines of a backup.
fn records(file: &str) -> Vec<String> {
    let output = std::process::Command::new("gzip")
        .args(["-dc", file])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

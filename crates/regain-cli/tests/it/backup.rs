//! Backup and restore.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::program::{Deployment, Running, Store, assert_one_line, call, stderr, stdout};
use crate::visitor::{ALICE, PASSWORD, begin, email_id, idx, refresh, register, sign_in};

/// A deployment with a user and an app.
fn deployed(store: Store) -> Deployment {
    let deployment = Deployment::on(store);
    register(&deployment);
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
fn successor(of: &Deployment, store: Store) -> Deployment {
    let new = Deployment::on(store);
    for key in ["master.key", "pepper.key"] {
        fs::copy(of.path(key), new.path(key)).unwrap();
    }
    new
}

/// what was in the middle of something is dead, and people and keys are as they were.
#[test]
fn t_r17_after_a_restore_old_codes_and_sessions_are_dead() {
    for from in Store::ALL {
        for to in Store::ALL {
            restore_in_the_middle(from, to);
        }
    }
}

fn restore_in_the_middle(from: Store, to: Store) {
    let old = deployed(from);
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

    let new = successor(&old, to);
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
    assert_eq!(refresh(&origin, &tokens["refresh_token"]).status, 400);
    let again = call(&origin, "/oauth2/default/v1/keys", "", "").json;
    assert_eq!(again, keys, "tokens are signed with the same keys");
    let tokens = sign_in(&origin);
    assert_eq!(refresh(&origin, &tokens["refresh_token"]).status, 200);
    // Into a database that is in use nothing is restored.
    assert_one_line(
        &new.run(&["restore", &file]),
        2,
        &["the database is not empty"],
    );
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_backup_that_is_not_whole_or_not_ours_writes_nothing() {
    restore_what_is_broken(Store::Sqlite, Store::Postgres);
    restore_what_is_broken(Store::Postgres, Store::Sqlite);
}

fn restore_what_is_broken(from: Store, to: Store) {
    let old = deployed(from);
    let file = backup(&old, "backup.gz");
    let whole = fs::read(&file).unwrap();
    let new = successor(&old, to);
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
    let stranger = Deployment::on(to);
    assert_one_line(
        &stranger.run(&["restore", &file]),
        2,
        &["another master key"],
    );
    assert_eq!(stdout(&stranger.run(&["users", "list"])), "");
}

#[test]
fn a_backup_of_a_restore_is_the_same_backup() {
    back_up_a_restore(Store::Sqlite, Store::Postgres);
    back_up_a_restore(Store::Postgres, Store::Sqlite);
}

fn back_up_a_restore(from: Store, to: Store) {
    let old = deployed(from);
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
    let new = successor(&old, to);
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

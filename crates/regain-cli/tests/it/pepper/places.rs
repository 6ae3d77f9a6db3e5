//! Where the pepper comes from, and where it does not go: environment, backups, exports, the demo.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::{ALICE, create_alice, deployed, done, export, key, serve_and_sign_in};
use crate::program::{Deployment, Running, assert_one_line, regain, run, stderr, stdout};

#[test]
fn the_pepper_may_come_from_the_environment_and_is_not_shown() {
    let deployment = deployed();
    let text = key(&deployment).trim().to_owned();
    let secret = text.strip_prefix("1 ").unwrap();
    fs::remove_file(deployment.path("pepper.key")).unwrap();
    let config = deployment.config();
    let with = |pepper: &str, args: &[&str]| {
        let mut command = regain(args);
        command.args(["--config", &config]);
        command
            .env("REGAIN__HASH__PEPPER", pepper)
            .output()
            .unwrap()
    };
    done(&with(&text, &["config", "check"]));
    let shown = with(&text, &["config", "show", "--origin"]);
    assert!(!stdout(&shown).contains(secret), "{}", stdout(&shown));
    let refused = with(&format!("one {secret}"), &["config", "check"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("REGAIN__HASH__PEPPER"),
        "{}",
        stderr(&refused)
    );
    assert!(!stderr(&refused).contains(secret), "{}", stderr(&refused));
    let rotate = with(&text, &["keys", "rotate", "pepper"]);
    assert_one_line(&rotate, 2, &["REGAIN__HASH__PEPPER"]);
    let two = format!("{text},2 {}A", "B".repeat(42));
    done(&with(&two, &["migrate"]));
    let looked = with(&two, &["doctor"]);
    assert!(stdout(&looked).contains("version 2"), "{}", stdout(&looked));
}

#[test]
fn a_restore_says_that_its_pepper_is_missing() {
    let old = deployed();
    create_alice(&old);
    let file = old.path("backup.gz").display().to_string();
    let made = old.run(&["backup", &file]);
    done(&made);
    assert!(stderr(&made).contains("pepper"), "{}", stderr(&made));
    let unzipped = std::process::Command::new("gzip")
        .args(["-dc", &file])
        .output()
        .unwrap();
    let key_text = key(&old);
    let secret = key_text.trim().strip_prefix("1 ").unwrap();
    assert!(stdout(&unzipped).contains("keyid=AAAAAQ"));
    assert!(
        !stdout(&unzipped).contains(secret),
        "it is not in the backup"
    );

    let new = Deployment::new();
    fs::copy(old.path("master.key"), new.path("master.key")).unwrap();
    let restored = new.run(&["restore", &file]);
    done(&restored);
    assert!(
        stderr(&restored).contains("version 1 of the pepper"),
        "{}",
        stderr(&restored)
    );
    assert_one_line(
        &new.run(&["serve", "--log", "error"]),
        2,
        &["version 1 of the pepper"],
    );
    fs::copy(old.path("pepper.key"), new.path("pepper.key")).unwrap();
    serve_and_sign_in(&new);
}

/// A hash travels with the mark of its pepper, and is taken only where that is in use.
#[test]
fn an_import_takes_hashes_of_its_own_pepper_alone() {
    let old = deployed();
    create_alice(&old);
    let people = export(&old);
    assert!(people.contains("\"password_pepper\":\"1:"), "{people}");
    let unmarked: String = {
        let mut user: Value = serde_json::from_str(&people).unwrap();
        user.as_object_mut().unwrap().remove("password_pepper");
        user.to_string()
    };

    let stranger = deployed();
    create_alice(&stranger);
    fs::write(
        stranger.path("people.jsonl"),
        people.replace(ALICE, "anna@example.com"),
    )
    .unwrap();
    let file = stranger.path("people.jsonl").display().to_string();
    for dry_run in [&["--dry-run"][..], &[]] {
        let refused = stranger.run(&[&["users", "import", &file], dry_run].concat());
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            stderr(&refused).contains("not in use here"),
            "{}",
            stderr(&refused)
        );
    }

    let new = deployed();
    fs::copy(old.path("pepper.key"), new.path("pepper.key")).unwrap();
    let file = new.path("people.jsonl").display().to_string();
    fs::write(&file, unmarked).unwrap();
    let refused = new.run(&["users", "import", &file]);
    assert!(
        stderr(&refused).contains("not in use here"),
        "{}",
        stderr(&refused)
    );
    fs::write(&file, people).unwrap();
    done(&new.run(&["users", "import", &file]));
    serve_and_sign_in(&new);
}

#[test]
fn the_demo_has_a_pepper_of_its_own_and_one_from_before_goes_on_without() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("demo");
    let path = data.display().to_string();
    let demo = [
        "demo",
        "--engine-port",
        "0",
        "--app-port",
        "0",
        "--data",
        &path,
    ];
    let pepper = data.join("pepper.key");
    assert_eq!(Running::start(&demo).stop(), Some(0));
    let mode = fs::metadata(&pepper).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(Running::start(&demo).stop(), Some(0));
    fs::remove_file(&pepper).unwrap();
    assert_one_line(&run(&demo), 2, &["pepper.key", "version 1"]);

    // As a demo from before left it.
    let database = rusqlite::Connection::open(data.join("regain.db")).unwrap();
    let gone = database.execute("DELETE FROM settings WHERE name LIKE 'pepper:%'", []);
    assert_eq!(gone.unwrap(), 1);
    drop(database);
    assert_eq!(Running::start(&demo).stop(), Some(0));
    assert!(!pepper.exists());
}

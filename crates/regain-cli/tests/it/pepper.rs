//! The pepper's file, through the program: made, read, rotated, lost, given up.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use serde_json::{Value, json};

use crate::program::{Deployment, Running, assert_one_line, call, regain, run, stderr, stdout};

const PASSWORD: &str = "Copper-Lantern-42";
const ALICE: &str = "alice@example.com";
const CONFIGURED: &str = "pepper_file = \"pepper.key\"\n";

/// A deployment with an app, and nobody in it.
fn deployed() -> Deployment {
    let deployment = Deployment::new();
    add_app(&deployment);
    deployment
}

/// The same as `regain init` left it before there was a pepper.
fn deployed_without() -> Deployment {
    let deployment = Deployment::new();
    fs::remove_file(deployment.path("pepper.key")).unwrap();
    unname(&deployment);
    add_app(&deployment);
    deployment
}

/// The configuration names no file any more.
fn unname(deployment: &Deployment) {
    deployment.edit(|text| {
        assert!(text.contains(CONFIGURED), "{text}");
        text.replace(CONFIGURED, "")
    });
}

fn add_app(deployment: &Deployment) {
    let made = deployment.run(&[
        "clients",
        "create",
        "--id",
        "page",
        "--public",
        "--label",
        "Page",
        "--redirect-uri",
        "http://localhost:8080/login/callback",
    ]);
    done(&made);
}

fn done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

fn create_alice(deployment: &Deployment) {
    done(&deployment.create_user(ALICE, PASSWORD));
}

fn serve(deployment: &Deployment) -> Running {
    Running::start(&["serve", "--dev", "--config", &deployment.config()])
}

/// The status of a sign-in.
fn sign_in(running: &Running, password: &str) -> u16 {
    let origin = running.text("engine");
    let form = "client_id=page&scope=openid&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Flogin%2Fcallback\
        &state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let form_type = "application/x-www-form-urlencoded";
    let begun = call(origin, "/oauth2/default/v1/interact", form_type, form);
    let idx = |step: &str, body: &Value| {
        let path = format!("/idp/idx/{step}");
        call(origin, &path, "application/json", &body.to_string())
    };
    let handle = json!({"interactionHandle": begun.json["interaction_handle"]});
    let first = idx("introspect", &handle);
    let answer = idx(
        "identify",
        &json!({"stateHandle": first.json["stateHandle"], "identifier": ALICE,
            "credentials": {"passcode": password}}),
    );
    answer.status
}

/// Serves, and signs in with the right password and a wrong one. What runs in the background is done
/// when the process has ended.
fn serve_and_sign_in(deployment: &Deployment) {
    let running = serve(deployment);
    assert_eq!(sign_in(&running, PASSWORD), 200);
    assert_eq!(sign_in(&running, "wrong"), 401);
    assert_eq!(running.stop(), Some(0));
}

/// Everybody's hash with all that belongs to it, as an export.
fn export(deployment: &Deployment) -> String {
    let exported = deployment.run(&["users", "export", "-", "--format", "jsonl", "--with-hashes"]);
    done(&exported);
    stdout(&exported)
}

fn key(deployment: &Deployment) -> String {
    fs::read_to_string(deployment.path("pepper.key")).unwrap()
}

fn mode(deployment: &Deployment) -> u32 {
    let metadata = fs::metadata(deployment.path("pepper.key")).unwrap();
    metadata.permissions().mode() & 0o777
}

fn doctor(deployment: &Deployment) -> String {
    let text = stdout(&deployment.run(&["doctor"]));
    let line = text.lines().find(|line| line.starts_with("pepper"));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn t_p7_a_rotation_of_the_file_keeps_logins_working() {
    let deployment = deployed();
    assert_eq!(mode(&deployment), 0o600);
    let before = key(&deployment);
    assert!(before.starts_with("1 ") && before.trim_end().len() == 45);
    create_alice(&deployment);
    assert!(export(&deployment).contains("keyid=AAAAAQ$"));
    serve_and_sign_in(&deployment);
    assert!(
        doctor(&deployment).contains("ok"),
        "{}",
        doctor(&deployment)
    );

    done(&deployment.run(&["keys", "rotate", "pepper"]));
    let after = key(&deployment);
    assert_eq!(mode(&deployment), 0o600);
    assert!(after.starts_with(&before), "the old version stays");
    assert_eq!(after.lines().count(), 2);
    assert!(after.lines().nth(1).unwrap().starts_with("2 "));
    assert!(
        doctor(&deployment).contains("version 2"),
        "{}",
        doctor(&deployment)
    );
    // No process has it yet, so that nothing uses it.
    done(&deployment.create_user("bob@example.com", PASSWORD));
    assert!(!export(&deployment).contains("keyid=AAAAAg$"));

    serve_and_sign_in(&deployment);
    let line = |name: &str| {
        let text = export(&deployment);
        let line = text.lines().find(|line| line.contains(name));
        line.unwrap().to_owned()
    };
    assert!(line(ALICE).contains("keyid=AAAAAg$"), "{}", line(ALICE));
    assert!(line("bob@").contains("keyid=AAAAAQ$"));
}

#[test]
fn a_version_that_no_hash_has_any_more_may_be_taken_out_of_the_file() {
    let deployment = deployed();
    create_alice(&deployment);
    done(&deployment.create_user("bob@example.com", PASSWORD));
    done(&deployment.run(&["keys", "rotate", "pepper"]));
    serve_and_sign_in(&deployment);
    let hashes =
        |option: &[&str]| stdout(&deployment.run(&[&["users", "hashes"], option].concat()));
    let counted = hashes(&["--forget"]);
    assert!(counted.ends_with("pepper:1\t1\npepper:2\t1\n"), "{counted}");

    // Bob goes, and what is left of version 1 is a password that Alice had before.
    let database = rusqlite::Connection::open(deployment.path("regain.db")).unwrap();
    let change = |sql: &str| assert_eq!(database.execute(sql, []).unwrap(), 1, "{sql}");
    change(
        "UPDATE users SET password_history = (SELECT json_array(json_object('phc', password_phc,
         'nfc', json('true'), 'set_at', 0)) FROM users WHERE login = 'bob@example.com')
         WHERE login = 'alice@example.com'",
    );
    change("DELETE FROM users WHERE login = 'bob@example.com'");
    let counted = hashes(&["--forget"]);
    assert!(counted.ends_with("pepper:1\t1\npepper:2\t1\n"), "{counted}");
    let whole = key(&deployment);
    let newest = whole.lines().nth(1).unwrap().to_owned();
    let file = deployment.path("pepper.key");
    let refused = || {
        fs::write(&file, &newest).unwrap();
        assert_one_line(
            &deployment.run(&["serve", "--log", "error"]),
            2,
            &["version 1", "pepper.key"],
        );
        fs::write(&file, &whole).unwrap();
    };
    refused();

    change("UPDATE users SET password_history = '[]'");
    let counted = hashes(&[]);
    assert!(counted.ends_with("pepper:2\t1\npepper:1\t0\n"), "{counted}");
    refused();
    hashes(&["--forget"]);
    fs::write(&file, &newest).unwrap();
    serve_and_sign_in(&deployment);
}

#[test]
fn t_p7_a_deployment_from_before_goes_on_and_takes_a_pepper_later() {
    let deployment = deployed_without();
    create_alice(&deployment);
    assert!(!export(&deployment).contains("keyid"));
    serve_and_sign_in(&deployment);
    assert!(!export(&deployment).contains("keyid"));
    assert!(
        doctor(&deployment).contains("note"),
        "{}",
        doctor(&deployment)
    );
    assert_one_line(
        &deployment.run(&["keys", "use", "pepper"]),
        2,
        &["pepper.key", "rotate"],
    );

    let made = deployment.run(&["keys", "rotate", "pepper"]);
    done(&made);
    assert!(stderr(&made).contains("regain serve"), "{}", stderr(&made));
    assert_eq!(mode(&deployment), 0o600);
    serve_and_sign_in(&deployment);
    assert!(export(&deployment).contains("keyid=AAAAAQ$"));
    serve_and_sign_in(&deployment);

    // What several nodes do: the version waits until somebody says that all have it.
    done(&deployment.run(&["keys", "rotate", "pepper"]));
    done(&deployment.create_user("bob@example.com", PASSWORD));
    assert!(!export(&deployment).contains("keyid=AAAAAg$"));
    let used = deployment.run(&["keys", "use", "pepper"]);
    done(&used);
    assert!(stderr(&used).contains("version 2"), "{}", stderr(&used));
    done(&deployment.create_user("carol@example.com", PASSWORD));
    assert!(export(&deployment).contains("keyid=AAAAAg$"));
    serve_and_sign_in(&deployment);
}

#[test]
fn t_p7_a_lost_pepper_is_refused_in_one_line_and_can_be_given_up() {
    let deployment = deployed();
    create_alice(&deployment);
    serve_and_sign_in(&deployment);
    let right = key(&deployment);
    let file = deployment.path("pepper.key");
    let serve_refuses = |words: &[&str]| {
        assert_one_line(&deployment.run(&["serve", "--log", "error"]), 2, words);
    };

    assert_one_line(
        &deployment.run(&["keys", "abandon", "pepper", "--version", "1"]),
        2,
        &["not lost", "pepper.key"],
    );
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    serve_refuses(&["pepper.key", "0644", "chmod 600"]);
    assert_one_line(
        &deployment.run(&["keys", "rotate", "pepper"]),
        2,
        &["pepper.key", "0644", "chmod 600"],
    );
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();

    // Another deployment's, and one that has later versions only.
    for (other, words) in [
        (
            key(&Deployment::new()),
            "version 1 of the pepper is another one",
        ),
        (right.replacen("1 ", "7 ", 1), "version 1 of the pepper"),
    ] {
        fs::write(&file, &other).unwrap();
        serve_refuses(&["pepper.key", words]);
        assert_one_line(
            &deployment.create_user("bob@example.com", PASSWORD),
            2,
            &["pepper.key", words],
        );
        assert!(
            doctor(&deployment).contains("PROBLEM"),
            "{}",
            doctor(&deployment)
        );
        assert!(
            doctor(&deployment).contains(words),
            "{}",
            doctor(&deployment)
        );
        assert_one_line(&deployment.run(&["keys", "use", "pepper"]), 2, &[words]);
        assert_one_line(&deployment.run(&["keys", "rotate", "pepper"]), 2, &[words]);
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            other,
            "nothing was written"
        );
    }

    // Gone: the configuration names it, or the database does.
    fs::remove_file(&file).unwrap();
    serve_refuses(&["hash.pepper_file", "pepper.key", "is not there"]);
    unname(&deployment);
    serve_refuses(&["pepper.key", "version 1 of the pepper", "is missing"]);
    assert_one_line(
        &deployment.run(&["keys", "rotate", "pepper"]),
        2,
        &["version 1 of the pepper"],
    );
    assert!(!file.exists());

    // The copy from another place is back.
    fs::write(&file, &right).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    serve_and_sign_in(&deployment);

    // And there is none.
    fs::remove_file(&file).unwrap();
    assert_one_line(
        &deployment.run(&["keys", "abandon", "pepper", "--version", "2"]),
        2,
        &["version 2"],
    );
    done(&deployment.run(&["keys", "abandon", "pepper", "--version", "1"]));
    done(&deployment.run(&["keys", "rotate", "pepper"]));
    assert!(key(&deployment).starts_with("2 "), "the number is used up");
    let running = serve(&deployment);
    assert_eq!(sign_in(&running, PASSWORD), 401, "a new one by mail helps");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn t_p7_a_running_engine_without_the_pepper_in_use_checks_no_password() {
    let deployment = deployed();
    create_alice(&deployment);
    let running = serve(&deployment);
    assert_eq!(sign_in(&running, PASSWORD), 200);
    done(&deployment.run(&["keys", "rotate", "pepper"]));
    assert_eq!(
        sign_in(&running, PASSWORD),
        200,
        "a file alone changes nothing"
    );
    // Too early: the process that runs has not read it.
    done(&deployment.run(&["keys", "use", "pepper"]));
    let started = std::time::Instant::now();
    let ready = || call(running.text("engine"), "/health/ready", "", "").status;
    while ready() != 503 {
        assert!(started.elapsed().as_secs() < 60, "it never finds out");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(sign_in(&running, PASSWORD), 503);
    assert_eq!(sign_in(&running, "wrong"), 503);
    assert_eq!(running.stop(), Some(0));
    serve_and_sign_in(&deployment);
}

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
    let two = format!("{text},2 {}", secret.chars().rev().collect::<String>());
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

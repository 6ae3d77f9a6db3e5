//! Commands of operators, also while `serve` runs.

use std::fs;

use crate::program::{Deployment, Running, assert_one_line, free_port, stderr, stdout};

#[test]
fn people_and_apps_can_be_added_while_serve_runs() {
    let deployment = Deployment::new();
    let serving = Running::start(&["serve", "--dev", "--config", &deployment.config()]);
    let made = deployment.create_user("Alice@example.com", "Copper-Lantern-42");
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let id = stdout(&made);
    assert!(id.starts_with("00u") && id.trim().len() == 20, "{id}");
    let again = deployment.create_user("alice@EXAMPLE.com", "Copper-Lantern-42");
    assert_one_line(&again, 1, &["alice@example.com", "exists already"]);
    assert_one_line(
        &deployment.create_user("bob@example.com", "short"),
        2,
        &["at least 8 characters"],
    );
    assert_one_line(
        &deployment.create_user("bob@example.com", ""),
        2,
        &["password is empty"],
    );
    assert_one_line(
        &deployment.create_user("a@x,b@y", "Copper-Lantern-42"),
        2,
        &["a@x,b@y"],
    );

    let client = ["clients", "create", "--id", "my-app", "--label", "My app"];
    let uri = ["--redirect-uri", "http://localhost:8080/login/callback"];
    let made = deployment.run(&[&client[..], &uri].concat());
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let text = stdout(&made);
    let secret = text
        .lines()
        .find_map(|line| line.strip_prefix("client_secret "))
        .unwrap();
    assert!(secret.len() >= 43, "{secret}");
    assert!(
        secret
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    );
    assert_one_line(
        &deployment.run(&[&client[..], &uri].concat()),
        1,
        &["my-app exists already"],
    );
    let wrong = [
        "clients",
        "create",
        "--label",
        "x",
        "--redirect-uri",
        "/login/callback",
    ];
    assert_one_line(&deployment.run(&wrong), 2, &["/login/callback"]);
    let public = ["clients", "create", "--public", "--label", "Page"];
    let made = deployment.run(&[&public[..], &uri].concat());
    assert!(
        !stdout(&made).contains("client_secret"),
        "{}",
        stdout(&made)
    );
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn migrate_makes_the_database_once_and_doctor_looks_at_it() {
    let deployment = Deployment::new();
    let before = deployment.run(&["doctor"]);
    assert_eq!(
        before.status.code(),
        Some(1),
        "no database yet: {}",
        stdout(&before)
    );
    assert!(
        stdout(&before).contains("regain migrate"),
        "{}",
        stdout(&before)
    );
    assert!(
        !deployment.path("regain.db").exists(),
        "looking makes nothing"
    );

    assert!(stdout(&deployment.run(&["migrate"])).contains("from migration 0 to"));
    assert!(stdout(&deployment.run(&["migrate"])).contains("up to date"));
    let sound = deployment.run(&["doctor"]);
    assert_eq!(sound.status.code(), Some(0), "{}", stdout(&sound));
    for what in ["store", "keys", "pepper", "mail", "clock", "address"] {
        assert!(
            stdout(&sound).lines().any(|line| line.starts_with(what)),
            "{what}"
        );
    }

    // The first start makes the signing keys; then another master key opens nothing.
    assert_eq!(
        Running::start(&["serve", "--config", &deployment.config()]).stop(),
        Some(0)
    );
    fs::remove_file(deployment.path("master.key")).unwrap();
    let other = Deployment::new();
    fs::copy(other.path("master.key"), deployment.path("master.key")).unwrap();
    let unsound = deployment.run(&["doctor"]);
    assert_eq!(unsound.status.code(), Some(1), "{}", stdout(&unsound));
    assert!(
        stdout(&unsound).contains("opens 0 of 1 signing keys"),
        "{}",
        stdout(&unsound)
    );
    assert_one_line(
        &deployment.run(&["serve", "--log", "error"]),
        2,
        &["master key"],
    );
}

#[test]
fn doctor_finds_a_relay_that_is_not_there_and_a_wrong_port() {
    let deployment = Deployment::new();
    let relay = free_port();
    deployment.edit(|text| {
        let port = deployment.port;
        text.replace(&format!("localhost:{port}"), "localhost:1")
            .replace(
                "[org]",
                &format!("[mail.smtp]\nhost = \"127.0.0.1\"\nport = {relay}\n[org]"),
            )
    });
    assert_eq!(deployment.run(&["migrate"]).status.code(), Some(0));
    let unsound = deployment.run(&["doctor"]);
    let text = stdout(&unsound);
    assert_eq!(unsound.status.code(), Some(1), "{text}");
    for what in ["mail", "address"] {
        let line = text.lines().find(|line| line.starts_with(what)).unwrap();
        assert!(line.contains("PROBLEM"), "{line}");
    }
}

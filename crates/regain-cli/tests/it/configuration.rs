//! Configurations: made, checked, refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::program::{Deployment, assert_one_line, run, stderr, stdout};

#[test]
fn init_writes_what_only_the_owner_reads_and_overwrites_nothing() {
    let deployment = Deployment::new();
    for file in ["master.key", "pepper.key", "regain.toml"] {
        let mode = fs::metadata(deployment.path(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let before = fs::read_to_string(deployment.path("regain.toml")).unwrap();
    let again = run(&["init", deployment.directory.path().to_str().unwrap()]);
    assert_one_line(&again, 2, &["regain.toml", "not overwritten"]);
    assert_eq!(
        fs::read_to_string(deployment.path("regain.toml")).unwrap(),
        before
    );

    fs::remove_file(deployment.path("regain.toml")).unwrap();
    let again = run(&["init", deployment.directory.path().to_str().unwrap()]);
    assert_one_line(&again, 2, &["master.key", "not overwritten"]);
    fs::remove_file(deployment.path("master.key")).unwrap();
    let again = run(&["init", deployment.directory.path().to_str().unwrap()]);
    assert_one_line(&again, 2, &["pepper.key", "not overwritten"]);
}

#[test]
fn what_init_wrote_has_no_problems() {
    let checked = Deployment::new().run(&["config", "check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert!(stdout(&checked).contains("no problems"));
}

#[test]
fn config_check_prints_every_problem_and_serve_the_first() {
    let deployment = Deployment::new();
    deployment.edit(|text| text.replace("# min_length = 8", "min_length = 4\nhistoryy = 1"));
    let checked = deployment.run(&["config", "check"]);
    assert_eq!(checked.status.code(), Some(2));
    let text = stderr(&checked);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.contains("password.historyy is not a known key"),
        "{text}"
    );
    assert!(
        text.contains("password.min_length must be 8 to 128, not 4"),
        "{text}"
    );
    assert_one_line(
        &deployment.run(&["serve"]),
        2,
        &["password.historyy", "another problem"],
    );
}

#[test]
fn a_configuration_that_is_not_there_is_one_line() {
    for command in [
        &["serve"][..],
        &["config", "check"],
        &["config", "show"],
        &["migrate"],
        &["doctor"],
    ] {
        let output = run(&[command, &["--config", "/nowhere/regain.toml"]].concat());
        assert_one_line(&output, 2, &["/nowhere/regain.toml", "regain init"]);
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    // K-03, R-20.
    let deployment = Deployment::new();
    let key = deployment.path("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    for command in [&["serve"][..], &["config", "check"], &["doctor"]] {
        assert_one_line(
            &deployment.run(command),
            2,
            &["master.key", "0644", "chmod 600"],
        );
    }
}

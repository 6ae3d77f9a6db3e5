//! Without the pepper that hashes need.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use regain_types::{Clock as _, SystemClock};

use super::{
    PASSWORD, create_alice, deployed, doctor, done, key, serve, serve_and_sign_in, sign_in, unname,
};
use crate::program::{Deployment, assert_one_line, call};

/// How long a process may take to look at the store, on the slowest machine.
const NOTICED_WITHIN: Duration = Duration::from_mins(1);

#[test]
#[expect(clippy::too_many_lines, reason = "one story from the loss to its end")]
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
    // Another node may have it: whoever gives it up must know what that costs.
    let abandon = ["keys", "abandon", "pepper", "--version", "1"];
    for hashes in [&[][..], &["--hashes", "0"], &["--hashes", "2"]] {
        let refused = deployment.run(&[&abandon, hashes].concat());
        assert_one_line(&refused, 2, &["1 password hashes", "`--hashes 1`"]);
    }
    fs::write(&file, &right).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    serve_and_sign_in(&deployment);
    fs::remove_file(&file).unwrap();
    done(&deployment.run(&[&abandon[..], &["--hashes", "1"]].concat()));
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
    let clock = SystemClock::new();
    let until = clock.monotonic() + NOTICED_WITHIN;
    let ready = || call(running.text("engine"), "/health/ready", "", "").status;
    while ready() != 503 {
        assert!(clock.monotonic() < until, "it never finds out");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    assert_eq!(sign_in(&running, PASSWORD), 503);
    assert_eq!(sign_in(&running, "wrong"), 503);
    assert_eq!(running.stop(), Some(0));
    serve_and_sign_in(&deployment);
}

/// Two nodes that began with a key of their own each: neither starts, until somebody says which of the
/// two is none.
#[test]
fn of_two_keys_with_one_number_the_one_that_is_not_here_is_given_up() {
    let deployment = deployed();
    create_alice(&deployment);
    let database = rusqlite::Connection::open(deployment.path("regain.db")).unwrap();
    let added = database.execute(
        "INSERT INTO settings SELECT org_id, 'pepper:1:AAAAAAAAAAAAAAAA', created_at, value
         FROM settings WHERE name LIKE 'pepper:1:%'",
        [],
    );
    assert_eq!(added.unwrap(), 1);
    drop(database);
    assert_one_line(
        &deployment.run(&["serve", "--log", "error"]),
        2,
        &["version 1 of the pepper is another one"],
    );
    let abandon = [
        "keys",
        "abandon",
        "pepper",
        "--version",
        "1",
        "--hashes",
        "1",
    ];
    done(&deployment.run(&abandon));
    serve_and_sign_in(&deployment);
    assert_one_line(&deployment.run(&abandon), 2, &["not lost"]);
}

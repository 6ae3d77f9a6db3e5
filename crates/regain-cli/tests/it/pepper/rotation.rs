//! From one version of the pepper to the next, and from none to the first.

use std::fs;

use super::{
    ALICE, PASSWORD, create_alice, deployed, deployed_without, doctor, done, export, key, mode,
    serve_and_sign_in,
};
use crate::program::{assert_one_line, stderr, stdout};

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

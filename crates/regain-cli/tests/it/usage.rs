//! Options and help.

use crate::program::{assert_one_line, run, stdout};

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    for args in [
        &["nonsense"][..],
        &["demo", "--engine-port", "x"],
        &["users", "create"],
        &[],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
    assert_one_line(&run(&["demo", "--log", "a=b=c"]), 2, &["--log"]);
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in [
        "demo", "serve", "app", "init", "migrate", "config", "users", "clients", "doctor",
    ] {
        assert!(stdout(&help).contains(command), "{command}");
    }
}

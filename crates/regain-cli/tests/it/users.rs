//! Users in and out.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use crate::program::{Deployment, Running, Store, assert_one_line, regain, stderr, stdout};

/// By libxcrypt, of `Copper-Lantern-42`.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6";

fn import(deployment: &Deployment, name: &str, text: &str, options: &[&str]) -> Output {
    let file = deployment.path(name);
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    deployment.run(&[&["users", "import", &file], options].concat())
}

fn export(deployment: &Deployment, name: &str, options: &[&str]) -> String {
    let file = deployment.path(name);
    let _ = fs::remove_file(&file);
    let path = file.display().to_string();
    let made = deployment.run(&[&["users", "export", &path], options].concat());
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let access = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(access & 0o777, 0o600);
    fs::read_to_string(file).unwrap()
}

#[test]
fn an_import_can_be_run_again_and_names_each_line_that_it_cannot_use() {
    Store::ALL.into_iter().for_each(run_an_import_again);
}

fn run_an_import_again(store: Store) {
    let deployment = Deployment::on(store);
    // A server runs beside it, on the same database.
    let serving = Running::start(&["serve", "--dev", "--config", &deployment.config()]);
    let csv = format!(
        "login,email,first_name,last_name,locale,time_zone,status,password_hash\n\
         Alice@Example.com,alice@example.com,Alice,\"Example, the\nfirst\",de-DE,Europe/Berlin,,{BCRYPT}\n\
         bob,bob@example.com,Bob,Builder,,,suspended,\n\
         carol@example.com,,Carol,,,,,\n"
    );
    // Names are one line, so the first row is refused, and its number is that of its first line.
    let made = import(&deployment, "people.csv", &csv, &[]);
    let said = stderr(&made);
    assert_eq!(made.status.code(), Some(1), "{said}");
    assert!(
        said.contains("line 2: last_name must be one line"),
        "{said}"
    );
    assert!(
        said.contains("2 created, 0 there already, 1 refused."),
        "{said}"
    );

    let csv = csv.replace(" the\nfirst", " the first");
    let made = import(&deployment, "people.csv", &csv, &["--progress", "json"]);
    let said = stderr(&made);
    assert_eq!(made.status.code(), Some(0), "{said}");
    assert!(
        said.contains("1 created, 2 there already, 0 refused."),
        "{said}"
    );
    assert!(
        said.contains("A sign-in computes argon2id:19:19456:2:1, bcrypt:4"),
        "{said}"
    );
    let done = said.lines().find(|line| line.starts_with('{')).unwrap();
    let done: serde_json::Value = serde_json::from_str(done).unwrap();
    assert_eq!(done["event"], "done");
    assert_eq!(
        (&done["created"], &done["there_already"]),
        (&1.into(), &2.into())
    );

    let shown = deployment.run(&["users", "show", "ALICE@example.com"]);
    let user: serde_json::Value = serde_json::from_str(&stdout(&shown)).unwrap();
    assert_eq!(user["login"], "alice@example.com");
    assert_eq!(
        (&user["locale"], &user["time_zone"]),
        (&"de_DE".into(), &"Europe/Berlin".into())
    );
    assert_eq!(user["last_name"], "Example, the first");
    assert!(!stdout(&shown).contains("$2b$"), "{user}");
    // An empty cell says that there is no address, even when the login is one.
    let shown = deployment.run(&["users", "show", "carol@example.com"]);
    let user: serde_json::Value = serde_json::from_str(&stdout(&shown)).unwrap();
    assert_eq!(user["email"], serde_json::Value::Null);
    assert_eq!(serving.stop(), Some(0));
}

/// Lines of a file, and why each is refused; those that are not, without a reason.
const LINES: [(&str, &str); 18] = [
    (r#"{"login":"a@example.com","email":"dup@example.com"}"#, ""),
    (
        r#"{"login":"b@example.com","email":"dup@example.com"}"#,
        "the address is another user's",
    ),
    (
        r#"{"login":"a@example.com","login":"b@example.com"}"#,
        "duplicate field `login`",
    ),
    (r#"{"login":["a@example.com"]}"#, "wrong type"),
    (r#"{"login":"a@x.example,b@y.example"}"#, "cannot be used"),
    (
        r#"{"login":"аlice@example.com"}"#,
        "mixes letters of several scripts",
    ),
    (r#"{"first_name":"Nobody"}"#, "login is missing"),
    (
        r#"{"login":"c@example.com","password":"Copper-Lantern-42"}"#,
        "passwords as plain text are not taken",
    ),
    (
        r#"{"login":"c@example.com","password_hash":"Copper-Lantern-42"}"#,
        "password_hash is no password hash",
    ),
    (
        r#"{"login":"c@example.com","password_hash":"$2x$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6"}"#,
        "broken bcrypt",
    ),
    (
        r#"{"login":"c@example.com","status":"GONE"}"#,
        "status \"GONE\" must be",
    ),
    (r#"{"login":"c@example.com","email":"c"}"#, "is no address"),
    (
        r#"{"login":"c@example.com","locale":"english"}"#,
        "locale \"english\"",
    ),
    (
        r#"{"login":"c@example.com","time_zone":"a b"}"#,
        "time_zone \"a b\"",
    ),
    (
        r#"{"login":"c@example.com","created_at":"yesterday"}"#,
        "created_at \"yesterday\"",
    ),
    (
        r#"{"login":"c@example.com","nickname":"C"}"#,
        "unknown field `nickname`",
    ),
    ("{", "is no user as JSON"),
    (r#"{"email":"d@example.com"}"#, ""),
];

#[test]
fn what_an_import_refuses_is_told_with_the_reason() {
    Store::ALL.into_iter().for_each(look_at_refusals);
}

fn look_at_refusals(store: Store) {
    let deployment = Deployment::on(store);
    let text: Vec<&str> = LINES.iter().map(|(line, _)| *line).collect();
    let made = import(&deployment, "people.jsonl", &text.join("\n"), &[]);
    let said = stderr(&made);
    assert_eq!(made.status.code(), Some(1), "{said}");
    for (number, (_, why)) in LINES
        .iter()
        .enumerate()
        .filter(|(_, (_, why))| !why.is_empty())
    {
        let told = format!("line {}: ", number + 1);
        let found = said.lines().find(|line| line.starts_with(&told));
        let found = found.unwrap_or_else(|| panic!("{told} in {said}"));
        assert!(found.contains(why), "{why:?} in {found}");
    }
    assert!(
        !said.contains("Copper-Lantern-42"),
        "a password is never quoted: {said}"
    );
    assert!(
        said.contains("2 created, 0 there already, 16 refused."),
        "{said}"
    );
}

#[test]
fn columns_that_cannot_be_used_refuse_the_whole_file() {
    Store::ALL.into_iter().for_each(look_at_columns);
}

fn look_at_columns(store: Store) {
    let deployment = Deployment::on(store);
    for (text, words) in [
        (
            "login,password\na,b\n",
            "passwords as plain text are not taken",
        ),
        ("login,nick\na,b\n", "there is no column \"nick\""),
        ("login,login\na,b\n", "the column login is there twice"),
        ("first_name\na\n", "neither login nor email"),
        ("", "neither login nor email"),
    ] {
        let refused = import(&deployment, "people.csv", text, &[]);
        assert_one_line(&refused, 2, &[words]);
    }
    let refused = import(&deployment, "people.txt", "login\na\n", &[]);
    assert_one_line(&refused, 2, &["--format csv"]);
    assert_eq!(stdout(&deployment.run(&["users", "list"])), "");
    // A quote that is not closed must not take the rest of the file into memory.
    let open = format!("login\n\"{}", "x\n".repeat(1_000_000));
    let broken = import(&deployment, "people.csv", &open, &[]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        stderr(&broken).contains("is a quote not closed?"),
        "{}",
        stderr(&broken)
    );
}

#[test]
fn a_dry_run_writes_nothing_and_stdin_is_read() {
    Store::ALL.into_iter().for_each(run_dry);
}

fn run_dry(store: Store) {
    let deployment = Deployment::on(store);
    let dry = import(
        &deployment,
        "people.csv",
        "login\na@example.com\nb@example.com\n",
        &["--dry-run"],
    );
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    assert!(
        stderr(&dry).contains("Nothing was written. 2 would be created"),
        "{}",
        stderr(&dry)
    );
    assert_eq!(stdout(&deployment.run(&["users", "list"])), "");

    let config = deployment.config();
    let mut child = regain(&[
        "users", "import", "-", "--format", "jsonl", "--config", &config,
    ])
    .stdin(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"email\":\"a@example.com\"}\n").unwrap();
    drop(stdin);
    let made = child.wait_with_output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert!(stdout(&deployment.run(&["users", "list"])).contains("\ta@example.com\ta@example.com"));
}

#[test]
fn an_export_imports_into_another_deployment_and_is_the_same_there() {
    move_users(Store::Sqlite, Store::Postgres);
    move_users(Store::Postgres, Store::Sqlite);
}

fn move_users(from: Store, to: Store) {
    let (first, second) = (Deployment::on(from), Deployment::on(to));
    let lines: Vec<String> = (0..1_234)
        .map(|n| format!("{{\"email\":\"u{n}@example.com\",\"first_name\":\"=\\\"{n},ü\",\"password_hash\":\"{BCRYPT}\"}}"))
        .collect();
    let made = import(&first, "people.jsonl", &lines.join("\n"), &[]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    for name in ["all.csv", "all.jsonl"] {
        let exported = export(&first, name, &["--with-hashes"]);
        let made = import(&second, name, &exported, &[]);
        assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
        assert_eq!(export(&second, name, &["--with-hashes"]), exported);
        assert!(
            !export(&first, name, &[]).contains("$2b$"),
            "hashes only when asked for"
        );
    }
    let file = first.path("all.csv").display().to_string();
    assert_one_line(
        &first.run(&["users", "export", &file]),
        2,
        &["exists already"],
    );
}

#[test]
fn kinds_of_hashes_are_counted_and_forgotten() {
    Store::ALL.into_iter().for_each(count_kinds);
}

fn count_kinds(store: Store) {
    let deployment = Deployment::on(store);
    let line = format!("{{\"email\":\"a@example.com\",\"password_hash\":\"{BCRYPT}\"}}");
    let made = import(&deployment, "people.jsonl", &line, &[]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let other = "$2b$05$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6";
    let line = format!("{{\"email\":\"a@example.com\",\"password_hash\":\"{other}\"}}");
    import(&deployment, "people.jsonl", &line, &[]);
    let hashes = deployment.run(&["users", "hashes", "--forget"]);
    assert_eq!(
        stdout(&hashes),
        "bcrypt:4\t1\nbcrypt:5\t0\n",
        "{}",
        stderr(&hashes)
    );
    let hashes = deployment.run(&["users", "hashes"]);
    assert_eq!(stdout(&hashes), "bcrypt:4\t1\n");
    // Seven kinds would make each sign-in compute seven hashes.
    let many: Vec<String> = (4..11)
        .map(|cost| {
            format!(
                "{{\"email\":\"m{cost}@example.com\",\"password_hash\":\"{}\"}}",
                BCRYPT.replace("$04$", &format!("${cost:02}$"))
            )
        })
        .collect();
    let refused = import(&deployment, "many.jsonl", &many.join("\n"), &[]);
    assert_one_line(&refused, 2, &["7 kinds of password hashes"]);
}

#[test]
fn a_status_is_changed_by_login() {
    Store::ALL.into_iter().for_each(change_a_status);
}

fn change_a_status(store: Store) {
    let deployment = Deployment::on(store);
    import(&deployment, "people.csv", "login\na@example.com\n", &[]);
    let changed = deployment.run(&["users", "status", "A@example.com", "suspended"]);
    assert!(
        stdout(&changed).contains("SUSPENDED"),
        "{}",
        stderr(&changed)
    );
    assert!(stdout(&deployment.run(&["users", "list"])).contains("\tSUSPENDED\ta@example.com"));
    assert_one_line(
        &deployment.run(&["users", "status", "nobody@example.com", "active"]),
        1,
        &["there is no user"],
    );
}

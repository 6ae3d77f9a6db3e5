//! Where values come from, and what is told of them.

use std::fs;

use super::super::*;
use super::{LEAST, Site, owned};
use crate::database::StoreUrl;

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let site = Site::new();
    let text = format!("{LEAST}[org]\nname = \"From the file\"\n");
    let variables = [
        ("REGAIN__ORG__NAME", "From the environment"),
        ("REGAIN__STORE__URL", "sqlite:environment.db"),
        ("REGAIN__PASSWORD__MIN_LENGTH", "10"),
        (
            "REGAIN__ORG__TRUSTED_ORIGINS",
            "[\"http://localhost:3000\"]",
        ),
        ("REGAIN__ORG__USER_ENUMERATION_PREVENTION", "false"),
        ("REGAIN__APP__ISSUER", "the web app's own"),
        ("REGAIN_BIN", "somebody else's"),
    ];
    let configuration = site.load(&text, &variables).unwrap();
    assert_eq!(
        configuration.settings.brand.org_name,
        "From the environment"
    );
    assert_eq!(configuration.settings.policy.password.min_length, 10);
    assert_eq!(
        configuration.settings.trusted_origins,
        ["http://localhost:3000"]
    );
    assert!(!configuration.settings.policy.enumeration_prevention);

    let file = site.write(&text);
    let database = Some("sqlite:/var/option.db");
    let configuration = load_with(&file, database, owned(&variables)).unwrap();
    assert_eq!(
        configuration.store,
        StoreUrl::Sqlite("/var/option.db".into())
    );
}

#[test]
fn a_text_from_the_environment_is_taken_letter_by_letter() {
    let site = Site::new();
    let text = format!("{LEAST}[mail.smtp]\nhost = \"relay\"\nusername = \"u\"\n");
    for password in ["0123", "true", "[x]", "1e5", "{a=b}"] {
        let variables = [("REGAIN__MAIL__SMTP__PASSWORD", password)];
        let configuration = site.load(&text, &variables).unwrap();
        let (_, read) = configuration.smtp.unwrap().credentials.unwrap();
        assert_eq!(read.expose(), password);
    }
}

#[test]
fn a_wrong_variable_is_named() {
    let site = Site::new();
    for (name, value, key) in [
        ("REGAIN__ORG__NAMEE", "x", "org.namee"),
        (
            "REGAIN__PASSWORD__MIN_LENGTH",
            "eight",
            "password.min_length",
        ),
        ("REGAIN__PASSWORD__MIN_LENGTH", "4", "password.min_length"),
    ] {
        let problems = site.load(LEAST, &[(name, value)]).map(|_| ()).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].starts_with(&format!("{name}: {key} ")),
            "{problems:?}"
        );
    }
}

#[test]
fn what_is_shown_says_where_it_came_from_and_hides_secrets() {
    let site = Site::new();
    let text = format!(
        "{LEAST}[password]\nmin_length = 9\n[[clients]]\nid = \"a\"\nsecret = \"very-secret-words\"\n"
    );
    let variables = [
        ("REGAIN__ORG__NAME", "Here"),
        ("REGAIN__MAIL__SMTP__PASSWORD", "hush-hush"),
    ];
    let shown = site.show(&text, &variables);
    let line = |key: &str| {
        shown
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .to_owned()
    };
    assert!(line("org.name").ends_with("# REGAIN__ORG__NAME"), "{shown}");
    assert!(
        line("password.min_length = 9").contains("regain.toml"),
        "{shown}"
    );
    assert!(
        line("password.history = 4").ends_with("# default"),
        "{shown}"
    );
    assert!(
        line("clients.0.id = \"a\"").contains("regain.toml"),
        "{shown}"
    );
    assert!(line("clients.0.secret").contains("(not shown)"), "{shown}");
    assert!(
        !shown.contains("very-secret-words") && !shown.contains("hush-hush"),
        "{shown}"
    );
}

#[test]
fn no_message_repeats_a_secret() {
    let site = Site::new();
    for text in [
        "[[clients]]\nid = \"a\"\nredirect_uris = [\"https://x.example/\"]\nsecret = 271828\n",
        "[mail.smtp]\nhost = \"x\"\nusername = \"u\"\npassword = 271828\n",
        "[keys]\nmaster_key = \"271828\"\n",
    ] {
        let problems = site.problems(&format!("{LEAST}{text}")).join("\n");
        assert!(!problems.contains("271828"), "{problems}");
    }
}

#[test]
fn the_app_reads_its_own_file_variables_and_options() {
    let site = Site::new();
    let file = site.directory.path().join("app.toml");
    fs::write(
        &file,
        "issuer = \"http://localhost:8400/oauth2/default\"\nclient_id = \"web\"\n",
    )
    .unwrap();
    let variables = owned(&[
        ("REGAIN__APP__CLIENT_SECRET", "0042"),
        ("REGAIN__ORG__NAME", "the engine's"),
    ]);
    let options = app::AppOptions {
        client_id: Some("other"),
        ..app::AppOptions::default()
    };
    let loaded = app::load_with(Some(&file), &options, variables).unwrap();
    assert_eq!(loaded.web.client_id, "other");
    assert!(loaded.web.client_secret.is_some());
    assert_eq!(
        loaded.web.data_dir,
        site.directory.path().join("regain-app")
    );
    assert_eq!(loaded.listen.port(), 8401);

    let missing = app::load_with(None, &app::AppOptions::default(), [])
        .unwrap_err()
        .lines();
    assert_eq!(missing.len(), 2, "{missing:?}");
    fs::write(
        &file,
        "issuer = \"x\"\nclient_id = \"web\"\nclient_secrett = \"y\"\n",
    )
    .unwrap();
    let broken = app::load_with(Some(&file), &app::AppOptions::default(), [])
        .unwrap_err()
        .lines();
    assert!(
        broken.iter().any(|line| line.contains("client_secrett")),
        "{broken:?}"
    );
}

//! What the configuration takes and refuses.

use std::fs;
use std::path::PathBuf;

use regain_engine::{RevokeSessions, SignInMode, SingleAuthenticator};
use regain_mail::Tls;
use tempfile::TempDir;

use super::*;
use crate::private_files::create_master_key;

/// The least that a configuration must say.
const LEAST: &str = "[mail]\nfrom = \"Example <no-reply@example.com>\"\n";

struct Site {
    directory: TempDir,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        create_master_key(&directory.path().join("master.key")).unwrap();
        Self { directory }
    }

    fn write(&self, text: &str) -> PathBuf {
        let path = self.directory.path().join("regain.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self, text: &str, variables: &[(&str, &str)]) -> Result<Configuration, Vec<String>> {
        let file = self.write(text);
        load_with(&file, None, owned(variables)).map_err(|broken| broken.lines())
    }

    fn problems(&self, text: &str) -> Vec<String> {
        self.load(text, &[]).map(|_| ()).unwrap_err()
    }

    fn show(&self, text: &str, variables: &[(&str, &str)]) -> String {
        let sources = sources_with(&self.write(text), None, owned(variables)).unwrap();
        show(&sources, true).join("\n")
    }
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn the_least_is_enough_and_the_defaults_are_the_engines() {
    let configuration = Site::new().load(LEAST, &[]).unwrap();
    assert_eq!(configuration.settings.public_url, "http://localhost:8400");
    assert_eq!(configuration.settings.policy.password.min_length, 8);
    assert!(configuration.settings.policy.enumeration_prevention);
    assert_eq!(configuration.settings.hash.memory_kib, 47_104);
    assert!(configuration.smtp.is_none());
    assert!(configuration.warnings().is_empty());
}

#[test]
fn every_key_of_the_contract_arrives_where_it_belongs() {
    let site = Site::new();
    fs::write(site.directory.path().join("smtp.password"), "hush\n").unwrap();
    let text = r#"
        [server]
        public_url = "https://id.example.com/"
        listen = ["127.0.0.1:9400", "[::1]:9400"]
        trusted_proxies = ["10.0.0.1"]
        [store]
        url = "sqlite:data/regain.db"
        [mail]
        from = "Example <no-reply@example.com>"
        [mail.smtp]
        host = "127.0.0.1"
        port = 2525
        tls = "starttls"
        username = "regain"
        password_file = "smtp.password"
        [org]
        sign_in_mode = "identifier_first"
        user_enumeration_prevention = false
        trusted_origins = ["http://localhost:8401/"]
        [password]
        min_length = 12
        min_symbol = 1
        history = 0
        [recovery]
        single_authenticator = "verify"
        auto_sign_in = false
        revoke_sessions = "ask"
        [email_authenticator]
        code_length = 8
        code_lifetime_minutes = 10
        [[clients]]
        id = "my-app"
        secret = "a-secret-of-the-app"
        redirect_uris = ["http://localhost:8080/login/callback"]
    "#;
    let configuration = site.load(text, &[]).unwrap();
    let settings = &configuration.settings;
    assert_eq!(settings.public_url, "https://id.example.com");
    assert_eq!(configuration.listen.len(), 2);
    assert_eq!(settings.trusted_origins, ["http://localhost:8401"]);
    assert_eq!(
        configuration.store.path(),
        site.directory.path().join("data/regain.db")
    );
    let smtp = configuration.smtp.as_ref().unwrap();
    assert_eq!((smtp.port, smtp.tls), (2525, Tls::StartTls));
    let (user, password) = smtp.credentials.as_ref().unwrap();
    assert_eq!(
        (user.as_str(), password.expose().as_str()),
        ("regain", "hush")
    );
    let policy = &settings.policy;
    assert_eq!(policy.sign_in_mode, SignInMode::IdentifierFirst);
    assert_eq!(policy.password.min_length, 12);
    assert_eq!(
        policy.recovery.single_authenticator,
        SingleAuthenticator::Verify
    );
    assert_eq!(policy.recovery.revoke_sessions, RevokeSessions::Ask);
    assert!(!policy.recovery.auto_sign_in);
    assert_eq!(
        (policy.email.code_length, policy.email.code_ttl_seconds),
        (8, 600)
    );
    let [client] = &configuration.clients[..] else {
        panic!("one client")
    };
    assert!(client.is_confidential());
    assert_eq!(client.label, "my-app");
    assert!(configuration.warnings()[0].contains("user_enumeration_prevention"));
}

#[test]
fn values_outside_the_bounds_are_refused_with_key_and_bound() {
    // T-A3, T-P1: security.md §3.
    let site = Site::new();
    for (section, key, values, bound) in [
        ("password", "min_length", ["7", "129"], "8 to 128"),
        ("password", "history", ["-1", "31"], "0 to 30"),
        ("password", "min_symbol", ["-1", "33"], "0 to 32"),
        ("email_authenticator", "code_length", ["5", "13"], "6 to 12"),
        (
            "email_authenticator",
            "code_lifetime_minutes",
            ["0", "61"],
            "1 to 60",
        ),
        ("limits", "code_attempts", ["0", "6"], "1 to 5"),
        ("limits", "code_attempts_per_flow", ["4", "11"], "5 to 10"),
        ("limits", "mails_per_flow", ["0", "11"], "1 to 10"),
        (
            "limits",
            "resend_cooldown_seconds",
            ["9", "301"],
            "10 to 300",
        ),
        (
            "limits",
            "interaction_code_lifetime_seconds",
            ["9", "601"],
            "10 to 600",
        ),
        (
            "hash",
            "memory_kib",
            ["19455", "1048577"],
            "19456 to 1048576",
        ),
        ("hash", "passes", ["0", "17"], "1 to 16"),
        ("hash", "workers", ["0", "100000"], "1 to "),
        ("hash", "queue_per_worker", ["0", "1025"], "1 to 1024"),
    ] {
        for value in values {
            let problems = site.problems(&format!("{LEAST}[{section}]\n{key} = {value}\n"));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].contains(&format!("{section}.{key} must be {bound}")),
                "{problems:?}"
            );
            assert!(
                problems[0].contains(&format!("not {value}")),
                "{problems:?}"
            );
            assert!(problems[0].contains("regain.toml"), "{problems:?}");
        }
    }
}

#[test]
fn a_hash_below_the_floor_is_refused_whatever_it_is_made_of() {
    let site = Site::new();
    let hash = |memory: u32, passes: u32| {
        site.load(
            &format!("{LEAST}[hash]\nmemory_kib = {memory}\npasses = {passes}\n"),
            &[],
        )
        .map(|configuration| configuration.settings.hash.memory_kib)
    };
    assert!(hash(47_104, 1).is_ok());
    assert!(hash(19_456, 2).is_ok());
    assert!(hash(47_103, 1).unwrap_err()[0].contains("hash.memory_kib must be 47104"));
}

#[test]
fn bad_values_are_named() {
    let site = Site::new();
    for (text, word) in [
        (
            "[server]\npublic_url = \"not an address\"",
            "server.public_url",
        ),
        (
            "[server]\npublic_url = \"https://x.example/path\"",
            "server.public_url",
        ),
        ("[server]\nlisten = [\"8400\"]", "server.listen"),
        ("[server]\nlisten = []", "server.listen"),
        (
            "[server]\nlisten = \"127.0.0.1:8400\"",
            "server.listen must be a list",
        ),
        (
            "[server]\ntrusted_proxies = [\"proxy\"]",
            "server.trusted_proxies",
        ),
        ("[store]\nurl = \"mysql://localhost/regain\"", "store.url"),
        ("[keys]\nmaster_key_file = \"missing.key\"", "missing.key"),
        ("[org]\nname = \"\"", "org.name"),
        ("[org]\nlocale = \"xx\"", "org.locale"),
        (
            "[org]\nsupport_url = \"javascript:alert(1)\"",
            "org.support_url",
        ),
        (
            "[org]\nsign_in_mode = \"two_pages\"",
            "org.sign_in_mode must be one of",
        ),
        ("[org]\ntrusted_origins = [\"*\"]", "org.trusted_origins"),
        (
            "[org]\nuser_enumeration_prevention = \"off\"",
            "must be true or false",
        ),
        (
            "[password]\nmin_length = \"eight\"",
            "password.min_length must be a whole number",
        ),
        (
            "[password]\nexclude_attributes = [\"mother\"]",
            "password.exclude_attributes",
        ),
        (
            "[recovery]\nauthenticators = [\"okta_password\"]",
            "recovery.authenticators",
        ),
        (
            "[recovery]\nrevoke_sessions = \"never\"",
            "recovery.revoke_sessions",
        ),
        ("[mail.smtp]\nport = 25", "mail.smtp.host"),
        (
            "[mail.smtp]\nhost = \"x\"\ntls = \"ssl\"",
            "mail.smtp.tls must be one of",
        ),
        (
            "[mail.smtp]\nhost = \"x\"\nport = 70000",
            "mail.smtp.port must be 1 to 65535",
        ),
        (
            "[mail.smtp]\nhost = \"x\"\nca_file = \"no.pem\"",
            "mail.smtp.ca_file",
        ),
        (
            "[mail.smtp]\nhost = \"x\"\nusername = \"u\"",
            "mail.smtp.password_file",
        ),
        (
            "[mail.smtp]\nhost = \"x\"\npassword = \"p\"",
            "mail.smtp.username",
        ),
        (
            "[mail.smtp]\nhost = \"x\"\ntls = \"none\"\nusername = \"u\"\npassword = \"p\"",
            "would travel unprotected",
        ),
        (
            "[[clients]]\nid = \"a b\"\nredirect_uris = [\"https://x.example/\"]",
            "clients.0.id",
        ),
        ("[[clients]]\nid = \"a\"", "clients.0.redirect_uris"),
        (
            "[[clients]]\nid = \"a\"\nredirect_uris = [\"/login\"]",
            "clients.0.redirect_uris",
        ),
        (
            "[[clients]]\nid = \"a\"\nredirect_uris = [\"https://*.example/\"]",
            "clients.0.redirect_uris",
        ),
        (
            "[[clients]]\nid = \"a\"\nredirect_uris = [\"https://x.example/\"]\nsecret = \"short\"",
            "clients.0.secret",
        ),
        ("[server]\npublic_urll = \"x\"", "did you mean public_url?"),
        ("[servers]\nx = 1", "servers is not a known key"),
        ("[server", "line 3 is no valid TOML"),
    ] {
        let problems = site.problems(&format!("{LEAST}{text}\n"));
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(word), "{word} in {problems:?}");
        assert!(problems[0].contains("regain.toml"), "{problems:?}");
        assert!(!problems[0].contains('\n'));
    }
}

#[test]
fn a_client_that_is_there_twice_is_refused() {
    let client = "[[clients]]\nid = \"a\"\nredirect_uris = [\"https://x.example/\"]\n";
    let problems = Site::new().problems(&format!("{LEAST}{client}{client}"));
    assert!(
        problems[0].contains("clients.1.id a is there twice"),
        "{problems:?}"
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let text = "[server]\npublic_url = \"x\"\nlistenn = 1\n[password]\nmin_length = 1\nhistory = \"all\"\n";
    let problems = Site::new().problems(text);
    assert_eq!(problems.len(), 5, "{problems:?}");
    let failure = Failure::from(load_with(&Site::new().write(text), None, []).unwrap_err());
    assert!(
        failure.to_string().contains("and 4 more problems"),
        "{failure}"
    );
}

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
    assert_eq!(configuration.store.path(), Path::new("/var/option.db"));
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
fn the_file_of_init_is_what_it_says_and_every_default_in_it_is_the_default() {
    let template = include_str!("../commands/init/regain.toml")
        .replace("@MEMORY_KIB@", "47104")
        .replace("@PASSES@", "1")
        .replace("@MILLISECONDS@", "30");
    let site = Site::new();
    assert!(site.load(&template, &[]).is_ok());
    // With every comment of the form `# key = value` taken away, but for examples of what has no
    // default, it must still mean the same.
    let mut section = String::new();
    let mut spelled_out = String::new();
    for line in template.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if bare.starts_with('[') {
            section = bare.to_owned();
        }
        let is_example = ["[mail.smtp]", "[[clients]]"].contains(&section.as_str())
            || bare.starts_with("support_url")
            || bare.starts_with("workers");
        let is_key = bare
            .split_once(" = ")
            .is_some_and(|(key, _)| !key.contains(' '));
        spelled_out.push_str(if is_key && !is_example { bare } else { line });
        spelled_out.push('\n');
    }
    assert!(spelled_out.contains("\nmin_length = 8"));
    let short = site.load(&template, &[]).unwrap();
    let long = site.load(&spelled_out, &[]).unwrap();
    assert_eq!(
        format!("{:?}", short.settings),
        format!("{:?}", long.settings)
    );
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

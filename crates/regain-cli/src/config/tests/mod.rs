//! What the configuration takes and refuses.

mod reference;
mod sources;
mod values;

use crate::database::StoreUrl;
use std::fs;
use std::path::PathBuf;

use regain_engine::{RevokeSessions, SignInMode, SingleAuthenticator};
use regain_mail::Tls;
use tempfile::TempDir;

use super::*;
use crate::pepper_file::create_pepper;
use crate::private_files::create_master_key;

/// The least that a configuration must say.
pub(super) const LEAST: &str = "[mail]\nfrom = \"Example <no-reply@example.com>\"\n";

pub(super) struct Site {
    pub(super) directory: TempDir,
}

impl Site {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        create_master_key(&directory.path().join("master.key")).unwrap();
        Self { directory }
    }

    pub(super) fn write(&self, text: &str) -> PathBuf {
        let path = self.directory.path().join("regain.toml");
        fs::write(&path, text).unwrap();
        path
    }

    pub(super) fn load(
        &self,
        text: &str,
        variables: &[(&str, &str)],
    ) -> Result<Configuration, Vec<String>> {
        let file = self.write(text);
        load_with(&file, None, owned(variables)).map_err(|broken| broken.lines())
    }

    pub(super) fn problems(&self, text: &str) -> Vec<String> {
        self.load(text, &[]).map(|_| ()).unwrap_err()
    }

    pub(super) fn show(&self, text: &str, variables: &[(&str, &str)]) -> String {
        let sources = sources_with(&self.write(text), None, owned(variables)).unwrap();
        show(&sources, true).join("\n")
    }
}

pub(super) fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
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

/// Every section, with values that are not the defaults.
const EVERYTHING: &str = r#"
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

#[test]
fn every_key_of_the_contract_arrives_where_it_belongs() {
    let site = Site::new();
    fs::write(site.directory.path().join("smtp.password"), "hush\n").unwrap();
    let configuration = site.load(EVERYTHING, &[]).unwrap();
    let settings = &configuration.settings;
    assert_eq!(settings.public_url, "https://id.example.com");
    assert_eq!(configuration.listen.len(), 2);
    assert_eq!(settings.trusted_origins, ["http://localhost:8401"]);
    assert_eq!(
        configuration.store,
        StoreUrl::Sqlite(site.directory.path().join("data/regain.db"))
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
fn the_file_of_init_is_what_it_says_and_every_default_in_it_is_the_default() {
    let template = include_str!("../../commands/init/regain.toml")
        .replace("@MEMORY_KIB@", "47104")
        .replace("@PASSES@", "1")
        .replace("@MILLISECONDS@", "30");
    let site = Site::new();
    let unmade = site.problems(&template);
    assert!(unmade[0].contains("hash.pepper_file"), "{unmade:?}");
    create_pepper(&site.directory.path().join("pepper.key")).unwrap();
    let made = site.load(&template, &[]).unwrap();
    assert_eq!(made.pepper.keys().len(), 1);
    // With every comment of the form `# key = value` taken away, but for examples of what has no
    // default, it must still mean the same.
    let mut section = String::new();
    let mut spelled_out = String::new();
    for line in template.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if bare.starts_with('[') {
            section = bare.to_owned();
        }
        let is_example = ["[server.tls]", "[mail.smtp]", "[[clients]]"].contains(&section.as_str())
            || bare.starts_with("support_url")
            || bare.starts_with("metrics_listen")
            || bare.starts_with("templates")
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

//! `docs/configuration.md` names every key that there is.

use figment::error::Kind;
use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;

use super::super::*;

const PAGE: &str = include_str!("../../../../../docs/configuration.md");

/// The keys of a section, as its type lists them when it meets one that it does not know.
fn keys_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let stranger = Dict::from([("?".to_owned(), Value::from(1))]);
    match Value::from(stranger)
        .deserialize::<T>()
        .err()
        .map(|error| error.kind)
    {
        Some(Kind::UnknownField(_, keys)) => keys,
        other => panic!("a section that takes unknown keys: {other:?}"),
    }
}

fn section(heading: &str) -> &'static str {
    let start = PAGE
        .find(heading)
        .unwrap_or_else(|| panic!("no section {heading}"));
    let rest = &PAGE[start + heading.len()..];
    rest.split("\n## ").next().unwrap()
}

#[test]
fn the_page_names_every_key() {
    let sections = [
        ("## `[server]`", "", keys_of::<server::Server>()),
        ("## `[server]`", "tls.", keys_of::<server::TlsFiles>()),
        ("## `[store]`", "", keys_of::<store::Store>()),
        ("## `[keys]`", "", keys_of::<keys::Keys>()),
        ("## `[mail]`", "smtp.", keys_of::<mail::Smtp>()),
        ("## `[org]`", "", keys_of::<org::Org>()),
        ("## `[password]`", "", keys_of::<password::Password>()),
        ("## `[sign_in]`", "", keys_of::<sign_in::SignIn>()),
        ("## `[recovery]`", "", keys_of::<recovery::Recovery>()),
        (
            "## `[email_authenticator]`",
            "",
            keys_of::<email_authenticator::EmailAuthenticator>(),
        ),
        ("## `[limits]`", "", keys_of::<limits::Limits>()),
        ("## `[hash]`", "", keys_of::<hash::Hash>()),
        ("## `[[clients]]`", "", keys_of::<clients::Client>()),
        ("## `app.toml`", "", keys_of::<app::AppToml>()),
    ];
    for (heading, prefix, keys) in sections {
        assert!(!keys.is_empty());
        for key in keys {
            let named = section(heading).contains(&format!("`{prefix}{key}`"));
            assert!(
                named,
                "{heading}: {prefix}{key} is missing in docs/configuration.md"
            );
        }
    }
    for name in keys_of::<RegainToml>() {
        let named = [format!("## `[{name}]`"), format!("## `[[{name}]]`")];
        assert!(named.iter().any(|heading| PAGE.contains(heading)), "{name}");
    }
}

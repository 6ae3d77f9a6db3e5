//! Values from the environment: `REGAIN__SECTION__KEY`.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

/// Every variable of ours begins so.
const PREFIX: &str = "REGAIN__";
/// What the web app alone reads: `REGAIN__APP__CLIENT_SECRET`.
const APP_SECTION: &str = "app.";

/// The name under which figment knows this source.
pub(crate) const NAME: &str = "environment";

/// The variables of one program, by the key that they set.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    values: BTreeMap<String, Variable>,
}

#[derive(Debug)]
struct Variable {
    name: String,
    value: String,
}

impl Environment {
    /// The engine's variables: everything but the web app's.
    pub(crate) fn of_engine(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::read(variables, |key| {
            (!key.starts_with(APP_SECTION)).then(|| key.to_owned())
        })
    }

    /// The web app's variables, without their section.
    pub(crate) fn of_app(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::read(variables, |key| {
            key.strip_prefix(APP_SECTION).map(str::to_owned)
        })
    }

    fn read(
        variables: impl IntoIterator<Item = (String, String)>,
        select: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let values = variables
            .into_iter()
            .filter_map(|(name, value)| {
                let path = name.strip_prefix(PREFIX)?.to_lowercase().replace("__", ".");
                Some((select(&path)?, Variable { name, value }))
            })
            .collect();
        Self { values }
    }

    /// The variable's name, when it sets this key.
    pub(crate) fn name_of(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|variable| variable.name.as_str())
    }

    /// What stands in the variable, letter by letter.
    pub(crate) fn raw(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|variable| variable.value.as_str())
    }
}

impl Provider for &Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(NAME)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut dict = Dict::new();
        for (key, variable) in &self.values {
            // Numbers, booleans and lists are read as such; where the key wants a text, `reading`
            // takes the variable letter by letter instead.
            let value: Value = variable
                .value
                .parse()
                .unwrap_or_else(|never| match never {});
            insert(&mut dict, key, value);
        }
        Ok(Profile::Default.collect(dict))
    }
}

fn insert(dict: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            dict.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = dict
                .entry(section.to_owned())
                .or_insert_with(|| Dict::new().into());
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

//! Merges the sources of a configuration and reads them into one type. A later source wins:
//! defaults, file, environment, command line.

use std::path::{Path, PathBuf};

use figment::error::{Actual, Kind};
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::Value;
use figment::{Figment, Source};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::environment::{self, Environment};
use super::problem::Problem;

/// More problems than anybody reads at once; also the bound of the loop that finds them.
const PROBLEMS_MAX: usize = 50;
const COMMAND_LINE: &str = "command line";

/// The sources of one configuration, merged.
#[derive(Debug)]
pub(crate) struct Sources {
    figment: Figment,
    environment: Environment,
    file: Option<PathBuf>,
}

impl Sources {
    /// Merges them. `options` are keys that the command line sets.
    ///
    /// # Errors
    /// One [`Problem`] when the file is not there, cannot be read, or is no TOML.
    pub(crate) fn merge(
        defaults: impl Serialize,
        file: Option<&Path>,
        environment: Environment,
        options: &[(&str, String)],
    ) -> Result<Self, Problem> {
        let mut figment = Figment::from(Serialized::defaults(defaults));
        if let Some(file) = file {
            check_toml(file)?;
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment.merge(&environment);
        for (key, value) in options {
            let provider = figment::providers::Data::<Toml>::string(&option_as_toml(key, value));
            figment = figment.merge(Named(provider));
        }
        Ok(Self {
            figment,
            environment,
            file: file.map(Path::to_owned),
        })
    }

    /// Reads the merged values. A value that does not fit is named and left out, so that the rest
    /// is checked as well; there is no result only when nothing can be read at all.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> (Option<T>, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut value = match self.figment.extract::<Value>() {
            Ok(value) => value,
            Err(error) => {
                let key = error.path.join(".");
                problems.push(Problem {
                    origin: self.origin(&key),
                    key,
                    message: error.kind.to_string(),
                });
                return (None, problems);
            }
        };
        let mut taken_as_text = Vec::new();
        while problems.len() < PROBLEMS_MAX {
            let error = match value.deserialize::<T>() {
                Ok(read) => return (Some(read), problems),
                Err(error) => error,
            };
            let key = error.path.join(".");
            if let Some(raw) = self.environment.raw(&key)
                && !taken_as_text.contains(&key)
            {
                // `REGAIN__MAIL__SMTP__PASSWORD=0123` is a text, although it looks like a number.
                replace(&mut value, &error.path, Some(Value::from(raw)));
                taken_as_text.push(key);
                continue;
            }
            problems.push(Problem {
                origin: self.origin(&key),
                message: describe(&error.kind, is_secret(&key)),
                key,
            });
            if !replace(&mut value, &error.path, None) {
                break;
            }
        }
        (None, problems)
    }

    /// Where the value of a key came from, in words: the file, the variable, `command line`,
    /// `default`.
    pub(crate) fn origin(&self, key: &str) -> String {
        let mut key = key;
        loop {
            if let Some(metadata) = self.figment.find_metadata(key) {
                return match &metadata.source {
                    Some(Source::File(path)) => path.display().to_string(),
                    _ if metadata.name == environment::NAME => self
                        .environment
                        .name_of(key)
                        .map_or_else(|| "environment".to_owned(), str::to_owned),
                    _ if metadata.name == COMMAND_LINE => COMMAND_LINE.to_owned(),
                    _ => "default".to_owned(),
                };
            }
            // Elements of lists have no origin of their own; their list has one.
            match key.rsplit_once('.') {
                Some((parent, _)) => key = parent,
                None => return self.whole(),
            }
        }
    }

    /// Every value in force, as `section.key` and its value.
    pub(crate) fn flatten(&self) -> Vec<(String, Value)> {
        let mut out = Vec::new();
        if let Ok(value) = self.figment.extract::<Value>() {
            flatten(&mut out, String::new(), value);
        }
        out
    }

    /// Relative paths are relative to the file; without a file, to where the command runs.
    pub(crate) fn directory(&self) -> PathBuf {
        let parent = self.file.as_deref().and_then(Path::parent);
        match parent {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    fn whole(&self) -> String {
        self.file.as_deref().map_or_else(
            || "the configuration".to_owned(),
            |file| file.display().to_string(),
        )
    }
}

/// A provider under the name of the command line.
struct Named<P>(P);

impl<P: figment::Provider> figment::Provider for Named<P> {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named(COMMAND_LINE)
    }

    fn data(
        &self,
    ) -> Result<figment::value::Map<figment::Profile, figment::value::Dict>, figment::Error> {
        self.0.data()
    }
}

fn check_toml(file: &Path) -> Result<(), Problem> {
    let problem = |message: String| Problem {
        origin: file.display().to_string(),
        key: String::new(),
        message,
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::NotFound {
            "; `regain init` writes one"
        } else {
            ""
        };
        problem(format!(
            "cannot be read: {}{hint}",
            crate::failure::reason(&error)
        ))
    })?;
    match toml::from_str::<toml::Table>(&text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            let line = text
                .bytes()
                .take(offset)
                .filter(|byte| *byte == b'\n')
                .count()
                + 1;
            Err(problem(format!(
                "line {line} is no valid TOML: {}",
                error.message()
            )))
        }
    }
}

fn option_as_toml(key: &str, value: &str) -> String {
    // A JSON text is a valid TOML text: both escape in the same way what a shell can pass.
    format!("{key} = {}\n", serde_json::Value::from(value))
}

/// Last parts of keys whose values are secret: no listing and no message repeats them.
const SECRET: [&str; 5] = [
    "client_secret",
    "master_key",
    "password",
    "pepper",
    "secret",
];

/// Whether the value of a key is secret. The section `[password]` is not: its keys go on.
pub(crate) fn is_secret(key: &str) -> bool {
    key.contains('.')
        && key
            .rsplit('.')
            .next()
            .is_some_and(|last| SECRET.contains(&last))
        || key == "client_secret"
}

fn describe(kind: &Kind, is_secret: bool) -> String {
    match kind {
        Kind::UnknownField(name, expected) => {
            let near = expected.iter().find(|known| is_near(known, name));
            match near {
                Some(near) => format!("is not a known key; did you mean {near}?"),
                None => format!("is not a known key; known here: {}", expected.join(", ")),
            }
        }
        Kind::UnknownVariant(name, expected) => {
            format!("must be one of {}, not {name:?}", expected.join(", "))
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) if is_secret => {
            format!("must be {}", in_plain_words(expected))
        }
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!(
                "must be {}, not {}",
                in_plain_words(expected),
                found_in_plain_words(found)
            )
        }
        other => format!("cannot be used: {other}"),
    }
}

fn found_in_plain_words(found: &Actual) -> String {
    match found {
        Actual::Bool(is) => is.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Map => "a section".to_owned(),
        Actual::Seq => "a list".to_owned(),
        Actual::Signed(number) => number.to_string(),
        Actual::Str(text) => format!("{text:?}"),
        Actual::Unsigned(number) => number.to_string(),
        other => other.to_string(),
    }
}

fn in_plain_words(expected: &str) -> &str {
    match expected {
        "i64" => "a whole number",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list in [brackets]",
        other if other.starts_with("struct") => "a section with keys",
        other => other,
    }
}

/// Whether one of them is the other with a typing mistake.
fn is_near(known: &str, typed: &str) -> bool {
    let bare = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let (known, typed) = (bare(known), bare(typed));
    let prefix = known
        .bytes()
        .zip(typed.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let suffix = known
        .bytes()
        .rev()
        .zip(typed.bytes().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let longest = known.len().max(typed.len());
    (prefix + suffix + 2 > longest && longest > 3) || known == typed
}

/// Puts another value at a path, or takes the value there away. Says whether there was one.
fn replace(value: &mut Value, path: &[String], new: Option<Value>) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    match value {
        Value::Dict(_, dict) if rest.is_empty() => match new {
            Some(new) => dict.insert(first.clone(), new).is_some(),
            None => dict.remove(first).is_some(),
        },
        Value::Dict(_, dict) => dict
            .get_mut(first)
            .is_some_and(|inner| replace(inner, rest, new)),
        Value::Array(_, list) => {
            let Ok(index) = first.parse::<usize>() else {
                return false;
            };
            if !rest.is_empty() {
                return list
                    .get_mut(index)
                    .is_some_and(|inner| replace(inner, rest, new));
            }
            let there = index < list.len();
            if there {
                list.splice(index..=index, new);
            }
            there
        }
        _ => false,
    }
}

fn flatten(out: &mut Vec<(String, Value)>, key: String, value: Value) {
    let below = |inner: &str| {
        if key.is_empty() {
            inner.to_owned()
        } else {
            format!("{key}.{inner}")
        }
    };
    match value {
        Value::Empty(..) => {}
        Value::Dict(_, dict) => {
            for (inner, value) in dict {
                flatten(out, below(&inner), value);
            }
        }
        Value::Array(_, list) if list.iter().any(|item| matches!(item, Value::Dict(..))) => {
            for (index, value) in list.into_iter().enumerate() {
                flatten(out, below(&index.to_string()), value);
            }
        }
        value => out.push((key, value)),
    }
}

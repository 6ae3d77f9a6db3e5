//! `config show`: every value in force, and where it came from. Secrets are not shown.

use figment::value::Value;

use super::reading::{Sources, is_secret};
use crate::database::without_password;

const HIDDEN: &str = "\"(not shown)\"";

/// One line per value: `section.key = value`, with its origin behind it if wanted.
pub(crate) fn show(sources: &Sources, with_origin: bool) -> Vec<String> {
    let values = sources.flatten();
    let rendered: Vec<(String, String)> = values
        .iter()
        .map(|(key, value)| {
            let shown = if is_secret(key) {
                HIDDEN.to_owned()
            } else {
                render(value)
            };
            let shown = if key == "store.url" {
                without_password(&shown)
            } else {
                shown
            };
            (format!("{key} = {shown}"), sources.origin(key))
        })
        .collect();
    let width = rendered
        .iter()
        .map(|(line, _)| line.chars().count())
        .max()
        .unwrap_or_default();
    let width = width.min(72);
    rendered
        .into_iter()
        .map(|(line, origin)| {
            if with_origin {
                format!("{line:<width$}  # {origin}")
            } else {
                line
            }
        })
        .collect()
}

fn render(value: &Value) -> String {
    match value {
        Value::String(_, text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Char(_, c) => serde_json::Value::from(c.to_string()).to_string(),
        Value::Bool(_, is) => is.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|whole| whole.to_string())
            .or_else(|| number.to_u128().map(|whole| whole.to_string()))
            .unwrap_or_else(|| format!("{number:?}")),
        Value::Array(_, list) => {
            format!(
                "[{}]",
                list.iter().map(render).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Dict(_, dict) => {
            let inner: Vec<_> = dict
                .iter()
                .map(|(k, v)| format!("{k} = {}", render(v)))
                .collect();
            format!("{{ {} }}", inner.join(", "))
        }
        Value::Empty(..) => "\"\"".to_owned(),
    }
}

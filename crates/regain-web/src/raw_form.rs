//! A server's form as inputs, and what was typed as the server's values.

use regain_sdk::RawForm;
use regain_sdk::wire::idx::{Field, FieldOption, OptionValue};
use serde_json::{Map, Value};

use crate::view::ChoiceView;

/// How deep objects in a form may lie.
const DEPTH_MAX: usize = 4;

/// One input.
pub(crate) struct FieldView {
    pub element_id: String,
    /// The path in the body, `credentials.passcode` for one.
    pub name: String,
    pub label: String,
    pub value: String,
    pub is_checkbox: bool,
    pub is_secret: bool,
    pub is_required: bool,
    pub options: Vec<ChoiceView>,
    pub error: Option<String>,
}

/// The inputs of a form.
pub(crate) fn draw(form: &RawForm) -> Vec<FieldView> {
    let mut views = Vec::new();
    collect(form.fields(), "", 0, &mut views);
    views
}

fn collect<'a>(
    fields: impl Iterator<Item = &'a Field>,
    parent: &str,
    depth: usize,
    views: &mut Vec<FieldView>,
) {
    let shown = fields.filter(|field| field.mutable != Some(false) && field.visible != Some(false));
    for field in shown {
        let Some(path) = path_of(field, parent) else {
            continue;
        };
        match (&field.form, &field.options) {
            (Some(form), None) if depth < DEPTH_MAX => {
                collect(form.value.iter(), &path, depth + 1, views);
            }
            _ => views.push(view(field, path, views.len())),
        }
    }
}

fn path_of(field: &Field, parent: &str) -> Option<String> {
    let name = field.name.as_deref()?;
    Some(if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    })
}

fn view(field: &Field, path: String, index: usize) -> FieldView {
    let element_id = format!("field-{index}");
    let is_secret = field.secret == Some(true);
    let preset = field
        .value
        .as_ref()
        .filter(|_| !is_secret)
        .map(text_of)
        .unwrap_or_default();
    let options = field
        .options
        .iter()
        .flatten()
        .enumerate()
        .map(|(place, option)| ChoiceView {
            element_id: format!("{element_id}-{place}"),
            value: place.to_string(),
            key: String::new(),
            label: option.label.clone().unwrap_or_else(|| place.to_string()),
            help: String::new(),
            is_checked: field
                .options
                .as_ref()
                .is_some_and(|options| options.len() == 1),
        });
    FieldView {
        label: field.label.clone().unwrap_or_else(|| path.clone()),
        is_checkbox: field.kind.as_deref() == Some("boolean"),
        is_required: field.required == Some(true),
        options: options.collect(),
        error: field
            .messages
            .as_ref()
            .and_then(|messages| messages.value.first())
            .map(|message| message.message.clone()),
        value: preset,
        name: path,
        is_secret,
        element_id,
    }
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// What was typed, as the server's form wants it. Names that the form does not have are left out:
/// the page draws no others.
pub(crate) fn read(form: &RawForm, typed: &[(String, String)]) -> Map<String, Value> {
    assemble(form.fields(), "", 0, typed)
}

fn assemble<'a>(
    fields: impl Iterator<Item = &'a Field>,
    parent: &str,
    depth: usize,
    typed: &[(String, String)],
) -> Map<String, Value> {
    let mut values = Map::new();
    for field in fields.filter(|field| field.mutable != Some(false)) {
        let (Some(name), Some(path)) = (field.name.clone(), path_of(field, parent)) else {
            continue;
        };
        let given = typed.iter().find(|(typed_name, _)| *typed_name == path);
        let value = match (&field.form, &field.options) {
            (Some(form), None) if depth < DEPTH_MAX => {
                let inner = assemble(form.value.iter(), &path, depth + 1, typed);
                (!inner.is_empty()).then_some(Value::Object(inner))
            }
            (_, Some(options)) => given.and_then(|(_, place)| chosen(options, place)),
            _ => given.map(|(_, text)| typed_value(field, text)),
        };
        if let Some(value) = value {
            values.insert(name, value);
        }
    }
    values
}

fn typed_value(field: &Field, text: &str) -> Value {
    match field.kind.as_deref() {
        Some("boolean") => Value::Bool(text == "true"),
        Some("integer" | "number") => text
            .parse::<i64>()
            .map_or_else(|_| Value::from(text), Value::from),
        _ => Value::from(text),
    }
}

fn chosen(options: &[FieldOption], place: &str) -> Option<Value> {
    match options.get(place.parse::<usize>().ok()?)?.value.as_ref()? {
        OptionValue::Plain(value) => Some(value.clone()),
        OptionValue::Form { form } => {
            let fixed = form.value.iter().filter_map(|field| {
                Some((
                    field.name.clone()?,
                    field.value.clone().filter(|value| !value.is_null())?,
                ))
            });
            Some(Value::Object(fixed.collect()))
        }
    }
}

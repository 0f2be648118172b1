//! The JSON Schema of the file (CFGC-6), and the part of it that describes one path.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Config, passed};
use crate::path::{Path, Step};

static SCHEMA: LazyLock<Value> = LazyLock::new(build);

/// The JSON Schema (draft 2020-12) of `openclaw.json`. Secrets carry `x-openclaw-sensitive: true`.
pub fn schema() -> Value {
    SCHEMA.clone()
}

/// The same without a copy.
pub(crate) fn schema_ref() -> &'static Value {
    &SCHEMA
}

/// The schema of one place, `None` when nothing by that name can stand there ("Unknown config path"). A place the
/// schema leaves open has the empty schema.
pub fn lookup(path: &Path) -> Option<Value> {
    path.steps().iter().try_fold(schema_ref(), |schema, step| descend(schema, step)).cloned()
}

/// The schema of what `step` leads to.
pub(crate) fn descend<'s>(schema: &'s Value, step: &Step) -> Option<&'s Value> {
    static ANYTHING: Value = Value::Bool(true);
    if let Some(choices) = alternatives(schema) {
        return choices.iter().find_map(|choice| descend(choice, step));
    }
    let object = schema.as_object();
    let declared = object.and_then(|schema| schema.get("type")).and_then(Value::as_str);
    match (step, declared) {
        (_, None) => Some(&ANYTHING),
        (Step::Key(key), Some("object")) => {
            let object = object?;
            let known = object.get("properties").and_then(|properties| properties.get(key));
            known.or_else(|| match object.get("additionalProperties") {
                Some(Value::Bool(false)) => None,
                Some(rest) => Some(rest),
                None => Some(&ANYTHING),
            })
        }
        (Step::Index(_), Some("array")) => Some(object?.get("items").unwrap_or(&ANYTHING)),
        // `list.0.name` is accepted for `list[0].name`.
        (Step::Key(key), Some("array")) if key.parse::<usize>().is_ok() => {
            Some(object?.get("items").unwrap_or(&ANYTHING))
        }
        _ => None,
    }
}

/// The branches of an `anyOf` or `oneOf`.
pub(crate) fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
}

fn build() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), json!("openclaw.json"));
        root.insert("description".into(), json!("Configuration of an OpenClaw Gateway and its clients."));
    }
    passed::add_to(&mut schema);
    schema
}

/// Leaves out what describes our types rather than the file: number formats, computed defaults, the `null` of an
/// optional key (which is left out of a config, not written as `null`), and choices written as one-value branches.
fn tidy(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("format");
    object.remove("default");
    object.remove("writeOnly");
    without_null(object);
    plain_choices(object);
    for keyword in ["properties", "$defs"] {
        if let Some(Value::Object(children)) = object.get_mut(keyword) {
            children.values_mut().for_each(tidy);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(child) = object.get_mut(keyword) {
            tidy(child);
        }
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(children)) = object.get_mut(keyword) {
            children.iter_mut().for_each(tidy);
        }
    }
}

fn without_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type") != Some(&json!("null")));
    if let [only] = choices.as_slice() {
        let only = only.as_object().cloned().unwrap_or_default();
        object.remove("anyOf");
        for (keyword, value) in only {
            object.entry(keyword).or_insert(value);
        }
    }
}

/// `oneOf: [{const: a}, {const: b}]`, as documented variants derive, becomes `enum: [a, b]`.
fn plain_choices(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get("oneOf") else { return };
    let words: Vec<Value> = choices
        .iter()
        .flat_map(|choice| match (choice.get("const"), choice.get("enum").and_then(Value::as_array)) {
            (Some(word), _) => vec![Some(word.clone())],
            (None, Some(words)) => words.iter().cloned().map(Some).collect(),
            (None, None) => vec![None],
        })
        .collect::<Option<_>>()
        .unwrap_or_default();
    if !words.is_empty() {
        object.remove("oneOf");
        object.insert("type".into(), json!("string"));
        object.insert("enum".into(), Value::Array(words));
    }
}

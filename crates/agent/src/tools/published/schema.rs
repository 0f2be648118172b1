//! A published tool's schema, without the words in it: those go into the fence with the description.

use serde_json::{Map, Value, json};

use crate::tools::node_call::plain;

/// What is kept of the words about one argument, and of how many.
const ARGUMENT_CHARS: usize = 200;
const ARGUMENTS_MAX: usize = 40;
const NAME_CHARS: usize = 64;
/// Words that a schema carries for readers, or that vendors refuse.
const DROPPED: [&str; 8] =
    ["description", "title", "examples", "default", "$comment", "$schema", "$id", "markdownDescription"];
const ROOT_UNIONS: [&str; 6] = ["anyOf", "oneOf", "allOf", "not", "$ref", "if"];

/// What a schema says about its arguments, in words.
pub(super) fn arguments(parameters: &Value) -> Vec<(String, String)> {
    let properties = parameters["properties"].as_object().into_iter().flatten();
    let told = properties.filter_map(|(name, one)| Some((plain(name, NAME_CHARS), one["description"].as_str()?)));
    told.take(ARGUMENTS_MAX).map(|(name, about)| (name, plain(about, ARGUMENT_CHARS))).collect()
}

/// The schema without words, in the plain form every vendor takes.
pub(super) fn plain_schema(parameters: &Value) -> Value {
    let mut schema = parameters.as_object().cloned().unwrap_or_default();
    for union in ROOT_UNIONS {
        schema.remove(union);
    }
    schema.insert("type".into(), json!("object"));
    schema.entry("properties").or_insert_with(|| json!({}));
    wordless(&mut schema);
    Value::Object(schema)
}

fn wordless(schema: &mut Map<String, Value>) {
    schema.retain(|key, _| !DROPPED.contains(&key.as_str()));
    for (key, value) in schema.iter_mut() {
        match value {
            // Properties are named as their tool likes; only what stands inside them is a schema.
            Value::Object(named) if key == "properties" => {
                named.values_mut().filter_map(Value::as_object_mut).for_each(wordless);
            }
            Value::Object(inner) => wordless(inner),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(wordless),
            _ => {}
        }
    }
}

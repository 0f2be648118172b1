//! From a tool's argument type to the schema the model sees, and from what the model wrote back to that type (A-7.2,
//!
//!
//! Models write `"5"` for `5`, `"true"` for `true` and `null` for "not given"; those are put right by the schema before
//! the type reads them. Everything else that does not fit is one sentence naming the argument.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::ToolOutput;

/// The JSON Schema of `T` in the plain form every vendor takes: an object at the root, no references, no unions, flat
/// enums, no null types, no number formats.
pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    flatten(&mut schema);
    schema
}

/// Reads what the model wrote as `T`.
///
/// # Errors
/// The output to hand back: which argument is wrong and which ones the tool takes.
pub(super) fn parse<T: DeserializeOwned + JsonSchema>(tool: &str, given: Value) -> Result<T, ToolOutput> {
    let schema = schema_of::<T>();
    let mut given = if given.is_null() { Value::Object(Map::new()) } else { given };
    coerce(&mut given, &schema);
    serde_path_to_error::deserialize(given).map_err(|wrong| {
        let path = wrong.path().to_string();
        let place = if path == "." { String::new() } else { format!(" at `{path}`") };
        ToolOutput::error(format!("`{tool}` was not run: {}{place}; {}", wrong.into_inner(), takes(&schema)))
    })
}

/// `it takes path (required), offset, limit`.
fn takes(schema: &Value) -> String {
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let names = schema["properties"].as_object().into_iter().flat_map(Map::keys).map(|name| {
        let must = required.iter().any(|one| one == name);
        format!("`{name}`{}", if must { " (required)" } else { "" })
    });
    format!("it takes {}", names.collect::<Vec<_>>().join(", "))
}

/// Takes out of a derived schema what some vendor refuses.
fn flatten(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    for key in ["title", "$schema", "format", "default"] {
        map.remove(key);
    }
    unwrap_optional(map);
    join_constants(map);
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(allowed)) = map.get_mut("enum") {
        allowed.retain(|one| !one.is_null());
    }
    for key in ["properties", "$defs"] {
        if let Some(Value::Object(inner)) = map.get_mut(key) {
            inner.values_mut().for_each(flatten);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            flatten(inner);
        }
    }
}

/// `anyOf: [X, null]` is an optional X.
fn unwrap_optional(map: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = map.get("anyOf") else { return };
    let real: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
    if let [Value::Object(only)] = real.as_slice() {
        let only = only.clone();
        map.remove("anyOf");
        for (key, value) in only {
            map.entry(key).or_insert(value);
        }
    }
}

/// `oneOf` of documented constants is a flat enum.
fn join_constants(map: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = map.get("oneOf") else { return };
    let mut flat = Vec::new();
    for choice in choices {
        match (choice.get("const"), choice.get("enum").and_then(Value::as_array)) {
            (Some(constant), _) => flat.push(constant.clone()),
            (None, Some(several)) => flat.extend(several.iter().cloned()),
            (None, None) => return,
        }
    }
    map.remove("oneOf");
    map.insert("type".into(), "string".into());
    map.insert("enum".into(), Value::Array(flat));
}

/// Puts right what models often get wrong, guided by `schema`; leaves alone what it does not understand.
fn coerce(value: &mut Value, schema: &Value) {
    if let Some(better) = respelled(value, schema["type"].as_str().unwrap_or_default()) {
        *value = better;
    }
    match value {
        Value::Object(map) => {
            let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
            map.retain(|name, inner| !inner.is_null() || required.iter().any(|one| one == name));
            for (name, inner) in map {
                coerce(inner, &schema["properties"][name.as_str()]);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| coerce(item, &schema["items"])),
        _ => {}
    }
}

/// `value` as the `wanted` type, when it is obviously meant to be one and is not.
fn respelled(value: &Value, wanted: &str) -> Option<Value> {
    match (wanted, value) {
        ("integer", Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        ("integer", Value::Number(number)) => whole(number.as_f64()?).filter(|_| number.is_f64()).map(Value::from),
        ("number", Value::String(text)) => text.trim().parse::<f64>().ok().map(Value::from),
        ("boolean", Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        ("string", Value::Number(number)) => Some(Value::String(number.to_string())),
        ("string", Value::Bool(flag)) => Some(Value::String(flag.to_string())),
        ("array", Value::String(text)) => serde_json::from_str(text).ok().filter(Value::is_array),
        ("object", Value::String(text)) => serde_json::from_str(text).ok().filter(Value::is_object),
        ("array", Value::Object(_)) => Some(Value::Array(vec![value.clone()])),
        _ => None,
    }
}

/// `5.0` as `5`.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: every whole number below is exact
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Sample {
        /// Where.
        path: String,
        line_count: Option<u32>,
        deep: Option<bool>,
        mode: Option<Mode>,
        #[serde(default)]
        edits: Vec<Pair>,
    }

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        /// One.
        Fast,
        /// Two.
        Slow,
    }

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    struct Pair {
        from: String,
        to: String,
    }

    ///
    #[test]
    fn a_schema_is_an_object_without_unions_references_or_nulls() {
        let schema = schema_of::<Sample>();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["required"], json!(["path"]));
        assert_eq!(schema["properties"]["path"], json!({"description": "Where.", "type": "string"}));
        assert_eq!(schema["properties"]["lineCount"], json!({"type": "integer", "minimum": 0}));
        assert_eq!(schema["properties"]["mode"]["enum"], json!(["fast", "slow"]));
        let text = schema.to_string();
        for forbidden in ["anyOf", "oneOf", "$ref", "null", "format", "$schema"] {
            assert!(!text.contains(forbidden), "{forbidden} in {text}");
        }
    }

    ///
    #[test]
    fn obvious_slips_are_put_right() {
        let given = json!({"path": 7, "lineCount": "12", "deep": "TRUE", "mode": null, "edits": "[{\"from\":\"a\",\"to\":\"b\"}]"});
        let sample: Sample = parse("sample", given).unwrap();
        assert_eq!(
            (sample.path.as_str(), sample.line_count, sample.deep, sample.mode),
            ("7", Some(12), Some(true), None)
        );
        assert_eq!(sample.edits, [Pair { from: "a".into(), to: "b".into() }]);
        let float: Sample = parse("sample", json!({"path": "x", "lineCount": 3.0})).unwrap();
        assert_eq!(float.line_count, Some(3));
    }

    ///
    #[test]
    fn a_mistake_names_the_argument_and_what_the_tool_takes() {
        for (given, part) in [
            (json!({}), "missing field `path`"),
            (json!(null), "missing field `path`"),
            (json!([1]), "`sample` was not run"),
            (json!({"path": "x", "lineCount": -1}), "at `lineCount`"),
            (json!({"path": "x", "edits": [{"from": "a"}]}), "at `edits[0]`"),
            (json!({"path": {"a": 1}}), "at `path`"),
            (json!({"path": "x", "mode": "turbo"}), "`fast` or `slow`"),
        ] {
            let output = parse::<Sample>("sample", given.clone()).unwrap_err();
            let text = wire::message::text_of(&output.content);
            assert!(output.is_error && text.contains(part), "{given}: {text}");
            assert!(text.contains("it takes `path` (required)"), "{text}");
        }
    }
}

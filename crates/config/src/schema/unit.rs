//! How plain JSON becomes the types the program runs on: durations, secrets, address ranges.

use std::marker::PhantomData;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// The mark of a value that no read command may show (CFG-6); a keyword of the published schema.
pub(crate) const SENSITIVE: &str = "x-openclaw-sensitive";

/// A whole number of milliseconds.
pub(crate) fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

/// A number of seconds.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    f64::deserialize(deserializer).map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO))
}

/// A number of seconds that may be absent.
pub(crate) fn some_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    seconds(deserializer).map(Some)
}

/// A span of time as people write it, `30m`; a bare number counts minutes.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(format!("must be a span of time such as 30m or 1h, got \"{text}\"")),
    };
    let number: f64 =
        number.parse().map_err(|_| format!("must be a span of time such as 30m or 1h, got \"{text}\""))?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| format!("\"{text}\" is too long"))
}

/// Such a span that may be absent; what is none was reported when the file was checked.
pub(crate) fn some_span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| span(&text).ok()))
}

/// A map as pairs in the order they are written.
pub(crate) fn in_order<'de, D, T>(deserializer: D) -> Result<Vec<(String, T)>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Pairs<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
        type Value = Vec<(String, T)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }

    deserializer.deserialize_map(Pairs(PhantomData))
}

/// A secret: text, or a reference to where it is kept (CRED-7). References are resolved before anything is typed.
pub(crate) fn secret(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "the secret itself, or a reference to where it is kept",
        "x-openclaw-sensitive": true,
        "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": {
                    "source": { "type": "string", "enum": ["env", "file", "exec", "store"] },
                    "provider": { "type": "string" },
                    "id": { "type": "string", "minLength": 1 },
                },
                "required": ["source", "id"],
                "additionalProperties": false,
            },
        ],
    })
}

/// A map whose values are secrets, such as headers.
pub(crate) fn secrets(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": secret(generator) })
}

/// Anything; kept for whoever reads that part.
pub(crate) fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

/// A number of seconds, zero or more.
pub(crate) fn seconds_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "number", "minimum": 0 })
}

/// Ids as people write them: texts, or plain numbers.
pub(crate) fn some_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let written = Option::<Vec<serde_json::Value>>::deserialize(deserializer)?;
    let text = |id: serde_json::Value| match id {
        serde_json::Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    Ok(written.map(|ids| ids.into_iter().map(text).collect()))
}

/// A list of them.
pub(crate) fn ids(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "anyOf": [{ "type": "string" }, { "type": "integer" }] } })
}

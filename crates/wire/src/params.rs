//! Turning raw `params` into a method's type, and a mistake in them into one precise sentence.
//!
//! Types and required fields are strict; unknown properties are let through for every method but `connect`, because
//! released clients already send more than the published schema knows (`protocol.md` 2).

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::ErrorShape;

/// Decodes the params of `method`; absent params count as `{}`.
///
/// # Errors
/// `INVALID_REQUEST` `invalid <method> params: at /path: reason`.
pub fn decode<P: DeserializeOwned>(method: &str, params: Option<&RawValue>) -> Result<P, ErrorShape> {
    let text = params.map_or("{}", RawValue::get);
    // The protocol's params are objects or nothing; serde would also take a struct from an array.
    if !text.trim_start().starts_with('{') && text.trim() != "null" {
        return Err(ErrorShape::invalid(format!("invalid {method} params: at root: must be object")));
    }
    let text = if text.trim() == "null" { "{}" } else { text };
    // Keeping track of the path costs more than decoding: only what is refused is read a second time, to say where.
    serde_json::from_str(text).or_else(|_| {
        let mut reader = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| ErrorShape::invalid(format!("invalid {method} params: {}", sentence(&error))))
    })
}

/// `at /client/id: must have required property 'id'`, the words released clients already know.
fn sentence(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    use serde_path_to_error::Segment;
    let mut path = String::new();
    for segment in error.path() {
        match segment {
            Segment::Map { key } => path.extend(["/", key]),
            Segment::Seq { index } => path.push_str(&format!("/{index}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let text = error.inner().to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    let named = |prefix: &str| text.strip_prefix(prefix)?.split('`').nth(1);
    if let Some(field) = named("missing field ") {
        let place = if path.is_empty() { "root" } else { &path };
        return format!("at {place}: must have required property '{field}'");
    }
    if let Some(field) = named("unknown field ") {
        let parent = path.strip_suffix(&format!("/{field}")).unwrap_or(&path);
        let place = if parent.is_empty() { "root" } else { parent };
        return format!("at {place}: unexpected property '{field}'");
    }
    format!("at {}: {text}", if path.is_empty() { "root" } else { &path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only decoded")]
        inner: Inner,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only decoded")]
        count: u32,
    }

    fn error(params: &str) -> String {
        let raw = RawValue::from_string(params.into()).unwrap();
        decode::<Outer>("x.y", Some(&raw)).unwrap_err().message
    }

    #[test]
    fn a_mistake_names_its_path_and_rule() {
        assert_eq!(error("{}"), "invalid x.y params: at root: must have required property 'inner'");
        assert_eq!(error(r#"{"inner":{}}"#), "invalid x.y params: at /inner: must have required property 'count'");
        assert_eq!(error(r#"{"inner":{"count":1,"z":2}}"#), "invalid x.y params: at /inner: unexpected property 'z'");
        assert_eq!(
            error(r#"{"inner":{"count":"many"}}"#),
            "invalid x.y params: at /inner/count: invalid type: string \"many\", expected u32"
        );
        assert_eq!(error("[1]"), "invalid x.y params: at root: must be object");
    }

    #[test]
    fn unknown_properties_pass_and_nothing_counts_as_an_empty_object() {
        #[derive(Deserialize)]
        struct Lenient {
            #[serde(default)]
            limit: u32,
        }
        let raw = RawValue::from_string(r#"{"limit":3,"newer":true}"#.into()).unwrap();
        assert_eq!(decode::<Lenient>("m", Some(&raw)).unwrap().limit, 3);
        assert_eq!(decode::<Lenient>("m", None).unwrap().limit, 0);
    }
}

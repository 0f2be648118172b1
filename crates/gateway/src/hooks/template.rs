//! `{{field}}` in the texts of a mapping; pure. What a body says becomes text and nothing else: it is put in once, and what
//! it brings is not looked into again.

use serde_json::{Value, json};

/// Longest text that comes of it, in characters.
const MAX: usize = 100_000;

/// What a template may name.
pub(super) struct Facts<'a> {
    /// The body; `payload.a.b`, or just `a.b`.
    pub(super) payload: &'a Value,
    /// Headers, by their lower-case names.
    pub(super) header: &'a dyn Fn(&str) -> Option<String>,
    /// What follows `?`.
    pub(super) query: &'a dyn Fn(&str) -> Option<String>,
    /// The path below the hooks' own.
    pub(super) path: &'a str,
    /// Now, in milliseconds.
    pub(super) now_ms: i64,
}

/// The template with its fields; one that is missing is empty.
pub(super) fn render(template: &str, facts: &Facts<'_>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        out.push_str(&value(name.trim(), facts));
        rest = after;
    }
    out.push_str(rest);
    out.chars().take(MAX).collect()
}

fn value(name: &str, facts: &Facts<'_>) -> String {
    match (name, name.split_once('.')) {
        ("path", _) => facts.path.to_owned(),
        ("now", _) => base::iso(facts.now_ms),
        (_, Some(("headers", name))) => (facts.header)(&name.to_lowercase()).unwrap_or_default(),
        (_, Some(("query", name))) => (facts.query)(name).unwrap_or_default(),
        (_, Some(("payload", rest))) => shown(at(facts.payload, rest)),
        ("payload", _) => shown(Some(facts.payload)),
        (name, _) => shown(at(facts.payload, name)),
    }
}

/// `messages[0].subject`
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| {
        let (name, indices) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest));
        let found = if name.is_empty() { value } else { value.get(name)? };
        indices
            .split('[')
            .filter(|index| !index.is_empty())
            .try_fold(found, |found, index| found.get(index.strip_suffix(']')?.trim().parse::<usize>().ok()?))
    })
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => json!(value).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn fields_are_put_in_once_and_bring_no_fields_of_their_own() {
        let payload = json!({"a": {"b": ["x", {"c": 7}]}, "evil": "{{headers.authorization}} {{payload}}", "n": null});
        let header = |name: &str| (name == "authorization").then(|| "Bearer secret".to_owned());
        let query = |name: &str| (name == "kind").then(|| "k".to_owned());
        let facts = Facts { payload: &payload, header: &header, query: &query, path: "p", now_ms: 0 };
        let rendered = |template: &str| render(template, &facts);
        assert_eq!(rendered("{{a.b[0]}} {{payload.a.b[1].c}} {{ query.kind }} {{path}}"), "x 7 k p");
        assert_eq!(rendered("<{{n}}{{none.such}}{{a.b[9]}}{{a.b[x]}}>"), "<>");
        assert_eq!(rendered("{{evil}}"), "{{headers.authorization}} {{payload}}", "as it is");
        assert_eq!(rendered("{{a.b[1]}} {{open"), "{\"c\":7} {{open");
        assert_eq!(rendered("{{now}}"), "1970-01-01T00:00:00.000Z");
    }
}

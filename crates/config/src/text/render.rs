//! Values as JSON5 text in the manner of the text around them.

use serde_json::Value;

/// How the surroundings are written.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// Keys in quotes, as their neighbours are.
    pub(crate) quoted: bool,
    /// One level of indentation.
    pub(crate) unit: String,
    /// The indentation of the line the value begins on; `None` when everything stands on one line.
    pub(crate) indent: Option<String>,
}

impl Style {
    /// The same manner, one level further in.
    pub(crate) fn deeper(&self) -> Self {
        let indent = self.indent.as_ref().map(|indent| format!("{indent}{}", self.unit));
        Self { quoted: self.quoted, unit: self.unit.clone(), indent }
    }
}

/// A key, in quotes when its neighbours are or when it needs them.
pub(crate) fn key_text(key: &str, quoted: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let bare = !quoted && !key.is_empty() && key.chars().all(plain) && !key.starts_with(|c: char| c.is_ascii_digit());
    if bare { key.to_owned() } else { string_text(key) }
}

/// A value; the first line has no indentation, for it follows its key. A list of plain values stays on one line.
pub(crate) fn value_text(value: &Value, style: &Style) -> String {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let plain = items.iter().all(|item| !item.is_object() && !item.is_array());
            let outer = Style { indent: style.indent.clone().filter(|_| !plain), ..style.clone() };
            let inner = outer.deeper();
            wrap(items.iter().map(|item| value_text(item, &inner)).collect(), ("[", "]"), &outer, &inner)
        }
        Value::Object(members) if !members.is_empty() => {
            let inner = style.deeper();
            let member = |(key, value): (&String, &Value)| {
                format!("{}: {}", key_text(key, style.quoted), value_text(value, &inner))
            };
            wrap(members.iter().map(member).collect(), ("{ ", " }"), style, &inner)
        }
        Value::String(text) => string_text(text),
        other => other.to_string(),
    }
}

fn wrap(parts: Vec<String>, (open, close): (&str, &str), outer: &Style, inner: &Style) -> String {
    match (&outer.indent, &inner.indent) {
        (Some(outer), Some(inner)) => {
            let body = parts.join(&format!(",\n{inner}"));
            format!("{}\n{inner}{body}\n{outer}{}", open.trim_end(), close.trim_start())
        }
        _ => format!("{open}{}{close}", parts.join(", ")),
    }
}

fn string_text(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

//! What read commands show instead of secrets (CFG-6).
//!
//! A key is secret when the schema says so, or when its name does: parts of the file that the schema leaves open hold
//! tokens of channels, plugins and vendors. References (`{source, id}`) and `${NAME}` are not secrets and stay.

use base::REDACTED;
use serde_json::Value;

use crate::path::{Path, Step};
use crate::schema::unit::SENSITIVE;
use crate::schema::{descend, schema_ref};
use crate::substitute::sole_variable;
use crate::text::{Kind, Node, SourceId, scan};

/// Names that end like this hold secrets (compared without case, `_` and `-`).
const SECRET_ENDINGS: [&str; 14] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "credential",
    "credentials",
    "authorization",
];
/// The same for lists.
const SECRET_LISTS: [&str; 4] = ["tokens", "passwords", "secrets", "apikeys"];

/// The config with every secret replaced, and its shape kept.
pub fn redact(source: &Value) -> Value {
    let mut shown = source.clone();
    hide(&mut shown, Some(schema_ref()), false);
    shown
}

/// The text of a config with every secret replaced and every other byte kept. A text that is not JSON5 cannot be
/// searched for secrets and is not shown at all.
pub fn redact_text(text: &str) -> String {
    let Ok(root) = scan(text, SourceId::default()) else { return String::new() };
    let mut spans = Vec::new();
    find(&root, Some(schema_ref()), false, &mut spans);
    let mut shown = text.to_owned();
    for span in spans.into_iter().rev() {
        shown.replace_range(span, &format!("\"{REDACTED}\""));
    }
    shown
}

/// Whether what stands at `path` is never shown.
pub fn is_sensitive(path: &Path) -> bool {
    let mut schema = Some(schema_ref());
    let mut secret = false;
    for step in path.steps() {
        let (inner, hidden) = enter(schema, step);
        secret = hidden || (secret && matches!(step, Step::Index(_)));
        schema = inner;
    }
    secret
}

fn hide(value: &mut Value, schema: Option<&Value>, secret: bool) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| {
            let (inner, hidden) = enter(schema, &Step::Key(key.clone()));
            hide(value, inner, hidden);
        }),
        Value::Array(items) => items.iter_mut().enumerate().for_each(|(index, item)| {
            let (inner, hidden) = enter(schema, &Step::Index(index));
            hide(item, inner, hidden || secret);
        }),
        Value::String(text) if secret && is_shown(text) => {}
        Value::String(_) | Value::Number(_) if secret => *value = Value::String(REDACTED.to_owned()),
        _ => {}
    }
}

fn find(node: &Node, schema: Option<&Value>, secret: bool, spans: &mut Vec<std::ops::Range<usize>>) {
    match &node.kind {
        Kind::Object(members) => members.iter().for_each(|member| {
            let (inner, hidden) = enter(schema, &Step::Key(member.key.clone()));
            find(&member.value, inner, hidden, spans);
        }),
        Kind::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
            let (inner, hidden) = enter(schema, &Step::Index(index));
            find(item, inner, hidden || secret, spans);
        }),
        Kind::String(text) if secret && is_shown(text) => {}
        Kind::String(_) | Kind::Number(_) if secret => spans.push(node.span.clone()),
        _ => {}
    }
}

/// Blank is no secret, nor is the name of a variable.
fn is_shown(text: &str) -> bool {
    text.trim().is_empty() || sole_variable(text).is_some()
}

/// The schema below a step, and whether what stands there is secret.
fn enter<'s>(schema: Option<&'s Value>, step: &Step) -> (Option<&'s Value>, bool) {
    let inner = schema.and_then(|schema| descend(schema, step));
    let declared = inner.is_some_and(|schema| schema.get(SENSITIVE).is_some());
    let named = matches!(step, Step::Key(key) if is_secret_name(key));
    (inner, declared || named)
}

fn is_secret_name(key: &str) -> bool {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SECRET_ENDINGS.iter().any(|ending| plain.ends_with(ending)) || SECRET_LISTS.contains(&plain.as_str())
}

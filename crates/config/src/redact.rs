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
const SECRET_ENDINGS: [&str; 15] = [
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
    "cookie",
];
/// The same for lists.
const SECRET_LISTS: [&str; 4] = ["tokens", "passwords", "secrets", "apikeys"];

/// The config with every secret replaced, and its shape kept.
pub fn redact(source: &Value) -> Value {
    let mut shown = source.clone();
    hide(&mut shown, Place::root());
    shown
}

/// The text of a config with every secret replaced and every other byte kept. A text that is not JSON5 cannot be
/// searched for secrets and is not shown at all.
pub fn redact_text(text: &str) -> String {
    let Ok(root) = scan(text, SourceId::default()) else { return String::new() };
    let mut spans = Vec::new();
    find(&root, Place::root(), &mut spans);
    let mut shown = text.to_owned();
    for span in spans.into_iter().rev() {
        shown.replace_range(span, &format!("\"{REDACTED}\""));
    }
    shown
}

/// Whether what stands at `path` is never shown.
pub fn is_sensitive(path: &Path) -> bool {
    path.steps().iter().fold(Place::root(), |place, step| place.enter(step)).secret
}

fn hide(value: &mut Value, place: Place<'_>) {
    match value {
        Value::Object(members) => {
            members.iter_mut().for_each(|(key, value)| hide(value, place.enter(&Step::Key(key.clone()))));
        }
        Value::Array(items) => {
            items.iter_mut().enumerate().for_each(|(index, item)| hide(item, place.enter(&Step::Index(index))));
        }
        Value::String(text) if is_shown(text) => {}
        Value::String(_) | Value::Number(_) if place.secret => *value = Value::String(REDACTED.to_owned()),
        _ => {}
    }
}

fn find(node: &Node, place: Place<'_>, spans: &mut Vec<std::ops::Range<usize>>) {
    match &node.kind {
        Kind::Object(members) => {
            members.iter().for_each(|member| find(&member.value, place.enter(&Step::Key(member.key.clone())), spans));
        }
        Kind::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| find(item, place.enter(&Step::Index(index)), spans));
        }
        Kind::String(text) if is_shown(text) => {}
        Kind::String(_) | Kind::Number(_) if place.secret => spans.push(node.span.clone()),
        _ => {}
    }
}

/// A place in the config, as far as secrecy goes.
#[derive(Clone, Copy)]
struct Place<'s> {
    schema: Option<&'s Value>,
    /// What stands here is secret.
    secret: bool,
    /// What stands below is: each header of a request may carry a credential.
    is_headers: bool,
}

impl Place<'static> {
    fn root() -> Self {
        Self { schema: Some(schema_ref()), secret: false, is_headers: false }
    }
}

impl Place<'_> {
    fn enter(self, step: &Step) -> Self {
        let schema = self.schema.and_then(|schema| descend(schema, step));
        let declared = schema.is_some_and(|schema| schema.get(SENSITIVE).is_some());
        match step {
            Step::Key(key) => {
                let secret = declared || self.is_headers || is_secret_name(key);
                let is_open = schema.is_none_or(|schema| schema.get("properties").is_none());
                Self { schema, secret, is_headers: is_open && plain(key).ends_with("headers") }
            }
            Step::Index(_) => Self { schema, secret: declared || self.secret, is_headers: false },
        }
    }
}

/// Blank is no secret, nor is the name of a variable.
fn is_shown(text: &str) -> bool {
    text.trim().is_empty() || sole_variable(text).is_some()
}

fn is_secret_name(key: &str) -> bool {
    let plain = plain(key);
    SECRET_ENDINGS.iter().any(|ending| plain.ends_with(ending)) || SECRET_LISTS.contains(&plain.as_str())
}

fn plain(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

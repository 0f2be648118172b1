//! Secrets in a config: written out, or referred to as `{source: "env" | "file" | "exec", id, provider?}` (CRED-7).
//!
//! A reference that cannot be resolved fails closed. The key is then absent from the typed config, and its path is in
//! [`SecretNotes`], so that whoever needs the secret says so instead of falling back to another one.

use std::path::{Path as FilePath, PathBuf};

use base::{Code, Env, Explain, Kind, Step as Next};
use serde_json::Value;

use crate::include::read_text;
use crate::path::{Path, Step};
use crate::schema::unit::SENSITIVE;
use crate::schema::{descend, schema_ref};
use crate::substitute::sole_variable;

/// Secrets that are configured but could not be had, and ones that are blank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretNotes {
    unavailable: Vec<SecretUnavailable>,
    blank: Vec<String>,
}

impl SecretNotes {
    /// Every reference that could not be resolved.
    pub fn unavailable(&self) -> &[SecretUnavailable] {
        &self.unavailable
    }

    /// Fails when the secret at `path` is configured by a reference that could not be resolved (CRED-7).
    ///
    /// # Errors
    /// [`SecretUnavailable`], which names the path and the reason.
    pub fn check(&self, path: &str) -> Result<(), SecretUnavailable> {
        self.unavailable.iter().find(|note| note.path == path).map_or(Ok(()), |note| Err(note.clone()))
    }

    /// Whether the secret at `path` is written but blank, which counts as not set (CRED-6).
    pub fn is_blank(&self, path: &str) -> bool {
        self.blank.iter().any(|blank| blank == path)
    }
}

/// A secret reference that could not be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret that `{path}` refers to is not available: {reason}")]
pub struct SecretUnavailable {
    /// Where the reference stands.
    pub path: String,
    /// Why it could not be resolved.
    pub reason: String,
}

impl Explain for SecretUnavailable {
    fn code(&self) -> Code {
        Code("GATEWAY_SECRET_REF_UNAVAILABLE")
    }

    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn next(&self) -> Vec<Next> {
        vec![Next::run(format!("openclaw config get {}", self.path)), Next::run("openclaw config validate")]
    }
}

/// Puts the secrets in place of their references, and takes blank and unavailable ones out.
pub(crate) fn resolve(config: &mut Value, file: &FilePath, env: &Env) -> SecretNotes {
    let providers = config.pointer("/secrets/providers").cloned().unwrap_or_default();
    let folder = file.parent().map(FilePath::to_path_buf).unwrap_or_default();
    let mut resolver = Resolver { providers, folder, env, notes: SecretNotes::default() };
    resolver.visit(config, schema_ref(), &Path::root());
    resolver.notes
}

struct Resolver<'r> {
    providers: Value,
    folder: PathBuf,
    env: &'r Env,
    notes: SecretNotes,
}

impl Resolver<'_> {
    fn visit(&mut self, value: &mut Value, schema: &Value, path: &Path) {
        match value {
            Value::Object(members) => members.retain(|key, value| {
                let Some(inner) = descend(schema, &Step::Key(key.clone())) else { return true };
                let path = path.key(key);
                if inner.get(SENSITIVE).is_some() {
                    return self.settle(value, &path);
                }
                self.visit(value, inner, &path);
                true
            }),
            Value::Array(items) => items.iter_mut().enumerate().for_each(|(index, item)| {
                if let Some(inner) = descend(schema, &Step::Index(index)) {
                    self.visit(item, inner, &path.index(index));
                }
            }),
            _ => {}
        }
    }

    /// Makes `value` the trimmed secret; `false` when there is none.
    fn settle(&mut self, value: &mut Value, path: &Path) -> bool {
        let found = match value {
            Value::String(text) => Ok(text.clone()),
            ref reference => self.look_up(reference),
        };
        match found {
            Ok(secret) if secret.trim().is_empty() || sole_variable(&secret).is_some() => {
                self.notes.blank.push(path.to_string());
                false
            }
            Ok(secret) => {
                *value = Value::String(secret.trim().to_owned());
                true
            }
            Err(reason) => {
                self.notes.unavailable.push(SecretUnavailable { path: path.to_string(), reason });
                false
            }
        }
    }

    fn look_up(&self, reference: &Value) -> Result<String, String> {
        let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or_default();
        let (id, provider) = (text("id"), text("provider"));
        match text("source") {
            "env" => self.env.raw(id).ok_or_else(|| format!("the variable `{id}` is not set")),
            "file" => self.read_reference(id, provider),
            other => Err(format!("secrets from `{other}` are not supported yet; use `env` or `file`")),
        }
    }

    /// With a provider, `id` is a JSON pointer into its file (or `value` for the whole); without, it names the file.
    fn read_reference(&self, id: &str, provider: &str) -> Result<String, String> {
        let named = self.providers.get(provider).and_then(|provider| provider.get("path")).and_then(Value::as_str);
        let Some(named) = named else {
            if !provider.is_empty() && provider != "default" {
                return Err(format!("`secrets.providers.{provider}.path` is not set"));
            }
            return self.read(id);
        };
        let text = self.read(named)?;
        if self.providers[provider].get("mode").and_then(Value::as_str) == Some("singleValue") || id == "value" {
            return Ok(text);
        }
        let whole: Value = serde_json::from_str(&text).map_err(|_| format!("`{named}` is not JSON"))?;
        let pointer = if id.starts_with('/') { id.to_owned() } else { format!("/{id}") };
        let secret = whole.pointer(&pointer).and_then(Value::as_str);
        secret.map(str::to_owned).ok_or_else(|| format!("`{named}` has no text at `{pointer}`"))
    }

    fn read(&self, name: &str) -> Result<String, String> {
        let home = self.env.get("HOME").or_else(|| self.env.raw("HOME"));
        let file = match (name.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => FilePath::new(&home).join(rest),
            _ => self.folder.join(name),
        };
        read_text(&file).map_err(|why| format!("cannot read `{}`: {why}", file.display()))
    }
}

//! What a reader was shown is not what it should write back: the sentinel means "keep the secret that was there"
//! (CFG-6), and the value of `${NAME}` means `${NAME}`.

use base::{Env, REDACTED};
use serde_json::Value;

use crate::path::Path;
use crate::substitute::expand;

/// The config that incoming values are held against.
pub(crate) struct Known<'k> {
    /// The file as written.
    pub(crate) own: &'k Value,
    /// The file with its included files.
    pub(crate) merged: &'k Value,
    pub(crate) env: &'k Env,
}

impl Known<'_> {
    /// `incoming` as it should be written at `path`.
    ///
    /// # Errors
    /// The path of a sentinel where there is nothing to keep.
    pub(crate) fn restore(&self, incoming: &Value, path: &Path) -> Result<Value, Path> {
        let restored = self.value(incoming, path, path.find(self.own), path.find(self.merged))?;
        restored.ok_or_else(|| path.clone())
    }

    /// `None`: leave it out, an included file supplies it.
    fn value(
        &self,
        incoming: &Value,
        path: &Path,
        own: Option<&Value>,
        merged: Option<&Value>,
    ) -> Result<Option<Value>, Path> {
        Ok(Some(match incoming {
            Value::String(text) if text == REDACTED => match (own, merged) {
                (Some(kept), _) if !kept.is_null() => kept.clone(),
                (None, Some(_)) => return Ok(None),
                _ => return Err(path.clone()),
            },
            Value::String(text) => match own {
                Some(Value::String(written)) if self.stands_for(written, text) => Value::String(written.clone()),
                _ => incoming.clone(),
            },
            Value::Object(members) => {
                let mut restored = serde_json::Map::new();
                for (key, value) in members {
                    let (own, merged) = (own.and_then(|own| own.get(key)), merged.and_then(|all| all.get(key)));
                    if let Some(value) = self.value(value, &path.key(key), own, merged)? {
                        restored.insert(key.clone(), value);
                    }
                }
                Value::Object(restored)
            }
            Value::Array(items) => {
                let mut restored = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let own = own.and_then(|own| counterpart(item, index, items.len(), own));
                    let path = path.index(index);
                    restored.push(self.value(item, &path, own, None)?.ok_or(path)?);
                }
                Value::Array(restored)
            }
            _ => incoming.clone(),
        }))
    }

    fn stands_for(&self, written: &str, shown: &str) -> bool {
        matches!(expand(written, |name| self.env.raw(name)), Ok(Some(expanded)) if expanded == shown)
    }
}

/// The element of `own` that an incoming element continues: the one with the same `id`, else the one at the same place
/// of a list of the same length.
pub(crate) fn counterpart<'v>(item: &Value, index: usize, length: usize, own: &'v Value) -> Option<&'v Value> {
    let own = own.as_array()?;
    match item.get("id") {
        Some(id) => own.iter().find(|known| known.get("id") == Some(id)),
        None if own.len() == length => own.get(index),
        None => None,
    }
}

//! From a change to a checked new text.

use std::path::Path as FilePath;

use base::{Env, REDACTED};
use serde_json::Value;

use super::{Change, EditError, known, restore, splice};
use crate::load::{Tree, load_text};
use crate::path::Path;
use crate::problem::{Problem, Problems};
use crate::reload::{self, Restart};
use crate::text::{Kind, Node, SourceId, line_of, scan};
use crate::{Loaded, Mode, Refusal, StartOverrides, include, refusals};

/// The file before the change.
pub(super) struct Writer<'w> {
    pub(super) file: &'w FilePath,
    pub(super) env: &'w Env,
    pub(super) text: &'w str,
    /// There is no file yet; `text` is what it would be without the change.
    pub(super) is_new: bool,
}

/// The new config unless it is still broken, the keys that differ, and what to warn of.
type Examined = (Option<Loaded>, Vec<(Path, Restart)>, Vec<Problem>);

impl Writer<'_> {
    /// The text after the change.
    pub(super) fn edited(&self, change: Change) -> Result<String, EditError> {
        let edited = match change {
            Change::Replace(text) => return self.keep_secrets(text),
            Change::Batch(changes) => {
                return changes
                    .into_iter()
                    .try_fold(self.text.to_owned(), |text, change| Writer { text: &text, ..*self }.edited(change));
            }
            Change::Set { path, value } => {
                known(&path)?;
                let edited = self.set(self.text, &path, &value)?;
                self.not_included(&edited, &path, |found| found.is_some())?;
                edited
            }
            Change::Unset { path } => {
                let edited = splice::unset(self.text, &path).map_err(|error| self.blocked(error, &path))?;
                let edited = match edited {
                    Some(edited) => edited,
                    None if path.find(&self.merged(self.text)?).is_some() => self.text.to_owned(),
                    None => return Err(EditError::NotFound(path)),
                };
                self.not_included(&edited, &path, |found| found.is_none())?;
                edited
            }
            Change::MergePatch(patch) => self.merge(self.text.to_owned(), &patch, &Path::root())?,
        };
        if edited == self.text && !self.is_new { Ok(edited) } else { self.touched(edited) }
    }

    fn set(&self, text: &str, path: &Path, value: &Value) -> Result<String, EditError> {
        let own = scan(self.text, SourceId::default()).map_err(|error| self.blocked(error.into(), path))?.to_value();
        let merged = self.merged(self.text)?;
        let known = restore::Known { own: &own, merged: &merged, env: self.env };
        let value = known.restore(value, path).map_err(EditError::NothingToKeep)?;
        splice::set(text, path, &value).map_err(|error| self.blocked(error, path))
    }

    /// RFC 7396: objects merge, `null` takes out, anything else replaces.
    fn merge(&self, mut text: String, patch: &Value, path: &Path) -> Result<String, EditError> {
        let Value::Object(members) = patch else {
            let message = "a patch is an object";
            return Err(EditError::Invalid(Problems(vec![Problem::new(path.to_string(), message)])));
        };
        for (key, value) in members {
            let inner = path.key(key);
            let root = scan(&text, SourceId::default()).map_err(|error| self.blocked(error.into(), &inner))?;
            let there = splice::find(&root, &inner);
            text = match value {
                Value::Null => {
                    splice::unset(&text, &inner).map_err(|error| self.blocked(error, &inner))?.unwrap_or(text)
                }
                Value::Object(_) if there.is_some_and(|node| node.members().is_some()) => {
                    self.merge(text, value, &inner)?
                }
                value => {
                    known(&inner)?;
                    self.set(&text, &inner, &without_nulls(value))?
                }
            };
        }
        Ok(text)
    }

    /// Puts what was there back in place of each sentinel of a whole new text.
    fn keep_secrets(&self, text: String) -> Result<String, EditError> {
        let Ok(root) = scan(&text, SourceId::default()) else { return Ok(text) };
        let old = scan(self.text, SourceId::default()).ok();
        let mut kept = Vec::new();
        sentinels(&root, old.as_ref(), &Path::root(), &mut kept).map_err(EditError::NothingToKeep)?;
        let mut restored = text;
        for (at, from) in kept.into_iter().rev() {
            restored.replace_range(at, &self.text[from]);
        }
        Ok(restored)
    }

    /// `meta` says who wrote last. A file that came without it is not given one (CFG-9); a new one is.
    fn touched(&self, text: String) -> Result<String, EditError> {
        let meta = Path::root().key("meta");
        let root = scan(&text, SourceId::default()).map_err(|error| self.blocked(error.into(), &meta))?;
        let has_meta =
            root.get("meta").is_some_and(|meta| meta.members().is_some() && meta.get(include::INCLUDE).is_none());
        if !has_meta && !self.is_new {
            return Ok(text);
        }
        let stamps = [
            ("lastTouchedVersion", env!("CARGO_PKG_VERSION").to_owned()),
            ("lastTouchedAt", base::iso(base::now_ms())),
        ];
        stamps.into_iter().try_fold(text, |text, (key, stamp)| {
            let path = meta.key(key);
            splice::set(&text, &path, &Value::String(stamp)).map_err(|error| self.blocked(error, &path))
        })
    }

    /// Fails when an included file still says otherwise after the edit.
    fn not_included(&self, edited: &str, path: &Path, holds: impl Fn(Option<&Value>) -> bool) -> Result<(), EditError> {
        let tree = Tree::read(edited, self.file, self.env).map_err(EditError::Invalid)?;
        let files = tree.sources.included();
        let own = path.find(&tree.parsed).cloned();
        let merged = tree.root.to_value();
        let merged = path.find(&merged);
        let differs = !holds(merged) || (merged.is_some() && own.is_some() && own.as_ref() != merged);
        if files.is_empty() || !differs || own.as_ref().is_some_and(contains_include) {
            return Ok(());
        }
        Err(EditError::Included { path: path.clone(), files })
    }

    /// Holds the new text against everything the daemon would say. What was wrong before may still be wrong, so that a
    /// broken config can be mended one step at a time; nothing new may be. Of a file that did not load nobody knows what
    /// the daemon would have refused, so a single step that makes it load may leave refusals for the next one.
    pub(super) fn examine(&self, edited: &str, is_one_step: bool) -> Result<Examined, EditError> {
        let before = load_text(self.text, self.file, self.env);
        let after = load_text(edited, self.file, self.env);
        let (loaded, mut warnings) = match (after, &before) {
            (Ok(loaded), _) => {
                let warnings = loaded.warnings.clone();
                (Some(loaded), warnings)
            }
            (Err(Problems(now)), Err(Problems(then)))
                if now.iter().all(|new| then.iter().any(|old| alike(old, new))) =>
            {
                (None, now)
            }
            (Err(problems), _) => return Err(problems.into()),
        };
        let Some(new) = &loaded else { return Ok((None, vec![(Path::root(), Restart::Required)], warnings)) };
        let is_known = |refusal: &Refusal| match &before {
            Ok(old) => self.refusals(old).iter().any(|known| known.code == refusal.code),
            Err(_) => is_one_step,
        };
        let (known, fresh): (Vec<_>, Vec<_>) = self.refusals(new).into_iter().partition(is_known);
        if !fresh.is_empty() {
            return Err(EditError::Refused(fresh));
        }
        warnings.extend(known.into_iter().map(|refusal| Problem::new(refusal.path, refusal.message)));
        let changed = match &before {
            Ok(old) => reload::changes(&old.source, &new.source),
            Err(_) => vec![(Path::root(), Restart::Required)],
        };
        Ok((loaded, changed, warnings))
    }

    /// A config for clients of a remote Gateway starts no daemon, so nothing is refused.
    fn refusals(&self, loaded: &Loaded) -> Vec<Refusal> {
        match loaded.config.gateway.mode {
            Some(Mode::Remote) => Vec::new(),
            _ => refusals(&loaded.config, &StartOverrides::default(), self.env),
        }
    }

    fn merged(&self, text: &str) -> Result<Value, EditError> {
        Ok(Tree::read(text, self.file, self.env).map_err(EditError::Invalid)?.root.to_value())
    }

    fn blocked(&self, error: splice::SpliceError, path: &Path) -> EditError {
        match error {
            splice::SpliceError::Blocked { at, found } => EditError::Blocked { path: path.clone(), at, found },
            splice::SpliceError::Syntax(error) => EditError::Invalid(Problems(vec![Problem {
                message: error.message,
                line: Some(line_of(self.text, error.offset)),
                file: Some(self.file.to_path_buf()),
                ..Problem::default()
            }])),
        }
    }
}

fn alike(old: &Problem, new: &Problem) -> bool {
    old.path == new.path && old.message == new.message
}

fn contains_include(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(key, value)| key == include::INCLUDE || contains_include(value)),
        Value::Array(items) => items.iter().any(contains_include),
        _ => false,
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

type Kept = Vec<(std::ops::Range<usize>, std::ops::Range<usize>)>;

/// Where sentinels stand in a new text, and where in the old text what they stand for is.
fn sentinels(node: &Node, old: Option<&Node>, path: &Path, kept: &mut Kept) -> Result<(), Path> {
    match &node.kind {
        Kind::String(text) if text == REDACTED => {
            let old = old.filter(|old| !matches!(old.kind, Kind::Null)).ok_or_else(|| path.clone())?;
            kept.push((node.span.clone(), old.span.clone()));
            Ok(())
        }
        Kind::Object(members) => members
            .iter()
            .try_for_each(|m| sentinels(&m.value, old.and_then(|old| old.get(&m.key)), &path.key(&m.key), kept)),
        Kind::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            let list = old.map(Node::to_value).unwrap_or_default();
            let twin = restore::counterpart(&item.to_value(), index, items.len(), &list);
            let twin = twin.and_then(|twin| list.as_array()?.iter().position(|known| std::ptr::eq(known, twin)));
            sentinels(item, twin.and_then(|at| old?.at(at)), &path.index(index), kept)
        }),
        _ => Ok(()),
    }
}

//! Changes of the file: comments, order and every byte that is not concerned stay as they are (CFGC-4).
//!
//! [`apply`] makes the new text, checks the whole of it as the daemon would (CFG-4, CFG-5), and only then writes it, in
//! one step, with the old text kept in a ring of backups (CFG-7). Two writers cannot overtake each other: the folder is
//! locked from reading to writing, and a caller may name the hash of the version it changed.

mod backup;
mod error;
mod restore;
mod splice;

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path as FilePath;

use base::{Env, REDACTED};
use serde_json::Value;

use crate::load::{Tree, hash, load_text};
use crate::path::{Path, Step};
use crate::problem::{Problem, Problems, likely};
use crate::reload::{self, Restart};
use crate::text::{Kind, Node, SourceId, scan};
use crate::{Loaded, Mode, Refusal, StartOverrides, include, lookup, refusals, schema};

pub use backup::backups;
pub use error::EditError;

/// A change of the config.
#[derive(Debug, Clone)]
pub enum Change {
    /// Puts a value at a path. An object replaces the whole of the object there.
    Set {
        /// Where.
        path: Path,
        /// What.
        value: Value,
    },
    /// Takes out what is at a path.
    Unset {
        /// Where.
        path: Path,
    },
    /// An RFC 7396 merge patch of the whole.
    MergePatch(Value),
    /// A whole new text.
    Replace(String),
}

/// A change that was made, or (from [`prepare`]) would be.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The hash of the version before; `None` when there was no file.
    pub before_hash: Option<String>,
    /// The hash of the new text.
    pub hash: String,
    /// The new text, secrets and all.
    pub text: String,
    /// What a running daemon needs to take it over.
    pub restart: Restart,
    /// The keys that differ, each with what it needs.
    pub changed: Vec<(Path, Restart)>,
    /// The new config; `None` when it still has the problems that it had before.
    pub loaded: Option<Loaded>,
    /// What the new config warns of, and what was wrong before and still is.
    pub warnings: Vec<Problem>,
}

/// Makes a change and writes it.
///
/// # Errors
/// [`EditError`]; the file is then as it was.
pub fn apply(file: &FilePath, env: &Env, expected_hash: Option<&str>, change: Change) -> Result<Applied, EditError> {
    if let Some(name) = ["CONFIG_READONLY", "NIX_MODE"].into_iter().find(|name| env.is_on(name)) {
        return Err(EditError::ReadOnly(if name == "NIX_MODE" {
            "OPENCLAW_NIX_MODE"
        } else {
            "OPENCLAW_CONFIG_READONLY"
        }));
    }
    if std::fs::symlink_metadata(file).is_ok_and(|meta| meta.file_type().is_symlink()) {
        return Err(EditError::Link(file.to_path_buf()));
    }
    let io = |source| EditError::Io { file: file.to_path_buf(), source };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| FilePath::new("."));
    if !folder.is_dir() {
        base::ensure_private_dir(folder).map_err(io)?;
    }
    // Held until the end. Where a folder cannot be locked, the hash guard alone stands between two writers.
    let lock = File::open(folder).ok();
    if let Some(lock) = &lock {
        let _ = lock.lock();
    }
    let applied = prepare(file, env, expected_hash, change)?;
    if applied.before_hash.as_ref() != Some(&applied.hash) {
        if let Some(before) = read(file)? {
            backup::keep(file, &before).map_err(io)?;
        }
        base::write_atomic(file, applied.text.as_bytes()).map_err(io)?;
    }
    Ok(applied)
}

/// Makes a change and checks it, without writing anything.
///
/// # Errors
/// As [`apply`].
pub fn prepare(file: &FilePath, env: &Env, expected_hash: Option<&str>, change: Change) -> Result<Applied, EditError> {
    let current = read(file)?;
    let before_hash = current.as_deref().map(hash);
    if let Some(expected) = expected_hash
        && before_hash.as_deref() != Some(expected)
    {
        return Err(EditError::Stale { expected: expected.to_owned(), found: before_hash });
    }
    let text = current.clone().unwrap_or_else(|| String::from("{}\n"));
    let writer = Writer { file, env, text: &text, is_new: current.is_none() };
    let edited = writer.edited(change)?;
    let (loaded, changed, warnings) = writer.examine(&edited)?;
    let restart = changed.iter().map(|(_, restart)| *restart).max().unwrap_or(Restart::None);
    Ok(Applied { before_hash, hash: hash(&edited), text: edited, restart, changed, loaded, warnings })
}

fn read(file: &FilePath) -> Result<Option<String>, EditError> {
    match include::read_text(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EditError::Io { file: file.to_path_buf(), source }),
    }
}

struct Writer<'w> {
    file: &'w FilePath,
    env: &'w Env,
    text: &'w str,
    is_new: bool,
}

type Examined = (Option<Loaded>, Vec<(Path, Restart)>, Vec<Problem>);

impl Writer<'_> {
    fn edited(&self, change: Change) -> Result<String, EditError> {
        let edited = match change {
            Change::Replace(text) => return self.keep_secrets(text),
            Change::Set { path, value } => {
                known(&path)?;
                let edited = self.set(self.text, &path, &value)?;
                let wanted = |found: Option<&Value>| found.is_some();
                self.not_included(&edited, &path, wanted)?;
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
    /// broken config can be mended one step at a time; nothing new may be.
    fn examine(&self, edited: &str) -> Result<Examined, EditError> {
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
        let then = before.as_ref().map(|loaded| self.refusals(loaded)).unwrap_or_default();
        let (known, fresh): (Vec<_>, Vec<_>) =
            self.refusals(new).into_iter().partition(|refusal| then.iter().any(|old| old.code == refusal.code));
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
                line: Some(crate::text::line_of(self.text, error.offset)),
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

/// The schema must know the path.
fn known(path: &Path) -> Result<(), EditError> {
    if lookup(path).is_some() {
        return Ok(());
    }
    let (mut here, mut whole) = (Path::root(), schema());
    for step in path.steps() {
        let next = here.clone();
        let Some(inner) = schema::descend(&whole, step) else {
            let Step::Key(key) = step else { break };
            let names = whole.get("properties").and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys);
            let suggestion = likely(key, names.map(String::as_str)).map(|near| next.key(near).to_string());
            return Err(EditError::UnknownPath { path: path.clone(), suggestion });
        };
        whole = inner.clone();
        here.0.push(step.clone());
    }
    Err(EditError::UnknownPath { path: path.clone(), suggestion: None })
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

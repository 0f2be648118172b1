//! Changes of the file: comments, order and every byte that is not concerned stay as they are (CFGC-4).
//!
//! [`apply`] makes the new text, checks the whole of it as the daemon would (CFG-4, CFG-5), and only then writes it, in
//! one step, with the old text kept in a ring of backups (CFG-7). Two writers cannot overtake each other: the folder is
//! locked from reading to writing, and a caller may name the hash of the version it changed.

mod backup;
mod error;
mod restore;
mod splice;
mod writer;

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use base::Env;
use serde_json::Value;

use crate::load::hash;
use crate::path::{Path, Step};
use crate::problem::{Problem, likely};
use crate::reload::Restart;
use crate::text::{SourceId, scan};
use crate::{Loaded, include, lookup, schema};

pub use backup::backups;
pub use error::EditError;

use writer::Writer;

/// A change of the config.
#[derive(Clone)]
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
    /// One after another; all of them or none.
    Batch(Vec<Change>),
}

/// A change that was made, or (from [`prepare`]) would be.
#[derive(Clone)]
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

impl Change {
    /// Whether a broken config can be mended by this one of several steps.
    fn is_one_step(&self) -> bool {
        match self {
            Self::Set { .. } | Self::Unset { .. } => true,
            Self::Batch(changes) => changes.iter().all(Self::is_one_step),
            Self::MergePatch(_) | Self::Replace(_) => false,
        }
    }
}

/// Where, not what: values may be secrets.
impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Set { path, .. } => write!(f, "Set({path})"),
            Self::Unset { path } => write!(f, "Unset({path})"),
            Self::MergePatch(_) => f.write_str("MergePatch"),
            Self::Replace(_) => f.write_str("Replace"),
            Self::Batch(changes) => f.debug_list().entries(changes).finish(),
        }
    }
}

/// Without the text, which holds secrets.
impl std::fmt::Debug for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Applied")
            .field("before_hash", &self.before_hash)
            .field("hash", &self.hash)
            .field("changed", &self.changed)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// Makes a change and writes it.
///
/// # Errors
/// [`EditError`]; the file is then as it was.
pub fn apply(file: &FilePath, env: &Env, expected_hash: Option<&str>, change: Change) -> Result<Applied, EditError> {
    may_write(file, env)?;
    let io = |source| EditError::Io { file: file.to_path_buf(), source };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| FilePath::new("."));
    if !folder.is_dir() {
        base::ensure_private_dir(folder).map_err(io)?;
    }
    let _held = lock(folder).map_err(io)?;
    let applied = prepare(file, env, expected_hash, change)?;
    if applied.before_hash.as_ref() != Some(&applied.hash) {
        if let Some(before) = read(file)? {
            backup::keep(file, &before).map_err(io)?;
        }
        base::write_atomic(file, applied.text.as_bytes()).map_err(io)?;
    }
    Ok(applied)
}

/// Whether this file may be written by us at all.
///
/// # Errors
/// [`EditError::ReadOnly`], [`EditError::Link`].
pub fn may_write(file: &FilePath, env: &Env) -> Result<(), EditError> {
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
    Ok(())
}

/// Longest wait for another writer; one edit takes milliseconds.
const LOCK_DEADLINE: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(10);

/// The folder, locked until it is dropped; `None` where folders cannot be locked, and the hash guard alone stands
/// between two writers.
fn lock(folder: &FilePath) -> std::io::Result<Option<File>> {
    let Ok(folder) = File::open(folder) else { return Ok(None) };
    let started = Instant::now();
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(Some(folder)),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_DEADLINE => std::thread::sleep(LOCK_RETRY),
            Err(TryLockError::WouldBlock) => {
                return Err(std::io::Error::other("another program is editing the config"));
            }
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
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
    let is_one_step = change.is_one_step();
    let edited = writer.edited(change)?;
    let (loaded, changed, warnings) = writer.examine(&edited, is_one_step)?;
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

/// What stands at `path` of `source` ([`Loaded::source`]).
///
/// # Errors
/// [`EditError::NotFound`] for a path that nothing is at, [`EditError::UnknownPath`] for one that the schema does not
/// know (CFGC-1).
pub fn get<'s>(source: &'s Value, path: &Path) -> Result<&'s Value, EditError> {
    match path.find(source) {
        Some(value) => Ok(value),
        None => known(path).and(Err(EditError::NotFound(path.clone()))),
    }
}

/// A value as it is typed on a command line: JSON5 when it is, else the text itself; `strict` insists on JSON (CFGC-1).
///
/// # Errors
/// Under `strict`, [`EditError::NotJson`] for a text that is not JSON.
pub fn parse_value(text: &str, strict: bool) -> Result<Value, EditError> {
    if strict {
        return serde_json::from_str(text).map_err(|_| EditError::NotJson);
    }
    Ok(scan(text, SourceId::default()).map_or_else(|_| Value::String(text.to_owned()), |node| node.to_value()))
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

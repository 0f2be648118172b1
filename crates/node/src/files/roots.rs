//! Which places are open, and the way to one of them that cannot be led elsewhere: each folder is opened from the one
//! before it, without following links, so that what was looked at is what is used.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use crate::commands::Refusal;

/// How a folder on the way is opened.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// How a file is opened; not waiting for who writes into a pipe.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// Longest path that is looked at, in bytes.
const MAX_PATH: usize = 4096;
/// Most names of one folder that are read.
const MAX_NAMES: usize = 100_000;

/// What a place is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To read.
    Read,
    /// To write.
    Write,
}

/// The folders that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roots(Vec<Root>);

#[derive(Debug, Clone)]
struct Root {
    /// As the owner wrote it.
    given: PathBuf,
    /// Where that led when this host started; from then on no link in it is followed at its end.
    real: PathBuf,
    writable: bool,
}

/// A place below an open folder: its folder, held open, and its name there; no name is the folder itself.
#[derive(Debug)]
pub(crate) struct Spot {
    folder: OwnedFd,
    name: Option<OsString>,
    path: PathBuf,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// What is known about a name without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
    /// Its permissions.
    pub(crate) mode: Mode,
}

impl Kind {
    /// Its word on the wire.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "dir",
            Self::Link => "symlink",
            Self::Other => "other",
        }
    }
}

impl Entry {
    fn of(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        };
        let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Self {
            kind,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified_ms: stat.st_mtime.saturating_mul(1000).saturating_add(nanos / 1_000_000),
            mode: Mode::from_raw_mode(stat.st_mode) & Mode::from_bits_truncate(0o777),
        }
    }
}

impl Roots {
    /// Those the owner of this machine opened; `place` turns what is written into a path.
    pub(crate) fn new(read: &[PathBuf], write: &[PathBuf], place: impl Fn(&Path) -> PathBuf) -> Self {
        let root = |path: &PathBuf, writable| {
            let given = place(path);
            let real = given.canonicalize().unwrap_or_else(|_| given.clone());
            Root { given, real, writable }
        };
        Self(read.iter().map(|path| root(path, false)).chain(write.iter().map(|path| root(path, true))).collect())
    }

    /// The way to `path`, up to the folder it is in.
    ///
    /// # Errors
    /// `PERMISSION_MISSING` when no open folder holds it, with the line that opens one; `INVALID_REQUEST` for a path that is
    /// none or leads through a link; `NOT_FOUND`.
    pub(crate) fn reach(&self, path: &Path, wish: Wish) -> Result<Spot, Refusal> {
        let shown = path.display();
        let text = path.as_os_str().as_encoded_bytes();
        if !path.is_absolute() || text.contains(&0) || text.len() > MAX_PATH {
            return Err(Refusal::invalid(format!("path: `{shown}` is no absolute path")));
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(Refusal::invalid(format!("path: `{shown}` leads up and down again; write it without `..`")));
        }
        let below = |root: &Root| [&root.given, &root.real].into_iter().find_map(|at| path.strip_prefix(at).ok());
        let open = self.0.iter().filter(|root| wish == Wish::Read || root.writable);
        // The deepest one: an inner folder may be open for more than the outer one.
        let (root, rest) = open
            .filter_map(|root| below(root).map(|rest| (root, rest)))
            .max_by_key(|(root, _)| root.real.components().count())
            .ok_or_else(|| closed(path, wish))?;
        let mut spot = Spot { folder: root.open()?, name: None, path: root.given.clone() };
        for part in rest.components() {
            let Component::Normal(name) = part else { continue };
            spot = spot.below(name)?;
        }
        Ok(spot)
    }
}

impl Root {
    /// It, if it is still a folder and not a link somebody put in its place.
    fn open(&self) -> Result<OwnedFd, Refusal> {
        rustix::fs::open(&self.real, FOLDER, Mode::empty()).map_err(|error| {
            let shown = self.given.display();
            Refusal::invalid(match error {
                Errno::NOENT => format!("`{shown}`, which nodeHost.files opens, does not exist"),
                _ => format!("`{shown}`, which nodeHost.files opens, cannot be entered, or is a link now: {error}"),
            })
        })
    }
}

fn closed(path: &Path, wish: Wish) -> Refusal {
    let key = if wish == Wish::Read { "read" } else { "write" };
    let folder = path.parent().unwrap_or(path).display();
    let message = format!(
        "`{}` is not open to {key} on this node; its owner opens a folder with: \
         openclaw config set nodeHost.files.{key} '[\"{folder}\"]', and restarts the node",
        path.display()
    );
    Refusal { code: "PERMISSION_MISSING", message }
}

impl Spot {
    /// `name` in this, which must be a folder.
    fn below(self, name: &OsStr) -> Result<Self, Refusal> {
        let folder = self.folder()?;
        Ok(Self { folder, name: Some(name.to_owned()), path: self.path.join(name) })
    }

    /// This as a folder, held open.
    ///
    /// # Errors
    /// That it is none.
    pub(crate) fn folder(&self) -> Result<OwnedFd, Refusal> {
        match &self.name {
            None => self.folder.try_clone().map_err(|error| self.failed(&error)),
            Some(name) => openat(&self.folder, name, FOLDER, Mode::empty()).map_err(|error| self.not_opened(error)),
        }
    }

    /// This as a file, opened to be read.
    ///
    /// # Errors
    /// That it is none: a folder, a link, or what is no file at all.
    pub(crate) fn file(&self) -> Result<File, Refusal> {
        let name = self.name()?;
        let opened = openat(&self.folder, name, FILE, Mode::empty()).map_err(|error| self.not_opened(error))?;
        let stat = rustix::fs::fstat(&opened).map_err(|error| self.failed(&error.into()))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(File::from(opened)),
            _ => Err(Refusal::invalid(format!("`{}` is no regular file", self.shown()))),
        }
    }

    /// What stands here; `None` when nothing does.
    ///
    /// # Errors
    /// That nobody can tell.
    pub(crate) fn look(&self) -> Result<Option<Entry>, Refusal> {
        let stat = match &self.name {
            None => rustix::fs::fstat(&self.folder),
            Some(name) => statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW),
        };
        match stat {
            Ok(stat) => Ok(Some(Entry::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed(&error.into())),
        }
    }

    /// The names in this folder and what they stand for, sorted; names that are no text are left out, since nobody could
    /// ask for them. Whether there are more than are ever read.
    ///
    /// # Errors
    /// That it is no folder, or cannot be read.
    pub(crate) fn names(&self) -> Result<(Vec<String>, bool), Refusal> {
        let mut names = Vec::new();
        let folder = Dir::new(self.folder()?).map_err(|error| self.failed(&error.into()))?;
        for entry in folder {
            let entry = entry.map_err(|error| self.failed(&error.into()))?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if names.len() == MAX_NAMES {
                return Ok((names, true));
            }
            if !matches!(name, "." | "..") {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok((names, false))
    }

    /// `name` in this folder, which is held open by `folder`.
    pub(crate) fn child(&self, folder: &OwnedFd, name: &str) -> Result<Self, Refusal> {
        let folder = folder.try_clone().map_err(|error| self.failed(&error))?;
        Ok(Self { folder, name: Some(name.into()), path: self.path.join(name) })
    }

    /// The folder this is in, held open.
    pub(crate) fn parent(&self) -> impl AsFd + '_ {
        &self.folder
    }

    /// Its name there.
    ///
    /// # Errors
    /// That it is the open folder itself.
    pub(crate) fn name(&self) -> Result<&OsStr, Refusal> {
        let name = self.name.as_deref();
        name.ok_or_else(|| Refusal::invalid(format!("`{}` is a folder", self.shown())))
    }

    /// Its path, as it is told.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The same for a sentence.
    pub(crate) fn shown(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// Why something with it failed.
    pub(crate) fn failed(&self, error: &io::Error) -> Refusal {
        let message = format!("`{}`: {error}", self.shown());
        match error.kind() {
            io::ErrorKind::NotFound => Refusal { code: "NOT_FOUND", message },
            io::ErrorKind::PermissionDenied => Refusal { code: "PERMISSION_MISSING", message },
            _ => Refusal::unavailable(message),
        }
    }

    /// The same when it was not opened: a link is said to be one.
    fn not_opened(&self, error: Errno) -> Refusal {
        match self.look() {
            Ok(Some(Entry { kind: Kind::Link, .. })) => {
                Refusal::invalid(format!("`{}` is a link; links are not followed", self.shown()))
            }
            Ok(Some(Entry { kind, .. })) if matches!(error, Errno::NOTDIR | Errno::LOOP) => {
                Refusal::invalid(format!("`{}` is no folder but a {}", self.shown(), kind.word()))
            }
            _ => self.failed(&error.into()),
        }
    }
}

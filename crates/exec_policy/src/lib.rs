//! May this be run? (N-11.10, N-12)
//!
//! [`document`] is the owner's word, [`line`] takes what is to be run apart into its programs, [`pattern`] compares each
//! with the list. What cannot be understood without doubt is never on the list. Nothing here runs anything.

mod document;
mod line;
mod pattern;

use std::path::{Path, PathBuf};

pub use self::document::{Ask, Document, DocumentError, Effective, Entry, Security};
use self::line::Segment;

/// What is to be run, and where.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The program and its arguments.
    pub argv: &'a [String],
    /// The agent on whose behalf.
    pub agent: Option<&'a str>,
    /// Where programs are looked for.
    pub places: &'a Places,
}

/// Where programs are looked for: the same here as when they are started.
#[derive(Debug, Clone)]
pub struct Places {
    /// The folders of `PATH`, absolute ones only: any other would depend on the working folder.
    pub path: Vec<PathBuf>,
    /// The working folder.
    pub cwd: PathBuf,
    /// What `~` in a pattern stands for.
    pub home: PathBuf,
}

/// A program as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its absolute path.
    pub path: PathBuf,
    /// Whether it was named without a folder, and found on `PATH`.
    pub by_name: bool,
}

impl Places {
    /// The places of a process with this `PATH` value that works in `cwd`.
    pub fn new(path: &str, cwd: PathBuf, home: PathBuf) -> Self {
        let path = std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect();
        Self { path, cwd, home }
    }

    /// The folders as one `PATH` value.
    pub fn path_value(&self) -> String {
        let folders: Vec<_> = self.path.iter().map(|folder| folder.to_string_lossy()).collect();
        folders.join(if cfg!(windows) { ";" } else { ":" })
    }

    /// The program that `name` means; `None` when there is none, or when its path leads up and down again.
    pub fn find(&self, name: &str) -> Option<Found> {
        let named = Path::new(name);
        if name.contains('/') {
            use std::path::Component::{CurDir, Normal, RootDir};
            let plain = named.components().all(|part| matches!(part, RootDir | CurDir | Normal(_)));
            // `components` leaves out what stands for the same folder, such as `/./`.
            let path: PathBuf = self.cwd.join(named).components().filter(|part| *part != CurDir).collect();
            return (plain && is_program(&path)).then_some(Found { path, by_name: false });
        }
        let path = self.path.iter().map(|folder| folder.join(name)).find(|path| is_program(path))?;
        (!name.is_empty() && !matches!(name, "." | "..")).then_some(Found { path, by_name: true })
    }
}

fn is_program(path: &Path) -> bool {
    let Ok(about) = path.metadata() else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    about.is_file() && may_run
}

/// Why something may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// Everything may.
    Fully,
    /// Each of its programs is on the list; then nothing else may choose what code runs, such as a variable.
    ByList,
}

/// Why something may not be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing may (`security=deny`).
    #[error("this node runs nothing: its security is `deny`")]
    Disabled,
    /// A person would have to be asked, and nobody can be.
    #[error("approval required: {0}")]
    ApprovalRequired(String),
    /// It is not on the list, and nobody is to be asked.
    #[error("allowlist miss: {0}")]
    AllowlistMiss(String),
    /// The owner's word cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

impl Denied {
    /// The code of the answer (N-11.10).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Disabled | Self::Unreadable(_) => "SYSTEM_RUN_DISABLED",
            Self::ApprovalRequired(_) | Self::AllowlistMiss(_) => "SYSTEM_RUN_DENIED",
        }
    }

    /// The reason in `exec.denied` (N-11.10).
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Disabled | Self::Unreadable(_) => "security=deny",
            Self::ApprovalRequired(_) => "approval-required",
            Self::AllowlistMiss(_) => "allowlist-miss",
        }
    }
}

/// Decides about one wish, in the order of N-11.10.
///
/// # Errors
/// [`Denied`], which says what stands in the way.
pub fn judge(document: &Document, wish: &Wish<'_>) -> Result<Admitted, Denied> {
    let rules = document.effective(wish.agent);
    if rules.security == Security::Deny {
        return Err(Denied::Disabled);
    }
    let listed = on_the_list(&rules, wish);
    // N-12.4
    let asks = match rules.ask {
        Ask::Always => true,
        Ask::OnMiss => rules.security == Security::Allowlist && listed.is_err(),
        Ask::Off => false,
    };
    // Nobody can be asked from here: what may be done without an answer is the fallback's word, never more than the rule's.
    let security = if asks { rules.security.min(rules.ask_fallback) } else { rules.security };
    match (security, listed) {
        (Security::Full, _) => Ok(Admitted::Fully),
        (Security::Allowlist, Ok(())) => Ok(Admitted::ByList),
        (Security::Deny, Ok(())) => {
            Err(Denied::ApprovalRequired("everything is asked about, and nobody can be".into()))
        }
        (Security::Deny, Err(why)) => Err(Denied::ApprovalRequired(why)),
        (Security::Allowlist, Err(why)) => Err(Denied::AllowlistMiss(why)),
    }
}

/// Whether every program of the wish is on the list.
fn on_the_list(rules: &Effective, wish: &Wish<'_>) -> Result<(), String> {
    let find = |name: &str| wish.places.find(name);
    let segments = line::segments(wish.argv, &find)?;
    segments.iter().try_for_each(|segment| {
        match rules.allowlist.iter().any(|entry| covers(entry, segment, wish.places)) {
            true => Ok(()),
            false => Err(format!("`{}` is not in the allowlist", segment.found.path.display())),
        }
    })
}

/// Whether `entry` is about the program of `segment`. One that is bound to arguments is about none: its expression is
/// not evaluated here (N-12.6).
fn covers(entry: &Entry, segment: &Segment, places: &Places) -> bool {
    entry.arg_pattern.is_none() && pattern::matches(&entry.pattern, &segment.found, &places.home)
}

#[cfg(test)]
mod tests;

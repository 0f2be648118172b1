//! The workspace files the model is given with every turn.
//!
//! They are read anew each time, since the agent itself edits them. Only real files inside the workspace count: a link
//! that leads out of it is left out, so that a cloned repository cannot put `/etc/passwd` into a prompt.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::cut;

/// Most characters of one file.
pub const FILE_MAX: usize = 20_000;
/// Most characters of all files.
pub const TOTAL_MAX: usize = 60_000;
/// Most bytes read of one file; what is beyond could only be the tail of something that is cut anyway.
const READ_MAX: u64 = 1 << 20;

/// The files in the order the model reads them, and whether one that is missing is worth a line.
const FILES: &[(&str, Absence)] = &[
    ("AGENTS.md", Absence::Told),
    ("SOUL.md", Absence::Told),
    ("IDENTITY.md", Absence::Told),
    ("USER.md", Absence::Told),
    ("TOOLS.md", Absence::Normal),
    ("BOOTSTRAP.md", Absence::Normal),
    ("MEMORY.md", Absence::Normal),
];
/// What a run started by another run reads.
const SUBAGENT_FILES: &[&str] = &["AGENTS.md", "TOOLS.md"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Absence {
    Told,
    Normal,
}

/// One file for the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// Its name in the workspace.
    pub name: &'static str,
    /// Its text, already cut, or one line that says why there is none.
    pub text: String,
    /// Whether `text` is the file's own.
    pub present: bool,
}

/// How much of the files a prompt may hold, in characters.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// Of one file.
    pub file: usize,
    /// Of all.
    pub total: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { file: FILE_MAX, total: TOTAL_MAX }
    }
}

/// Reads the files of `workspace`; all of them, or those of a subagent.
pub fn load(workspace: &Path, subagent: bool, caps: Caps) -> Vec<ContextFile> {
    let mut left = caps.total;
    let wanted = FILES.iter().filter(|(name, _)| !subagent || SUBAGENT_FILES.contains(name));
    let files = wanted.filter_map(|&(name, absence)| match read(workspace, name) {
        Ok(text) if text.trim().is_empty() => None,
        Ok(_) if left == 0 => Some(absent(name, "left out: the files before it used up the room")),
        Ok(text) => {
            let text = cut(text.trim_end(), caps.file.min(left), "the file is longer than the prompt holds; read it");
            left = left.saturating_sub(text.chars().count());
            Some(ContextFile { name, text, present: true })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (absence == Absence::Told).then(|| absent(name, "missing"))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(absent(name, "not readable")),
        Err(error) => Some(absent(name, &error.to_string())),
    });
    files.collect()
}

fn absent(name: &'static str, why: &str) -> ContextFile {
    ContextFile { name, text: format!("[{name}: {why}]"), present: false }
}

fn read(workspace: &Path, name: &str) -> io::Result<String> {
    let path = workspace.join(name).canonicalize()?;
    if !path.starts_with(workspace.canonicalize()?) {
        return Err(io::Error::other("left out: it is a link out of the workspace"));
    }
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("left out: it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(READ_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

//! The ring of backups beside the config: `.bak` is the youngest, then `.bak.1` to `.bak.4` (CFG-7).

use std::io;
use std::path::{Path as FilePath, PathBuf};

/// Numbered backups beyond the youngest.
const OLDER: usize = 4;

/// The backups that exist, youngest first. Nothing is ever restored from them unless a person asks (CFG-9).
pub fn backups(file: &FilePath) -> Vec<PathBuf> {
    (0..=OLDER).map(|age| name(file, age)).filter(|backup| backup.is_file()).collect()
}

/// Moves every backup one place on and keeps `text` as the youngest.
pub(crate) fn keep(file: &FilePath, text: &str) -> io::Result<()> {
    for age in (0..OLDER).rev() {
        match std::fs::rename(name(file, age), name(file, age + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    base::write_atomic(&name(file, 0), text.as_bytes())
}

fn name(file: &FilePath, age: usize) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(if age == 0 { String::from(".bak") } else { format!(".bak.{age}") });
    PathBuf::from(name)
}

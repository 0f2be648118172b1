//! `--fix`: tightens permissions, and nothing else (DOC-4). Secrets, bind and auth stay as they are.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Subject;

/// What was changed, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    changed: Vec<String>,
    failed: Vec<String>,
}

impl Fixed {
    /// The `fix` part of DOC-1.
    pub(crate) fn to_json(&self) -> Value {
        json!({"ok": self.failed.is_empty(), "changes": self.changed, "errors": self.failed})
    }

    /// What could not be changed.
    pub(crate) fn failed(&self) -> &[String] {
        &self.failed
    }

    /// A line a change, for people.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let changed = self.changed.iter().map(|change| format!("fixed: {change}"));
        changed.chain(self.failed.iter().map(|failure| format!("not fixed: {failure}")))
    }
}

/// Folders to 0700 and files to 0600, as far as they are there.
pub(crate) fn tighten(subject: &Subject<'_>) -> Fixed {
    let paths = subject.paths;
    let state = &paths.state_dir;
    let folders = [state.clone(), state.join("credentials"), state.join("state"), state.join("identity"), paths.logs()];
    let mut files: Vec<PathBuf> = vec![paths.config_file.clone(), paths.database(), paths.device_identity()];
    files.extend(config::edit::backups(&paths.config_file));
    files
        .extend(within(&state.join("credentials")).chain(within(&state.join("identity"))).chain(within(&paths.logs())));
    let mut fixed = Fixed::default();
    folders.iter().for_each(|folder| set(folder, 0o700, &mut fixed));
    files.iter().for_each(|file| set(file, 0o600, &mut fixed));
    fixed
}

fn within(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_file())
}

#[cfg(unix)]
fn set(path: &Path, want: u32, fixed: &mut Fixed) {
    use std::os::unix::fs::PermissionsExt as _;
    // A link is not followed: its target may belong to somebody else's idea of where we live.
    let Ok(meta) = std::fs::symlink_metadata(path) else { return };
    let mode = meta.permissions().mode() & 0o777;
    if meta.file_type().is_symlink() || mode & !want == 0 {
        return;
    }
    match std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & want)) {
        Ok(()) => fixed.changed.push(format!("{} {mode:03o} -> {:03o}", path.display(), mode & want)),
        Err(error) => fixed.failed.push(format!("{}: {error}", path.display())),
    }
}

#[cfg(not(unix))]
fn set(_: &Path, _: u32, _: &mut Fixed) {}

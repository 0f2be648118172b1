//! Where programs are, and which one a name really means.

use std::path::{Component, Path, PathBuf};

/// Where the system keeps its own programs; only an administrator puts something there.
pub(crate) const SYSTEM: &[&str] = &["/bin", "/usr/bin", "/sbin", "/usr/sbin"];
/// Programs that do what the name says by which they are called.
const MANY_IN_ONE: &[&str] = &["busybox", "coreutils", "toybox"];

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
    /// The file that is really run, behind every link.
    pub real: PathBuf,
    /// Whether it was named without a folder, and found on `PATH`.
    pub by_name: bool,
}

impl Found {
    /// Whether no link leads from the name to another program; a link among the system's own folders is none.
    pub(crate) fn is_itself(&self) -> bool {
        let same_folder = self.path.parent() == self.real.parent();
        let both_systems = is_systems_own(&self.path) && is_systems_own(&self.real);
        self.path.file_name() == self.real.file_name() && (same_folder || both_systems)
    }

    /// The name it is called by.
    pub(crate) fn name(&self) -> &str {
        name_of(&self.path)
    }

    /// The name of what is really run.
    pub(crate) fn real_name(&self) -> &str {
        name_of(&self.real)
    }
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Whether a program is one of the system's own.
pub(crate) fn is_systems_own(path: &Path) -> bool {
    path.parent().is_some_and(|folder| SYSTEM.iter().any(|system| folder == Path::new(system)))
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
            use Component::{CurDir, Normal, RootDir};
            let plain = named.components().all(|part| matches!(part, RootDir | CurDir | Normal(_)));
            // `components` leaves out what stands for the same folder, such as `/./`.
            let path: PathBuf = self.cwd.join(named).components().filter(|part| *part != CurDir).collect();
            return (plain && is_program(&path)).then(|| found(path, false)).flatten();
        }
        let path = self.path.iter().map(|folder| folder.join(name)).find(|path| is_program(path))?;
        (!name.is_empty() && !matches!(name, "." | "..")).then(|| found(path, true)).flatten()
    }
}

fn found(path: PathBuf, by_name: bool) -> Option<Found> {
    let mut real = path.canonicalize().ok()?;
    if MANY_IN_ONE.contains(&name_of(&real)) && is_systems_own(&path) && is_systems_own(&real) {
        real.set_file_name(path.file_name()?);
    }
    Some(Found { path, real, by_name })
}

fn is_program(path: &Path) -> bool {
    let Ok(about) = path.metadata() else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    about.is_file() && may_run
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-12.5: a folder of `PATH` that depends on where one stands is none.
    #[test]
    fn programs_are_found_in_absolute_folders_only() {
        let places = Places::new("bin::/usr/bin", "/".into(), "/root".into());
        assert_eq!(places.path_value(), "/usr/bin");
        assert!(places.find("ls").unwrap().by_name);
        assert_eq!(places.find("./usr/./bin/ls").unwrap().path, Path::new("/usr/bin/ls"));
        for name in ["", ".", "..", "nosuchprogram", "/usr", "/usr/bin/../bin/ls", "/nosuch/ls"] {
            assert_eq!(places.find(name), None, "{name}");
        }
    }

    /// N-12.5
    #[test]
    fn a_link_is_known_for_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("git");
        std::os::unix::fs::symlink("/usr/bin/env", &link).unwrap();
        let places = Places::new(folder.path().to_str().unwrap(), "/".into(), "/root".into());
        let found = places.find("git").unwrap();
        assert_eq!((found.path.as_path(), found.real_name(), found.is_itself()), (link.as_path(), "env", false));
        assert!(places.find("/bin/ls").unwrap().is_itself(), "the system's folders may be one");
    }
}

//! Who else can read or change what is ours on disk. Looks at modes only; what cannot be looked at is not judged.

use std::path::{Path, PathBuf};

use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[
    #[cfg(unix)]
    modes,
    links,
    synced,
];

/// Folders that a cloud service copies elsewhere.
const SYNCED: [&str; 6] = ["Dropbox", "OneDrive", "Google Drive", "iCloud", "Mobile Documents", "Nextcloud"];

#[cfg(unix)]
fn modes(subject: &Subject<'_>) -> Vec<Finding> {
    use Severity::{Critical, Warn};
    let rule = |path: PathBuf, mask, id, severity, title| Rule { path, mask, id, severity, title };
    let state = || subject.paths.state_dir.clone();
    let config = || subject.paths.config_file.clone();
    let credentials = || subject.paths.state_dir.join("credentials");
    let log = || base::log::file_of_today(&subject.paths.logs());
    let rules = [
        rule(state(), 0o002, "fs.state_dir.perms_world_writable", Critical, "Everyone can change the state folder"),
        rule(state(), 0o020, "fs.state_dir.perms_group_writable", Warn, "The group can change the state folder"),
        rule(state(), 0o055, "fs.state_dir.perms_readable", Warn, "Others can look into the state folder"),
        rule(config(), 0o022, "fs.config.perms_writable", Critical, "Others can change the config"),
        rule(config(), 0o004, "fs.config.perms_world_readable", Critical, "Everyone can read the config"),
        rule(config(), 0o040, "fs.config.perms_group_readable", Warn, "The group can read the config"),
        rule(credentials(), 0o022, "fs.credentials_dir.perms_writable", Critical, "Others can change the credentials"),
        rule(credentials(), 0o055, "fs.credentials_dir.perms_readable", Warn, "Others can read the credentials"),
        rule(log(), 0o044, "fs.log_file.perms_readable", Warn, "Others can read the log"),
    ];
    rules.iter().filter_map(Rule::judge).collect()
}

#[cfg(unix)]
struct Rule {
    path: PathBuf,
    /// Bits that must not be set.
    mask: u32,
    id: &'static str,
    severity: Severity,
    title: &'static str,
}

#[cfg(unix)]
impl Rule {
    fn judge(&self) -> Option<Finding> {
        use std::os::unix::fs::PermissionsExt as _;
        let meta = std::fs::metadata(&self.path).ok()?;
        let mode = meta.permissions().mode() & 0o777;
        if mode & self.mask == 0 {
            return None;
        }
        let tight = if meta.is_dir() { "700" } else { "600" };
        let detail = format!("{} has mode {mode:03o}.", self.path.display());
        Some(
            Finding::new(self.id, self.severity, self.title, detail)
                .mend(format!("chmod {tight} {}   (or: openclaw security audit --fix)", self.path.display())),
        )
    }
}

fn links(subject: &Subject<'_>) -> Vec<Finding> {
    let rows = [
        (subject.paths.state_dir.as_path(), "fs.state_dir.symlink"),
        (subject.paths.config_file.as_path(), "fs.config.symlink"),
    ];
    let is_link = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_symlink());
    let linked = rows.into_iter().filter(|(path, _)| is_link(path));
    linked
        .map(|(path, id)| {
            let detail =
                format!("{} is a link; whoever can change where it leads decides what we read.", path.display());
            Finding::new(id, Severity::Warn, "A symbolic link", detail)
        })
        .collect()
}

fn synced(subject: &Subject<'_>) -> Vec<Finding> {
    let state = &subject.paths.state_dir;
    let Some(part) =
        SYNCED.iter().find(|word| state.components().any(|c| c.as_os_str().to_string_lossy().starts_with(**word)))
    else {
        return Vec::new();
    };
    let detail =
        format!("{} is in a {part} folder: secrets and conversations are copied to that service.", state.display());
    vec![
        Finding::new("fs.synced_dir", Severity::Warn, "The state folder is synced", detail)
            .mend("move it: set OPENCLAW_STATE_DIR to a folder that is not synced"),
    ]
}

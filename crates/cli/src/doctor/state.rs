//! The state folder: its name and that of its config, who else can read it, who holds it, and whether its database and
//! its disk can take more.

use std::path::{Path, PathBuf};

use base::{CONFIG_NAME, Explain as _, LEGACY_STATE, STATE_FOLDER};
use store::{GatewayLock, Store, StoreError};

use super::{Ailment, Fix, Look, Patient, disk};
use crate::app::App;
use crate::audit::{self, Subject, fix::tighten};
use crate::exit::Failure;
use crate::finding::{Finding, Severity};
use crate::service::process;

pub(super) const IDS: &[&str] = &[
    "state.legacy_folder",
    "state.legacy_config_name",
    "state.other_install",
    "state.unwritable",
    "state.lock_left_behind",
    "state.lock_unusable",
    "state.store_unusable",
    "state.store_damaged",
    "state.disk_full",
    "fs.state_dir.perms_world_writable",
    "fs.state_dir.perms_group_writable",
    "fs.state_dir.perms_readable",
    "fs.state_dir.symlink",
    "fs.config.perms_writable",
    "fs.config.perms_world_readable",
    "fs.config.perms_group_readable",
    "fs.config.symlink",
    "fs.credentials_dir.perms_writable",
    "fs.credentials_dir.perms_readable",
    "fs.log_file.perms_readable",
    "fs.synced_dir",
];

pub(super) fn look(patient: &Patient<'_>) -> Look {
    let folder = &patient.app.paths.state_dir;
    let mut found = names(patient.app);
    if !folder.is_dir() {
        return Look::with("not there yet", found);
    }
    found.extend(open_files(patient));
    found.extend(unwritable(folder));
    found.extend(lock(patient.app));
    found.extend(database(patient));
    found.extend(disk::full(folder));
    Look::with(folder.display().to_string(), found)
}

/// Earlier names of the folder and the config, and what an earlier install left beside ours (ENV-6).
fn names(app: &App) -> Vec<Ailment> {
    let paths = &app.paths;
    let is_default = app.env.get("STATE_DIR").is_none() && paths.profile.name().is_none();
    let earlier = LEGACY_STATE.iter().map(|(folder, _)| paths.home.join(folder));
    let mut found = Vec::new();
    for folder in earlier.filter(|folder| is_default && is_real_folder(folder)) {
        found.push(if folder == paths.state_dir { legacy_folder(app) } else { left_beside(&folder, &paths.state_dir) });
    }
    let legacy = |file: &Path| LEGACY_STATE.iter().any(|(_, name)| file.ends_with(name));
    if legacy(&paths.config_file) && app.env.get("CONFIG_PATH").is_none() {
        found.push(legacy_config(app));
    } else {
        let beside = LEGACY_STATE.iter().map(|(_, name)| paths.state_dir.join(name));
        found.extend(beside.filter(|file| file.is_file()).map(|file| left_beside(&file, &paths.config_file)));
    }
    found
}

fn is_real_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

fn left_beside(old: &Path, used: &Path) -> Ailment {
    let detail = format!("`{}` is from an earlier install and is not used; `{}` is.", old.display(), used.display());
    let finding = Finding::new("state.other_install", Severity::Info, "An earlier install is still there", detail);
    finding.mend("take over what you miss, then remove it").into()
}

fn legacy_folder(app: &App) -> Ailment {
    let (old, new) = (app.paths.state_dir.clone(), app.paths.home.join(STATE_FOLDER));
    let detail = format!("`{}` is in use; the folder is called `{}` today.", old.display(), new.display());
    let finding = Finding::new("state.legacy_folder", Severity::Warn, "The state folder has an earlier name", detail);
    let does = format!("move it to `{}`, and leave a link at the old place", new.display());
    Ailment {
        finding: finding.mend("openclaw doctor --fix"),
        fix: Some(Fix::act(does, move |app| adopt_folder(app, &old, &new)).last_of_round()),
    }
}

/// One rename, so that a kill leaves either the old place or the new one; both are found. The link is for whatever
/// still names the old place: services, scripts, paths in the config.
fn adopt_folder(app: &App, old: &Path, new: &Path) -> Result<(), Failure> {
    nobody_runs(app)?;
    move_to_free(old, new)?;
    #[cfg(unix)]
    if let Some(name) = new.file_name() {
        std::os::unix::fs::symlink(name, old).map_err(|error| failed(old, &error))?;
    }
    Ok(())
}

fn legacy_config(app: &App) -> Ailment {
    let (old, new) = (app.paths.config_file.clone(), app.paths.state_dir.join(CONFIG_NAME));
    let detail = format!("`{}` is in use; the file is called `{CONFIG_NAME}` today.", old.display());
    let title = "The config has an earlier name";
    let finding = Finding::new("state.legacy_config_name", Severity::Warn, title, detail);
    Ailment {
        finding: finding.mend("openclaw doctor --fix"),
        fix: Some(
            Fix::act(format!("call it `{CONFIG_NAME}`"), move |app| adopt_config(app, &old, &new)).last_of_round(),
        ),
    }
}

/// The backups first: as long as the file has its old name, all of this is done again.
fn adopt_config(app: &App, old: &Path, new: &Path) -> Result<(), Failure> {
    nobody_runs(app)?;
    for backup in config::edit::backups(old) {
        let suffix = backup.display().to_string().replacen(&old.display().to_string(), "", 1);
        let to = PathBuf::from(format!("{}{suffix}", new.display()));
        if !to.exists() {
            move_to_free(&backup, &to)?;
        }
    }
    move_to_free(old, new)
}

/// Renames, and never over something.
fn move_to_free(old: &Path, new: &Path) -> Result<(), Failure> {
    if std::fs::symlink_metadata(new).is_ok() {
        return Err(Failure::new("DOCTOR_PLACE_TAKEN", format!("`{}` is there already", new.display())));
    }
    std::fs::rename(old, new).map_err(|error| failed(old, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new("DOCTOR_MOVE_FAILED", format!("`{}`: {error}", path.display()))
}

/// A running Gateway has its files open by the names they had.
fn nobody_runs(app: &App) -> Result<(), Failure> {
    match process::running(&app.paths)? {
        None => Ok(()),
        Some(owner) => Err(Failure::new(
            "GATEWAY_ALREADY_RUNNING",
            format!("a Gateway uses it (pid {}); first: openclaw gateway stop", owner.pid),
        )),
    }
}

fn open_files(patient: &Patient<'_>) -> Vec<Ailment> {
    let tightening = |finding: Finding| {
        let is_mode = finding.check_id.contains(".perms_");
        let fix = is_mode.then(|| Fix::act("take these rights away from others", close));
        let finding = if is_mode { finding.mend("openclaw doctor --fix") } else { finding };
        Ailment { finding, fix }
    };
    audit::open_files(&patient.subject()).into_iter().map(tightening).collect()
}

fn close(app: &App) -> Result<(), Failure> {
    let empty = config::Loaded::default();
    let loaded = app.config().unwrap_or(&empty);
    let fixed = tighten(&Subject::new(loaded, &app.env, &app.paths, config::StartOverrides::default()));
    match fixed.failed() {
        [] => Ok(()),
        failed => Err(Failure::new("DOCTOR_CHMOD_FAILED", failed.join("; "))),
    }
}

#[cfg(unix)]
fn unwritable(folder: &Path) -> Option<Ailment> {
    let error = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).err()?;
    let detail = format!("`{}`: {error}.", folder.display());
    let finding = Finding::new("state.unwritable", Severity::Critical, "The state folder cannot be written", detail);
    Some(finding.mend(format!("ls -ld {}", folder.display())).into())
}

#[cfg(not(unix))]
const fn unwritable(_: &Path) -> Option<Ailment> {
    None
}

fn lock(app: &App) -> Option<Ailment> {
    match GatewayLock::left_behind(&app.paths) {
        Ok(None) => None,
        Ok(Some(owner)) => {
            let detail = format!(
                "A Gateway (pid {}, since {}) ended without letting go; nothing is lost and nothing is held.",
                owner.pid, owner.created_at
            );
            let title = "A lock was left behind";
            let finding = Finding::new("state.lock_left_behind", Severity::Info, title, detail);
            let sweep = |app: &App| GatewayLock::sweep(&app.paths).map_err(|error| Failure::of(&error));
            Some(Ailment { finding: finding.mend("openclaw doctor --fix"), fix: Some(Fix::act("clear it", sweep)) })
        }
        Err(error) => {
            let title = "The lock cannot be used";
            let finding = Finding::new("state.lock_unusable", Severity::Critical, title, format!("{error}."));
            Some(finding.first_of(&error.next()).into())
        }
    }
}

fn database(patient: &Patient<'_>) -> Vec<Ailment> {
    let damaged = |detail: String| {
        let finding = Finding::new("state.store_damaged", Severity::Critical, "The database is damaged", detail);
        finding.mend("openclaw gateway stop, then restore the state folder from your own backup").into()
    };
    match Store::examine(&patient.app.paths, patient.deep) {
        Ok(wrong) => wrong.into_iter().map(damaged).collect(),
        Err(error @ StoreError::Corrupt { .. }) => vec![damaged(format!("{error}."))],
        Err(error) => {
            let title = "The database cannot be used";
            let finding = Finding::new("state.store_unusable", Severity::Critical, title, format!("{error}."));
            vec![finding.first_of(&error.next()).into()]
        }
    }
}

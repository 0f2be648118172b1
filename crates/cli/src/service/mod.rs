//! The Gateway, a node host, or a tunnel as a service of the system: one trait, one file a manager (SVC-1…4, PROF-4, N-11.2,
//! SSH-15).
//!
//! What a service is stands in `spec`; each manager turns that into its own text, purely, and asks its own program to
//! act on it. No secret can get into a unit: a spec has no place for one.

pub(crate) mod error;
pub(crate) mod here;
mod launchd;
mod linger;
pub(crate) mod process;
mod program;
pub(crate) mod spec;
mod systemd;
mod windows;

use std::path::{Path, PathBuf};

use base::{Env, Profile};

pub(crate) use error::ServiceError;
pub(crate) use linger::Linger;
use program::Program;
pub(crate) use spec::{Name, ServiceSpec};

/// Whose services: of the person who is logged in, or of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    User,
    System,
}

/// A file that is part of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl UnitFile {
    fn text(path: PathBuf, text: String) -> Self {
        Self { path, bytes: text.into_bytes() }
    }

    fn is_on_disk(&self) -> bool {
        std::fs::read(&self.path).is_ok_and(|bytes| bytes == self.bytes)
    }

    /// Anybody may read it (launchd insists on 0644): nothing in it is secret.
    fn write(&self) -> Result<(), ServiceError> {
        let unwritable = |source| ServiceError::Unwritable { path: self.path.clone(), source };
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(unwritable)?;
        }
        base::write_atomic(&self.path, &self.bytes).map_err(unwritable)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o644)).map_err(unwritable)?;
        }
        Ok(())
    }
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> Result<(), ServiceError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(ServiceError::Unwritable { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// How a service stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Whether its definition is there.
    pub(crate) installed: bool,
    /// Whether it comes back by itself after a boot or login.
    pub(crate) enabled: bool,
    pub(crate) running: bool,
    pub(crate) pid: Option<u32>,
    /// The manager's own word: `active (running)`, `waiting`.
    pub(crate) detail: String,
    /// The file to look at.
    pub(crate) file: PathBuf,
    /// The command it runs.
    pub(crate) command: Vec<String>,
    /// The variables it runs with.
    pub(crate) env: Vec<(String, String)>,
    /// What is not as it should be in its definition (codes of DOC-5).
    pub(crate) issues: Vec<&'static str>,
}

impl State {
    /// The port its command names.
    pub(crate) fn port(&self) -> Option<u16> {
        let at = self.command.iter().position(|word| word == "--port")?;
        self.command.get(at + 1)?.parse().ok()
    }

    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What an install did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installed {
    Fresh,
    /// It was there and is as it was; it runs now if it did not.
    Already,
    /// It was there, with another definition that was left alone.
    Differs,
}

/// Who keeps a service running.
pub(crate) trait Manager {
    /// What people call it: `systemd`, `LaunchAgent`, `Scheduled Task`.
    fn label(&self) -> &'static str;

    /// `enabled`/`disabled` and the like, for one that is installed and one that is not.
    fn words(&self) -> (&'static str, &'static str);

    /// The files of a service, pure.
    fn definition(&self, spec: &ServiceSpec) -> Vec<UnitFile>;

    /// Makes the manager take the written definition and run it; `changed` are the files that were written.
    fn adopt(&self, spec: &ServiceSpec, changed: &[UnitFile]) -> Result<(), ServiceError>;

    /// Forgets the service and removes its files.
    fn uninstall(&self, name: &Name) -> Result<(), ServiceError>;

    fn start(&self, name: &Name) -> Result<(), ServiceError>;

    /// `disable`: also after the next boot.
    fn stop(&self, name: &Name, disable: bool) -> Result<(), ServiceError>;

    /// `now`: without letting the Gateway finish what it does.
    fn restart(&self, name: &Name, now: bool) -> Result<(), ServiceError>;

    fn state(&self, name: &Name) -> Result<State, ServiceError>;

    /// Where definitions stand, to look for those of other names.
    fn folder(&self) -> &Path;

    /// Whether services end when their user logs out.
    fn linger(&self) -> Linger {
        Linger::NotNeeded
    }

    /// Keeps the services of this user running after logout.
    fn enable_linger(&self) -> Result<(), ServiceError> {
        Ok(())
    }
}

/// Installs and starts; doing it again changes nothing, `force` writes the definition anew.
pub(crate) fn install(manager: &dyn Manager, spec: &ServiceSpec, force: bool) -> Result<Installed, ServiceError> {
    let before = manager.state(&spec.name)?;
    let wanted = manager.definition(spec);
    let changed: Vec<UnitFile> = wanted.into_iter().filter(|file| !file.is_on_disk()).collect();
    if before.installed && !force {
        if !before.running {
            manager.start(&spec.name)?;
        }
        return Ok(if changed.is_empty() { Installed::Already } else { Installed::Differs });
    }
    manager.adopt(spec, &changed)?;
    Ok(Installed::Fresh)
}

/// Whether the definition on disk is what `manager` would write for `spec`.
pub(crate) fn is_current(manager: &dyn Manager, spec: &ServiceSpec) -> bool {
    manager.definition(spec).iter().all(UnitFile::is_on_disk)
}

/// Definitions of other Gateways of this user: other profiles, and names from before (PROF-4).
pub(crate) fn others(manager: &dyn Manager, own: &Name) -> Vec<PathBuf> {
    others_in(manager.folder(), own)
}

/// Definitions of other Gateways in this folder.
pub(crate) fn others_in(folder: &Path, own: &Name) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_other = |path: &PathBuf| {
        let stem = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = stem.strip_suffix(".service").or_else(|| stem.strip_suffix(".plist"));
        stem.is_some_and(|stem| spec::is_a_gateway(stem) && stem != own.unit() && stem != own.label())
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_other).collect();
    found.sort();
    found
}

/// The tunnels of this profile that `manager` keeps (SSH-15).
pub(crate) fn tunnels(manager: &dyn Manager, profile: &Profile) -> Vec<Name> {
    let Ok(entries) = std::fs::read_dir(manager.folder()) else { return Vec::new() };
    let name = |path: PathBuf| {
        let stem = path.file_name()?.to_str()?;
        let stem = [".service", ".plist", ".cmd"].iter().find_map(|suffix| stem.strip_suffix(suffix))?;
        Name::of_tunnel(profile, stem)
    };
    let mut found: Vec<Name> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    found.sort_by_key(Name::unit);
    found
}

/// Folders of systemd and launchd for services of the whole machine.
pub(crate) const OF_THE_MACHINE: [&str; 3] = [systemd::SYSTEM_UNITS, "/Library/LaunchDaemons", "/Library/LaunchAgents"];

/// Whether a program of this name only runs scripts.
pub(crate) fn is_runtime(name: &str) -> bool {
    matches!(name, "node" | "nodejs" | "bun" | "deno")
}

/// Folders that go with a version of something, so that a service that names one breaks at an update.
const PASSING: [&str; 6] = [".nvm", ".fnm", ".volta", ".asdf", ".nodenv", "pnpm"];

/// What is wrong with the `PATH` of a service (DOC-5).
fn path_issues(env: &[(String, String)]) -> Option<&'static str> {
    let Some((_, path)) = env.iter().find(|(name, _)| name == "PATH") else { return Some("gateway-path-missing") };
    let folders: Vec<&str> = path.split(':').collect();
    if cfg!(unix) && !folders.iter().any(|folder| matches!(*folder, "/usr/bin" | "/run/current-system/sw/bin")) {
        return Some("gateway-path-missing-dirs");
    }
    let passes = |folder: &&str| folder.split('/').any(|part| PASSING.contains(&part));
    folders.iter().any(passes).then_some("gateway-path-nonminimal")
}

/// A code of DOC-5 as a sentence.
pub(crate) fn issue(code: &str) -> &'static str {
    match code {
        "gateway-command-missing" => "the service has no command to run",
        "gateway-path-missing" => "the service has no PATH, so the agent finds few programs",
        "gateway-path-missing-dirs" => "the PATH of the service lacks the system's own programs",
        "gateway-path-nonminimal" => "the PATH of the service has folders that go with a version of node",
        "launchd-keep-alive" => "the service does not come back when it ends (KeepAlive)",
        "launchd-run-at-load" => "the service does not start at login (RunAtLoad)",
        "systemd-after-network-online" => "the service does not start after the network (After=network-online.target)",
        "systemd-restart-sec" => "the service does not wait 5 s before it restarts (RestartSec)",
        "systemd-wants-network-online" => "the service does not ask for the network (Wants=network-online.target)",
        _ => "the definition of the service is not what this version writes",
    }
}

/// The manager that keeps `name`: the machine's when asked for, or when only that has it.
pub(crate) fn keeper(env: &Env, name: &Name, system: bool) -> Result<Box<dyn Manager>, ServiceError> {
    let own = manager(env, if system { Scope::System } else { Scope::User })?;
    let of_machine = Path::new(systemd::SYSTEM_UNITS).join(format!("{}.service", name.unit()));
    if system
        || own.label() != "systemd"
        || !of_machine.exists()
        || own.folder().join(of_machine.file_name().unwrap_or_default()).exists()
    {
        return Ok(own);
    }
    manager(env, Scope::System)
}

/// The manager of this system. `OPENCLAW_SYSTEMCTL`, `OPENCLAW_LAUNCHCTL` and `OPENCLAW_SCHTASKS` name its program, for
/// packagers whose system keeps it elsewhere.
pub(crate) fn manager(env: &Env, scope: Scope) -> Result<Box<dyn Manager>, ServiceError> {
    if let Some(path) = env.get("LAUNCHCTL") {
        return Ok(Box::new(launchd::Launchd::new(Program::at(path.into(), env), env)?));
    }
    if let Some(path) = env.get("SCHTASKS") {
        return Ok(Box::new(windows::Tasks::new(Program::at(path.into(), env), env)?));
    }
    if let Some(path) = env.get("SYSTEMCTL") {
        return Ok(Box::new(systemd::Systemd::new(Program::at(path.into(), env), env, scope)?));
    }
    match std::env::consts::OS {
        "macos" => Ok(Box::new(launchd::Launchd::new(Program::find("launchctl", env)?, env)?)),
        "windows" => Ok(Box::new(windows::Tasks::new(Program::find("schtasks", env)?, env)?)),
        // What `sd_booted` asks: an installed systemctl says nothing about who is process 1.
        _ if !Path::new("/run/systemd/system").is_dir() => {
            Err(ServiceError::ManagerMissing("systemd does not run this machine (a container?)".into()))
        }
        _ => Ok(Box::new(systemd::Systemd::new(Program::find("systemctl", env)?, env, scope)?)),
    }
}

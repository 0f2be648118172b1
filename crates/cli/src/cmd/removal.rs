//! What `reset` and `uninstall` have in common: every path is listed before one is touched, the Gateway is stopped
//! first, and nothing beyond the state folder and its workspaces is ever removed.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::gateway::control;
use super::node;
use crate::app::App;
use crate::exit::Failure;

/// What shall go.
#[derive(Debug, Default)]
pub(super) struct Removal {
    paths: Vec<PathBuf>,
    /// Whether the services of this profile go, too: the Gateway's, and the node host's where there is one.
    service: bool,
}

impl Removal {
    /// Nothing but the service, if that.
    pub(super) fn of_service(service: bool) -> Self {
        Self { paths: Vec::new(), service }
    }

    /// Adds a path if it is there.
    pub(super) fn add(&mut self, path: PathBuf) {
        if std::fs::symlink_metadata(&path).is_ok() && !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    /// Adds the folder, without what is in `kept`.
    pub(super) fn add_all_but(&mut self, folder: &Path, kept: &[PathBuf]) {
        if !kept.iter().any(|path| path.starts_with(folder) && path.exists()) {
            return self.add(folder.to_owned());
        }
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| !kept.contains(path)).collect();
        paths.sort();
        paths.into_iter().for_each(|path| self.add(path));
    }

    /// Lists it, asks, stops the Gateway, removes.
    pub(super) fn carry_out(self, app: &App, action: &str, how: Consent) -> Result<(), Failure> {
        self.paths.iter().try_for_each(|path| refuse_too_much(app, path))?;
        let node = self.service && node::has_service(app)?;
        let value = |removed: bool| -> Value {
            json!({"action": action, "ok": true, "dryRun": how.dry_run, "service": self.service, "nodeService": node,
                "paths": self.paths, "removed": removed})
        };
        let list = || {
            let mut lines: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
            lines.extend(self.service.then(|| "the service".to_owned()));
            lines.extend(node.then(|| "the service of the node host".to_owned()));
            if lines.is_empty() { "nothing to remove".into() } else { lines.join("\n") }
        };
        if how.dry_run || (self.paths.is_empty() && !self.service) {
            app.out.either(&value(false), || format!("would remove:\n{}", list()));
            return Ok(());
        }
        app.out.note(&format!("to be removed:\n{}", list()));
        how.ask(action)?;
        // What it runs is lost with the Gateway it works for, if that is the one here: it goes first.
        if node {
            node::remove_service(app)?;
        }
        control::halt(app, false)?;
        if self.service {
            control::remove(app)?;
        }
        for path in &self.paths {
            delete(path).map_err(|error| Failure::new("REMOVE_FAILED", format!("`{}`: {error}", path.display())))?;
        }
        app.out.either(&value(true), || "removed".into());
        Ok(())
    }
}

/// Whether a person agrees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consent {
    pub(super) dry_run: bool,
    pub(super) yes: bool,
}

impl Consent {
    fn ask(self, action: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage(format!("`{action}` without a terminal needs --yes"))
                .run(format!("openclaw {action} --dry-run")));
        }
        match inquire::Confirm::new("Remove all of this?").with_default(false).prompt() {
            Ok(true) => Ok(()),
            _ => Err(Failure::new("NOT_CONFIRMED", "nothing was removed")),
        }
    }
}

/// A state folder that is a home, or above one, was named by mistake.
fn refuse_too_much(app: &App, path: &Path) -> Result<(), Failure> {
    let home = std::fs::canonicalize(&app.paths.home).unwrap_or_else(|_| app.paths.home.clone());
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if path.is_absolute() && !home.starts_with(&real) {
        return Ok(());
    }
    let message = format!("`{}` holds more than the state of a Gateway; nothing was removed", path.display());
    Err(Failure::new("REMOVE_REFUSED", message).advise("check OPENCLAW_STATE_DIR and agents.defaults.workspace"))
}

/// Removes a file, a link (never what it leads to), or a whole folder.
fn delete(path: &Path) -> std::io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Every workspace of this profile: the usual ones, and the one the config names.
pub(super) fn workspaces(app: &App) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&app.paths.state_dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_one = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name == "workspace" || name.starts_with("workspace-"))
    };
    let mut found: Vec<PathBuf> = entries.filter(is_one).collect();
    // A config that cannot be read names none.
    let named = app.config().ok().and_then(|loaded| loaded.config.agents.defaults.workspace.clone());
    found.extend(named.filter(|path| path.exists() && !found.contains(path)));
    found.sort();
    found
}

//! What this machine and this user give a service of theirs: the program, and the variables it starts with.

use std::path::{Path, PathBuf};

use super::spec::Var;
use crate::app::App;
use crate::exit::Failure;

/// The variables of every service of this profile.
pub(crate) fn env(app: &App) -> Vec<Var> {
    let mut env = vec![Var::Marker, Var::StateDir(app.paths.state_dir.clone())];
    if app.paths.config_file != app.paths.state_dir.join("openclaw.json") {
        env.push(Var::ConfigPath(app.paths.config_file.clone()));
    }
    env.extend(app.paths.profile.name().map(|name| Var::Profile(name.to_owned())));
    env.push(Var::Path(search_path(&app.paths.home)));
    env
}

/// This program, by the name people call it if that leads here, so that an update through a link is followed.
pub(crate) fn program(app: &App) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().and_then(std::fs::canonicalize);
    let own =
        own.map_err(|error| Failure::new("SERVICE_PROGRAM_UNKNOWN", format!("where this program is: {error}")))?;
    let called = which::which_in("openclaw", app.env.raw("PATH"), "/").ok();
    let leads_here = called.filter(|path| std::fs::canonicalize(path).is_ok_and(|path| path == own));
    Ok(leads_here.unwrap_or(own))
}

/// Where the programs an agent runs are found; a service starts with next to none of this.
fn search_path(home: &Path) -> String {
    let system = ["/opt/homebrew/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let own = [".local/bin", "bin", ".cargo/bin"].map(|folder| home.join(folder));
    let folders = own.into_iter().chain(system.map(PathBuf::from)).filter(|folder| folder.is_dir());
    folders.map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":")
}

//! Starting, stopping and removing the service of the node host.

use serde_json::json;

use super::{installed, labels, not_installed};
use crate::app::App;
use crate::cmd::gateway::report::Done;
use crate::exit::Failure;
use crate::service::Name;

/// Starts it; one that runs stays as it is.
pub(in crate::cmd::node) fn start(app: &App) -> Result<(), Failure> {
    let (manager, state) = installed(app)?.ok_or_else(not_installed)?;
    let done = if state.running {
        Done::new("start", "started", "the node host runs already")
    } else {
        manager.start(&Name::node(&app.paths.profile))?;
        Done::new("start", "started", format!("started ({})", manager.label()))
    };
    done.print_with(app, &labels(&*manager, Some(&state)));
    Ok(())
}

/// Stops it until the next boot or login; without one there is nothing to stop, which is no failure (SVC-4).
pub(in crate::cmd::node) fn stop(app: &App) -> Result<(), Failure> {
    let Some((manager, state)) = installed(app)? else {
        let done = Done::new("stop", "not-loaded", "no service of the node host is installed");
        done.hint("openclaw node install").print_with(app, &json!({}));
        return Ok(());
    };
    manager.stop(&Name::node(&app.paths.profile), false)?;
    Done::new("stop", "stopped", format!("stopped ({})", manager.label()))
        .print_with(app, &labels(&*manager, Some(&state)));
    Ok(())
}

/// Restarts it.
pub(in crate::cmd::node) fn restart(app: &App) -> Result<(), Failure> {
    let (manager, state) = installed(app)?.ok_or_else(not_installed)?;
    manager.restart(&Name::node(&app.paths.profile), false)?;
    Done::new("restart", "restarted", format!("restarted ({})", manager.label()))
        .print_with(app, &labels(&*manager, Some(&state)));
    Ok(())
}

/// Removes it without a word, where there is one.
pub(in crate::cmd) fn remove(app: &App) -> Result<(), Failure> {
    if let Some((manager, _)) = installed(app)? {
        manager.uninstall(&Name::node(&app.paths.profile))?;
    }
    Ok(())
}

/// Removes it; what the node host keeps stays, so that `install` brings it back.
pub(in crate::cmd::node) fn uninstall(app: &App) -> Result<(), Failure> {
    let Some((manager, _)) = installed(app)? else {
        Done::new("uninstall", "not-loaded", "no service of the node host is installed").print_with(app, &json!({}));
        return Ok(());
    };
    manager.uninstall(&Name::node(&app.paths.profile))?;
    let said = format!("the service is removed ({}); the pairing stays", manager.label());
    Done::new("uninstall", "uninstalled", said).print_with(app, &labels(&*manager, None));
    Ok(())
}

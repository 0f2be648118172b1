//! `openclaw node install|uninstall|start|stop|restart|status`: the node host as a service of this user (N-11.2). The unit
//! says `openclaw node run` and nothing more: which Gateway and what is offered is kept in the state folder, the token in
//! the credential store beside the device's key.

mod control;
mod install;
mod status;

pub(in crate::cmd) use control::remove;
pub(super) use control::{restart, start, stop, uninstall};
pub(super) use install::{Args as InstallArgs, about, install, run as run_install};
pub(in crate::cmd) use status::short;
pub(super) use status::status;

use serde_json::{Value, json};

use crate::app::App;
use crate::exit::Failure;
use crate::service::{self, Manager, Name, ServiceError, State};

/// A service, and who keeps it.
type Kept = (Box<dyn Manager>, State);

/// The installed service of this profile's node host; `None` where there is none, or nobody who could keep one.
fn installed(app: &App) -> Result<Option<Kept>, Failure> {
    let name = Name::node(&app.paths.profile);
    let found = service::keeper(&app.env, &name, false).and_then(|manager| {
        let state = manager.state(&name)?;
        Ok((manager, state))
    });
    match found {
        Ok((manager, state)) if state.installed => Ok(Some((manager, state))),
        Ok(_) | Err(ServiceError::ManagerMissing(_) | ServiceError::NoUserBus { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether there is one.
pub(in crate::cmd) fn is_installed(app: &App) -> Result<bool, Failure> {
    Ok(installed(app)?.is_some())
}

fn not_installed() -> Failure {
    Failure::new("NODE_SERVICE_NOT_INSTALLED", "no service of the node host is installed")
        .run("openclaw node install")
        .run("openclaw node run")
}

/// `service` of an answer.
fn labels(manager: &dyn Manager, state: Option<&State>) -> Value {
    let (loaded, not_loaded) = manager.words();
    let is_loaded = state.is_some_and(|state| state.enabled);
    json!({"service": {"label": manager.label(), "loaded": is_loaded, "loadedText": loaded,
        "notLoadedText": not_loaded}})
}

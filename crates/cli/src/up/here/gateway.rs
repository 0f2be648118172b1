//! A Gateway that is kept running: by the service manager, or where there is none as a process in the background.

use std::path::Path;

use store::LockOwner;

use super::Here;
use crate::app::App;
use crate::cmd::gateway::{control, install};
use crate::exit::Failure;
use crate::service::{self, Manager, Name, ServiceError, State, process};
use crate::up::background;
use crate::up::plan::{Standing, Step};

pub(super) struct Gateway;

/// Who shall keep it.
enum Keeper {
    Service {
        manager: Box<dyn Manager>,
        state: State,
        system: bool,
    },
    /// And why no service.
    Background(String),
}

impl Step<Here<'_>> for Gateway {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn look(&self, cx: &mut Here<'_>) -> Result<Standing, Failure> {
        let running = process::running(&cx.app.paths)?;
        let keeper = keeper(cx)?;
        if let Some(why) = running.as_ref().and_then(|owner| outdated(cx, owner)) {
            return Ok(Standing::ToDo(format!("restart the Gateway: {why}")));
        }
        Ok(match (keeper, running) {
            (Keeper::Service { manager, state, .. }, Some(owner)) if state.running => {
                Standing::Done(format!("runs as a service ({}), pid {}", manager.label(), owner.pid))
            }
            (_, Some(owner)) => {
                cx.warnings.push(no_reboot(&cx.app.paths.state_dir, "it runs without a service"));
                Standing::Done(format!("runs in the background, pid {}", owner.pid))
            }
            (Keeper::Service { manager, state, .. }, None) if state.installed => {
                Standing::ToDo(format!("start the service ({})", manager.label()))
            }
            (Keeper::Service { manager, .. }, None) => {
                Standing::ToDo(format!("install and start a service ({})", manager.label()))
            }
            (Keeper::Background(why), None) => {
                Standing::ToDo(format!("start the Gateway in the background, which ends with a reboot: {why}"))
            }
        })
    }

    fn carry_out(&self, cx: &mut Here<'_>) -> Result<String, Failure> {
        if process::running(&cx.app.paths)?.is_some() {
            control::halt(cx.app, false)?;
        }
        match keeper(cx)? {
            Keeper::Service { system, .. } => {
                let done = install::install(cx.app, &install::Args::for_up(system))?;
                cx.warnings.extend(done.warnings);
                Ok(done.message)
            }
            Keeper::Background(why) => {
                cx.started = Some(background::start(cx.app)?);
                cx.warnings.push(no_reboot(&cx.app.paths.state_dir, &why));
                Ok("started in the background".into())
            }
        }
    }
}

fn no_reboot(state_dir: &Path, why: &str) -> String {
    format!("the Gateway of `{}` will not come back after a reboot: {why}", state_dir.display())
}

/// The service manager of this user; of the machine where root has none; else none.
fn keeper(cx: &Here<'_>) -> Result<Keeper, Failure> {
    if cx.wanted.no_service {
        return Ok(Keeper::Background("no service was wanted".into()));
    }
    match managed(cx.app, false) {
        Err(ServiceError::NoUserBus { is_root: true, .. }) => match managed(cx.app, true) {
            Err(error @ (ServiceError::ManagerMissing(_) | ServiceError::NoUserBus { .. })) => {
                Ok(Keeper::Background(error.to_string()))
            }
            found => Ok(found?),
        },
        Err(error @ (ServiceError::ManagerMissing(_) | ServiceError::NoUserBus { .. })) => {
            Ok(Keeper::Background(error.to_string()))
        }
        found => Ok(found?),
    }
}

fn managed(app: &App, system: bool) -> Result<Keeper, ServiceError> {
    let name = Name::gateway(&app.paths.profile);
    let manager = service::keeper(&app.env, &name, system)?;
    let state = manager.state(&name)?;
    Ok(Keeper::Service { manager, state, system })
}

/// Why the Gateway that runs is not the one that is wanted: another port, or a program that has been replaced since.
fn outdated(cx: &Here<'_>, owner: &LockOwner) -> Option<String> {
    if let Some(port) = cx.wanted.port.filter(|port| *port != owner.port) {
        return Some(format!("it listens on port {}, not {port}", owner.port));
    }
    let program = std::env::current_exe().and_then(std::fs::metadata).and_then(|about| about.modified()).ok()?;
    let since: jiff::Timestamp = owner.created_at.parse().ok()?;
    let replaced = jiff::Timestamp::try_from(program).ok()? > since;
    replaced.then(|| "its program has been replaced since it started".into())
}

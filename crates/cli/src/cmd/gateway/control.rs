//! `openclaw gateway start|stop|restart|uninstall`: the service, or without one the process that runs (SVC-4).

use std::io::IsTerminal as _;
use std::time::Duration;

use super::report::Done;
use crate::app::App;
use crate::args::millis;
use crate::exit::Failure;
use crate::service::{self, Manager, Name, ServiceError, State, process};

/// Start the service
#[derive(Debug, Default, clap::Args)]
pub(crate) struct StartArgs {}

/// Stop the service, or the Gateway that runs without one
#[derive(Debug, Default, clap::Args)]
pub(crate) struct StopArgs {
    /// Do not start it at the next boot or login either
    #[arg(long)]
    disable: bool,
    /// Stop it from a script, too
    #[arg(long)]
    force: bool,
}

/// Restart the service, or the Gateway that runs without one
#[derive(Debug, Default, clap::Args)]
pub(crate) struct RestartArgs {
    /// Wait until it answers again, at most this long [default: 60s]
    #[arg(long, value_name = "DUR", num_args = 0..=1, default_missing_value = "60s", value_parser = millis)]
    wait: Option<Duration>,
    /// Do not let it finish what it does; nothing is lost
    #[arg(long, conflicts_with = "safe")]
    force: bool,
    /// Let it finish what it does (it always does, without --force)
    #[arg(long)]
    safe: bool,
    /// Accepted; a restart is never put off
    #[arg(long)]
    skip_deferral: bool,
    /// Accepted; only `install --force` writes the definition
    #[arg(long)]
    preserve_definition: bool,
}

/// Stop the service and remove it; config and state stay
#[derive(Debug, Default, clap::Args)]
pub(crate) struct UninstallArgs {}

/// A service, and who keeps it.
type Kept = (Box<dyn Manager>, State);

/// The installed service of this profile; `None` where there is none, or nobody who could keep one.
fn installed(app: &App) -> Result<Option<Kept>, Failure> {
    let name = Name::gateway(&app.paths.profile);
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

/// SVC-4: without a service, exit 1 with what can be done.
pub(crate) fn start(app: &App, _args: &StartArgs) -> Result<(), Failure> {
    let name = Name::gateway(&app.paths.profile);
    let owner = process::running(&app.paths)?;
    let Some((manager, state)) = installed(app)? else {
        return match owner {
            None => Err(ServiceError::NotInstalled.into()),
            Some(owner) => Err(runs_without(&owner)),
        };
    };
    if state.running {
        Done::new("start", "started", "the service runs already").print(app);
        return Ok(());
    }
    if let Some(owner) = owner {
        return Err(runs_without(&owner));
    }
    manager.start(&name)?;
    Done::new("start", "started", format!("started ({})", manager.label())).print(app);
    Ok(())
}

fn runs_without(owner: &store::LockOwner) -> Failure {
    let message = format!("a Gateway runs already, without a service (pid {}, port {})", owner.pid, owner.port);
    Failure::new("GATEWAY_ALREADY_RUNNING", message).run("openclaw gateway stop --force")
}

/// SVC-4: a script says that it means it; without anything to stop, exit 0.
pub(crate) fn stop(app: &App, args: &StopArgs) -> Result<(), Failure> {
    if !args.force && !std::io::stdin().is_terminal() {
        return Err(
            Failure::usage("`gateway stop` without a terminal needs --force").run("openclaw gateway stop --force")
        );
    }
    halt(app, args.disable)?.print(app);
    Ok(())
}

/// Stops whatever runs on this state folder: the service first, then a process without one.
pub(crate) fn halt(app: &App, disable: bool) -> Result<Done, Failure> {
    let name = Name::gateway(&app.paths.profile);
    let mut stopped = Vec::new();
    if let Some((manager, state)) = installed(app)? {
        manager.stop(&name, disable)?;
        stopped.extend(state.running.then(|| format!("the service ({})", manager.label())));
    }
    if let Some(owner) = process::running(&app.paths)? {
        process::stop(&app.paths, &owner)?;
        if stopped.is_empty() {
            stopped.push(format!("the Gateway with pid {}", owner.pid));
        }
    }
    Ok(match stopped.first() {
        Some(what) => Done::new("stop", "stopped", format!("stopped {what}")),
        None => Done::new("stop", "not-loaded", "nothing runs").hint("openclaw gateway install"),
    })
}

/// SVC-4, SVC-5
pub(crate) fn restart(app: &App, args: &RestartArgs) -> Result<(), Failure> {
    let name = Name::gateway(&app.paths.profile);
    let before = process::running(&app.paths)?;
    let done = match (installed(app)?, &before) {
        (Some((manager, _)), _) => {
            manager.restart(&name, args.force)?;
            Done::new("restart", "restarted", format!("restarted ({})", manager.label()))
        }
        (None, Some(owner)) => {
            process::restart(owner)?;
            Done::new("restart", "restarted", format!("told the Gateway with pid {} to restart", owner.pid))
        }
        (None, None) => return Err(ServiceError::NotInstalled.into()),
    };
    if let Some(patience) = args.wait {
        let old = before.as_ref().map(|owner| owner.owner_id.as_str());
        let is_back = || {
            let now = process::running(&app.paths)?;
            Ok(now.is_some_and(|now| Some(now.owner_id.as_str()) != old && process::answers(now.port)))
        };
        if !process::wait(patience, is_back)? {
            let message =
                format!("the restart was asked for, but no Gateway answers after {patience:?}; it may still come");
            return Err(Failure::lost("RESTART_NOT_SEEN", message).run("openclaw gateway status"));
        }
    }
    done.print(app);
    Ok(())
}

pub(crate) fn uninstall(app: &App, _args: &UninstallArgs) -> Result<(), Failure> {
    remove(app)?.print(app);
    Ok(())
}

/// Removes the service, if there is one.
pub(crate) fn remove(app: &App) -> Result<Done, Failure> {
    let name = Name::gateway(&app.paths.profile);
    match installed(app)? {
        None => Ok(Done::new("uninstall", "not-loaded", "no service is installed")),
        Some((manager, _)) => {
            manager.uninstall(&name)?;
            Ok(Done::new(
                "uninstall",
                "uninstalled",
                format!("the service is removed ({}); config and state stay", manager.label()),
            ))
        }
    }
}

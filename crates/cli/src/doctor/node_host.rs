//! The service of the node host: whether its definition is what this version writes, and its program still there (N-11.2).

use super::service::removal;
use super::tunnels::{anew, why};
use super::{Ailment, Fix};
use crate::app::App;
use crate::exit::Failure;
use crate::finding::{Finding, Severity};
use crate::service::{self, Name, ServiceSpec, State};

/// The service of this profile's node host, when it has fallen behind. Nothing where there is none, or no manager.
pub(super) fn outdated(app: &App) -> Option<Ailment> {
    let name = Name::node(&app.paths.profile);
    let manager = service::keeper(&app.env, &name, false).ok()?;
    let state = manager.state(&name).ok().filter(|state| state.installed)?;
    match as_now(app, &name, &state) {
        Some(spec) if service::is_current(&*manager, &spec) => None,
        Some(_) => Some(behind(name, &state)),
        None => Some(strange(&state)),
    }
}

/// The same service as this version would write it; `None` when it runs something else.
fn as_now(app: &App, name: &Name, state: &State) -> Option<ServiceSpec> {
    let (program, args) = state.command.split_first()?;
    if args != ["node", "run"] {
        return None;
    }
    anew(app, name, state, program, args)
}

fn finding(why: &str, state: &State) -> Finding {
    let title = "The service of the node host is not as it should be";
    let detail = format!("`{}`: {why}.", state.file.display());
    Finding::new("service.node_outdated", Severity::Warn, title, detail)
}

fn strange(state: &State) -> Ailment {
    finding("it runs something else than `node run`", state).mend(removal(&state.file)).into()
}

fn behind(name: Name, state: &State) -> Ailment {
    let renew = move |app: &App| -> Result<(), Failure> {
        let manager = service::keeper(&app.env, &name, false)?;
        if let Some(spec) = as_now(app, &name, &manager.state(&name)?) {
            service::install(&*manager, &spec, true)?;
        }
        Ok(())
    };
    Ailment {
        finding: finding(&why(state), state).mend("openclaw node install --force"),
        fix: Some(Fix::act("write the definition of the node host anew and restart it", renew)),
    }
}

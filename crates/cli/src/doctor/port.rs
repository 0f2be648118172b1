//! Who has the Gateway's port.

use std::net::{Ipv4Addr, TcpListener};

use store::GatewayLock;

use super::{Look, Patient};
use crate::cmd::gateway::report::View;
use crate::finding::{Finding, Severity};

pub(super) const IDS: &[&str] = &["port.taken", "port.differs"];

pub(super) fn look(patient: &Patient<'_>) -> Look {
    if patient.is_remote() {
        return Look::skipped("this machine is a client of a Gateway elsewhere");
    }
    let port = patient.port();
    let owner = GatewayLock::holder(&patient.app.paths).ok().flatten();
    match owner {
        Some(owner) if owner.port == port => {
            Look::with(format!("{port}, held by the Gateway (pid {})", owner.pid), vec![])
        }
        Some(owner) => {
            let detail = format!("The Gateway serves port {}, and commands look at port {port}.", owner.port);
            let finding = Finding::new("port.differs", Severity::Warn, "The Gateway is on another port", detail);
            Look::with(port.to_string(), vec![finding.mend("openclaw gateway restart").into()])
        }
        None if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() => {
            Look::with(format!("{port}, free"), Vec::new())
        }
        None if is_held_for_us(patient, port) => Look::with(format!("{port}, held open for the service"), Vec::new()),
        None => Look::with(port.to_string(), vec![taken(port).into()]),
    }
}

/// systemd listens for a service that it starts.
fn is_held_for_us(patient: &Patient<'_>, port: u16) -> bool {
    let view = View::of(patient.app);
    view.state().is_some_and(|state| state.file.with_extension("socket").exists() && state.port() == Some(port))
}

fn taken(port: u16) -> Finding {
    let occupants = gateway::occupants(port);
    let who = match occupants.as_slice() {
        [] => "a program that this user cannot see".to_owned(),
        seen => seen.iter().map(|occupant| format!("`{occupant}`")).collect::<Vec<_>>().join(", "),
    };
    let program = |command: &str| command.split(' ').next().unwrap_or_default().rsplit('/').next() == Some("ssh");
    let is_ssh = occupants.iter().any(|occupant| program(&occupant.command));
    let (why, mend) = match is_ssh {
        true => (
            "an ssh forward, so commands reach another Gateway",
            "end the forward, or: openclaw config set gateway.mode remote",
        ),
        false => ("not the Gateway of this state folder", "stop it, or choose: openclaw config set gateway.port N"),
    };
    let detail = format!("Port {port} is held by {who}: {why}.");
    Finding::new("port.taken", Severity::Critical, "Somebody else has the port", detail).mend(mend)
}

//! The service: whether its definition is what this version writes, others that would be in its way, and whether it ends
//! with a logout (DOC-5, PROF-4, SSH-15).

use std::path::{Path, PathBuf};

use super::{Ailment, Fix, Look, Patient, node_host, tunnels};
use crate::app::App;
use crate::audit;
use crate::cmd::gateway::{install, report::View};
use crate::exit::Failure;
use crate::finding::{Finding, Severity};
use crate::service::{self, Linger, Manager, Name, ServiceError, State};

pub(super) const IDS: &[&str] = &[
    "gateway-command-missing",
    "gateway-entrypoint-mismatch",
    "gateway-path-missing",
    "gateway-path-missing-dirs",
    "gateway-path-nonminimal",
    "gateway-port-mismatch",
    "gateway-state-mismatch",
    "launchd-keep-alive",
    "launchd-run-at-load",
    "systemd-after-network-online",
    "systemd-restart-sec",
    "systemd-wants-network-online",
    "gateway.service_secret_embedded",
    "service.extra_gateway",
    "service.linger_off",
    "service.node_outdated",
    "service.not_wanted",
    "service.tunnel_left_over",
    "service.tunnel_outdated",
];

pub(super) fn look(patient: &Patient<'_>) -> Look {
    let app = patient.app;
    let name = Name::gateway(&app.paths.profile);
    let view = View::of(app);
    let manager = service::keeper(&app.env, &name, false);
    let tunnels = tunnels::made_by_hand(app);
    let mut found = embedded(patient, view.state());
    found.extend(tunnels.iter().map(|file| tunnels::left_over(file)));
    found.extend(tunnels::outdated(app));
    found.extend(node_host::outdated(app));
    let manager = match manager {
        Ok(manager) => manager,
        Err(ServiceError::ManagerMissing(why)) if found.is_empty() => return Look::skipped(why),
        Err(error) => return Look::with(error.to_string(), found),
    };
    found.extend(
        others(patient, &*manager, &name).iter().filter(|file| !tunnels.contains(file)).map(|file| extra(file)),
    );
    let Some(state) = view.state() else { return Look::with(view.text(), found) };
    if patient.is_remote() {
        found.push(not_wanted());
    } else {
        found.extend(view.drift(app, patient.port()).into_iter().map(|(code, said)| drift(code, said, state)));
        found.extend(linger(&*manager));
    }
    Look::with(view.text(), found)
}

fn drift(code: &'static str, said: String, state: &State) -> Ailment {
    let finding = Finding::new(code, Severity::Warn, "The service is not as it should be", format!("{said}."));
    if state.file.starts_with("/etc") {
        return finding.mend("sudo openclaw gateway install --system --force").into();
    }
    Ailment { finding: finding.mend("openclaw gateway install --force"), fix: Some(renewal(state)) }
}

/// Writes the definition anew. One that is not from `install` may have been written by hand, with a reason.
fn renewal(state: &State) -> Fix {
    let before = state.clone();
    let fix = Fix::act("write the definition of the service anew and restart it", move |app| {
        // Several findings have this cure; once it is taken, the others are mended too.
        let now = View::of(app);
        let definition = |state: &State| (state.command.clone(), state.env.clone(), state.issues.clone());
        let is_new = now.state().is_some_and(|now| definition(now) != definition(&before));
        if is_new { Ok(()) } else { install::renew(app, &before) }
    });
    if state.var("OPENCLAW_SERVICE_MARKER").is_some() { fix } else { fix.drastic() }
}

/// SVC-3: a service with the secret in it, which goes stale.
fn embedded(patient: &Patient<'_>, state: Option<&State>) -> Vec<Ailment> {
    let own = state.map(|state| state.file.display().to_string());
    let with_fix = |finding: Finding| {
        let is_own = own.as_ref().is_some_and(|file| finding.detail.contains(file));
        let fix = state.filter(|_| is_own).map(renewal);
        Ailment { finding, fix }
    };
    audit::secrets_in_services(&patient.subject()).into_iter().map(with_fix).collect()
}

fn others(patient: &Patient<'_>, manager: &dyn Manager, name: &Name) -> Vec<PathBuf> {
    let mut found = service::others(manager, name);
    if patient.deep {
        let more = service::OF_THE_MACHINE.iter().map(Path::new).filter(|folder| *folder != manager.folder());
        found.extend(more.flat_map(|folder| service::others_in(folder, name)));
    }
    found
}

/// Another profile's Gateway is fine; one by an earlier name wants the same port.
fn extra(file: &Path) -> Ailment {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let is_ours = stem.contains("openclaw");
    let (severity, title) = match is_ours {
        true => (Severity::Info, "Another Gateway is a service here"),
        false => (Severity::Warn, "A Gateway of an earlier version is a service here"),
    };
    let finding = Finding::new("service.extra_gateway", severity, title, format!("`{}`.", file.display()));
    if is_ours { finding.into() } else { finding.mend(removal(file)).into() }
}

/// The command that ends a service and removes its file.
pub(super) fn removal(file: &Path) -> String {
    let shown = file.display();
    if file.extension().is_some_and(|extension| extension == "plist") {
        return format!("launchctl bootout gui/$(id -u) {shown}; rm {shown}");
    }
    let unit = file.file_name().unwrap_or_default().to_string_lossy();
    match file.starts_with("/etc") {
        true => format!("sudo systemctl disable --now {unit}; sudo rm {shown}"),
        false => format!("systemctl --user disable --now {unit}; rm {shown}"),
    }
}

fn not_wanted() -> Ailment {
    let detail = "gateway.mode is `remote`: this machine is a client, and the service ends at every start.";
    let finding = Finding::new("service.not_wanted", Severity::Warn, "A Gateway service without a Gateway", detail);
    finding.mend("openclaw gateway uninstall").into()
}

fn linger(manager: &dyn Manager) -> Option<Ailment> {
    let Linger::Off(user) = manager.linger() else { return None };
    let detail = format!("The services of {user} stop when {user} logs out.");
    let finding = Finding::new("service.linger_off", Severity::Warn, "Lingering is off", detail);
    let enable = |app: &App| -> Result<(), Failure> {
        let name = Name::gateway(&app.paths.profile);
        Ok(service::keeper(&app.env, &name, false)?.enable_linger()?)
    };
    Some(Ailment {
        finding: finding.mend(format!("loginctl enable-linger {user}")),
        fix: Some(Fix::act("let them run on", enable)),
    })
}

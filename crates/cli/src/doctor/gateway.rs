//! The Gateway of this machine: does it have a secret, does it run, does it answer, and is it of this release.

use std::time::Duration;

use base::{Explain as _, Kind};
use config::AuthMode;
use config::edit::Change;
use link::DialError;
use serde_json::{Value, json};
use store::{GatewayLock, LockOwner};

use super::{Ailment, Fix, Look, Patient};
use crate::app::App;
use crate::args::Reach;
use crate::cmd::gateway::{exposure, look_once, report::View};
use crate::exit::Failure;
use crate::finding::{Finding, Severity};
use crate::rpc;
use crate::service::{self, Name};

/// What `--generate-gateway-token` mends.
pub(super) const TOKEN_MISSING: &str = "gateway.token_missing";

pub(super) const IDS: &[&str] = &[
    TOKEN_MISSING,
    "gateway.not_running",
    "gateway.not_answering",
    "gateway.refuses_us",
    "gateway.unhealthy",
    "gateway.not_on_tailnet",
    "gateway.version_differs",
];

/// A Gateway of this host answers in milliseconds, unless it is busy starting.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn look(patient: &Patient<'_>) -> Look {
    if patient.is_remote() {
        return Look::skipped("this machine is a client of a Gateway elsewhere");
    }
    let Some(loaded) = patient.config() else { return Look::skipped("not asked: the config cannot be read") };
    let owner = GatewayLock::holder(&patient.app.paths);
    if !loaded.exists && !patient.wants_token && matches!(owner, Ok(None)) {
        return Look::skipped("not set up yet");
    }
    let mut found: Vec<Ailment> = token_missing(patient).into_iter().collect();
    match owner {
        Ok(Some(owner)) => match ask(patient, &owner) {
            Ok((said, more)) => {
                found.extend(more);
                Look::with(said, found)
            }
            Err(failure) => {
                let title = "The Gateway cannot be asked";
                let finding = Finding::new("gateway.not_answering", Severity::Critical, title, failure.message);
                found.push(finding.first_of(&failure.next).into());
                Look::with(format!("runs (pid {})", owner.pid), found)
            }
        },
        Ok(None) | Err(_) => {
            found.push(not_running(patient));
            Look::with("does not run", found)
        }
    }
}

/// Without one every start makes its own, which nobody else can know (AUTH-4).
fn token_missing(patient: &Patient<'_>) -> Option<Ailment> {
    let auth = patient.subject().auth?;
    if auth.mode != AuthMode::Token || auth.token.is_some() {
        return None;
    }
    let detail = "No gateway.auth.token: each start makes one for that run, which no other device can know.";
    let finding = Finding::new(TOKEN_MISSING, Severity::Warn, "The Gateway has no token", detail);
    let exists = patient.config().is_some_and(|loaded| loaded.exists);
    let mut gateway = json!({"auth": {"mode": "token", "token": base::random_hex(24)}});
    if !exists {
        gateway["mode"] = Value::from("local");
        gateway["bind"] = Value::from("loopback");
    }
    let fix = Fix::config("write a fresh token into the config", Change::MergePatch(json!({"gateway": gateway})));
    Some(Ailment { finding: finding.mend("openclaw doctor --generate-gateway-token"), fix: Some(fix) })
}

fn not_running(patient: &Patient<'_>) -> Ailment {
    let detail = "Nobody holds the state folder, so no Gateway runs on it.";
    let finding = Finding::new("gateway.not_running", Severity::Warn, "The Gateway does not run", detail);
    if View::of(patient.app).state().is_none() {
        return finding.mend("openclaw gateway run").into();
    }
    let start = |app: &App| -> Result<(), Failure> {
        let name = Name::gateway(&app.paths.profile);
        Ok(service::keeper(&app.env, &name, false)?.start(&name)?)
    };
    Ailment { finding: finding.mend("openclaw gateway start"), fix: Some(Fix::act("start its service", start)) }
}

/// Asks the one that runs.
fn ask(patient: &Patient<'_>, owner: &LockOwner) -> Result<(String, Vec<Ailment>), Failure> {
    let app = patient.app;
    let way = rpc::way(app, &Reach::default(), Some(owner.port), true)?;
    let seen = rpc::block_on(look_once(app, way, ANSWERS_WITHIN))?;
    let runs = format!("runs (pid {}) on port {}", owner.pid, owner.port);
    let answer = match &seen.outcome {
        Ok(answer) => answer,
        Err(error) => return Ok((runs, vec![silent(error).into()])),
    };
    let mut found = Vec::new();
    if answer.health.as_ref().is_some_and(|health| health["ok"] == json!(false)) {
        let detail = "It answers, and says that it is not well.";
        let finding = Finding::new("gateway.unhealthy", Severity::Warn, "The Gateway is not well", detail);
        found.push(finding.mend("openclaw health --verbose").into());
    }
    let tailscale = answer.health.as_ref().map_or(&Value::Null, |health| &health["tailscale"]);
    found.extend(not_on_tailnet(tailscale));
    if answer.version != env!("CARGO_PKG_VERSION") {
        let detail = format!("It is {}, this program is {}.", answer.version, env!("CARGO_PKG_VERSION"));
        let title = "The Gateway is of another release";
        let finding = Finding::new("gateway.version_differs", Severity::Warn, title, detail);
        found.push(finding.mend("openclaw gateway restart").into());
    }
    Ok((format!("{runs}, {}", answer.version), found))
}

/// TS-5, TS-10: it listens here all the same, and tries again.
fn not_on_tailnet(report: &Value) -> Option<Ailment> {
    let line = exposure::line(report).filter(|_| report["state"] == json!("down"))?;
    let title = "The Gateway is not on its tailnet";
    let finding = Finding::new("gateway.not_on_tailnet", Severity::Warn, title, format!("{line}."));
    Some(exposure::next(report).into_iter().fold(finding, Finding::mend).into())
}

fn silent(error: &DialError) -> Finding {
    let (id, title) = match error.kind() {
        Kind::Refused => ("gateway.refuses_us", "The Gateway does not let this command in"),
        _ => ("gateway.not_answering", "The Gateway runs and does not answer"),
    };
    Finding::new(id, Severity::Critical, title, format!("{error}.")).first_of(&error.next())
}

//! `up` on this machine: a config, a Gateway that is kept running, and its answer.

mod answer;
mod config;
mod gateway;

use std::process::Child;

use serde_json::{Value, json};

use super::plan::{Consent, Report, Step, run};
use crate::app::App;
use crate::exit::Failure;
use crate::service::process;

/// What the person wants beyond the defaults.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// The port of the Gateway.
    pub(crate) port: Option<u16>,
    /// A process in the background instead of a service.
    pub(crate) no_service: bool,
}

/// What the steps know and find out.
pub(crate) struct Here<'a> {
    app: &'a App,
    wanted: Wanted,
    /// The Gateway that was started in the background.
    started: Option<Child>,
    warnings: Vec<String>,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) warnings: Vec<String>,
}

/// Brings the Gateway of this profile up.
pub(crate) fn up(app: &App, wanted: Wanted, consent: Consent) -> Result<Outcome, Failure> {
    let mut cx = Here { app, wanted, started: None, warnings: Vec::new() };
    let steps: [&dyn Step<Here<'_>>; 3] = [&config::Config, &gateway::Gateway, &answer::Answer];
    let mut report = Report::default();
    match run(app, &steps, &mut cx, consent, &mut report) {
        Ok(()) => Ok(Outcome { report, warnings: cx.warnings }),
        Err(failure) => Err(report.fail(app, failure)),
    }
}

/// The Gateway that runs on this state folder, for `--json`; null when none does. Nothing in it is secret.
pub(crate) fn facts(app: &App) -> Result<Value, Failure> {
    let app = app.afresh();
    let tls = &app.config()?.config.gateway.tls;
    let cert = ::gateway::TlsFiles::of(tls, &app.paths).cert;
    let pin = if tls.enabled { link::Pin::of_pem_file(&cert).ok() } else { None };
    Ok(process::running(&app.paths)?.map_or(Value::Null, |owner| {
        json!({"port": owner.port, "pid": owner.pid, "stateDir": app.paths.state_dir, "tls": tls.enabled,
            "tlsFingerprint": pin.map(|pin| pin.to_string())})
    }))
}

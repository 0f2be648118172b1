//! `up user@host` (SSH-17): this program goes over there and brings a Gateway up; this machine is let in with a token of
//! its own, and its profile leads there from now on. The Gateway's secret is made on its host and never leaves it.

mod check;
mod down;
mod far;
mod flags;
mod gateway;
mod login;
mod pair;
mod profile;
mod program;
mod scripts;

use std::path::PathBuf;

use link::{Pin, Route, Source, SshRoute, SshTarget, Target};
use serde_json::Value;

pub(crate) use down::down;
use far::{Far, Seen};
pub(crate) use flags::HostFlags;
pub(crate) use scripts::Place;

use super::plan::{Consent, Report, Step, run};
use crate::app::App;
use crate::exit::Failure;
use crate::{passphrase, ssh};

/// What the person wants.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Where.
    pub(crate) host: SshTarget,
    /// How things are called over there.
    pub(crate) place: Place,
    /// The Gateway's port.
    pub(crate) port: Option<u16>,
    /// A process in the background instead of a service.
    pub(crate) no_service: bool,
    /// The program for over there, when this one is not.
    pub(crate) binary: Option<PathBuf>,
}

/// The Gateway that came up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) port: u16,
    /// Of its certificate, when it speaks TLS; read on its own host (TLS-11).
    pub(crate) pin: Option<Pin>,
}

/// What the steps know and find out.
pub(crate) struct There<'a> {
    app: &'a App,
    wanted: Wanted,
    far: Far,
    seen: Option<Seen>,
    /// The program to copy, and its checksum.
    binary: Option<(PathBuf, String)>,
    /// Whether the program there is the one that is wanted.
    has_program: bool,
    gateway: Option<Found>,
    health: Value,
    warnings: Vec<String>,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) gateway: Option<Found>,
    pub(crate) health: Value,
    pub(crate) warnings: Vec<String>,
}

/// Brings a Gateway up on the far host, and this machine to it.
pub(crate) fn up(app: &App, wanted: Wanted, consent: Consent) -> Result<Outcome, Failure> {
    let far = Far { route: route(app, &wanted.host)?, place: wanted.place.clone() };
    let mut cx = There::new(app, wanted, far);
    let steps: [&dyn Step<There<'_>>; 6] =
        [&login::Login, &program::Program, &gateway::Gateway, &pair::Pair, &profile::Profile, &check::Check];
    let mut report = Report::default();
    match run(app, &steps, &mut cx, consent, &mut report) {
        Ok(()) => Ok(cx.outcome(report)),
        Err(failure) => Err(report.fail(app, failure)),
    }
}

impl<'a> There<'a> {
    fn new(app: &'a App, wanted: Wanted, far: Far) -> Self {
        let (gateway, health, warnings) = (None, Value::Null, Vec::new());
        Self { app, wanted, far, seen: None, binary: None, has_program: false, gateway, health, warnings }
    }

    fn outcome(self, report: Report) -> Outcome {
        Outcome { report, gateway: self.gateway, health: self.health, warnings: self.warnings }
    }

    /// The Gateway over there, as commands of this machine will reach it.
    fn target(&self, found: &Found) -> Result<Target, Failure> {
        let scheme = if found.pin.is_some() { "wss" } else { "ws" };
        let source = Source::SshFlag(format!("ssh tunnel {}", self.far.route.target.whole()));
        let target = Target::parse(&format!("{scheme}://127.0.0.1:{}", found.port), source)?;
        Ok(target.by(Route::Ssh(Box::new(self.far.route.clone()))))
    }

    /// What the program there says of its Gateway.
    fn heard(&mut self, value: &Value) -> Result<Option<Found>, Failure> {
        let warnings = value["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for warning in warnings.map(|warning| format!("over there: {warning}")) {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        let gateway = &value["gateway"];
        let Some(port) = gateway["port"].as_u64().and_then(|port| u16::try_from(port).ok()) else { return Ok(None) };
        let pin = gateway["tlsFingerprint"].as_str().map(str::parse::<Pin>).transpose();
        let pin = pin.map_err(|error| Failure::of(&error))?;
        if pin.is_none() && gateway["tls"] == true {
            let message = "the Gateway there speaks TLS, and its certificate cannot be read";
            return Err(Failure::new("UP_NO_FINGERPRINT", message)
                .step(self.far.route.command_there("openclaw gateway tls show")));
        }
        Ok(Some(Found { port, pin }))
    }
}

/// The way there, as every command of this machine goes it.
fn route(app: &App, host: &SshTarget) -> Result<SshRoute, Failure> {
    let route = SshRoute { identity: app.ssh.ssh_identity.clone(), ..SshRoute::new(host.clone()) };
    let target = Target::loopback(base::DEFAULT_PORT, Source::SshFlag(format!("ssh tunnel {}", host.whole())));
    let target = passphrase::asked_for(app, ssh::outfit(app, target.by(Route::Ssh(Box::new(route.clone()))))?)?;
    Ok(target.ssh().cloned().unwrap_or(route))
}

//! `down user@host`: the service over there goes, with `--state` everything it kept, and this machine's way to it.

use config::edit::{self, Change};
use link::{Pin, SshTarget, TokenStore};
use serde_json::{Value, json};
use wire::Role;

use super::{Far, Found, Outcome, Place, There, Wanted, login, route};
use crate::app::App;
use crate::exit::Failure;
use crate::up::plan::{Consent, Report, Standing, Step, run};

/// Takes the Gateway of the far host down.
pub(crate) fn down(
    app: &App,
    host: SshTarget,
    place: Place,
    state: bool,
    consent: Consent,
) -> Result<Outcome, Failure> {
    let far = Far { route: route(app, &host)?, place: place.clone() };
    let mut cx = There::new(app, Wanted { host, place, port: None, no_service: false, binary: None }, far);
    let steps: [&dyn Step<There<'_>>; 3] = [&login::Login, &Remove { state }, &Forget { state }];
    let mut report = Report::default();
    match run(app, &steps, &mut cx, consent, &mut report) {
        Ok(()) => Ok(cx.outcome(report)),
        Err(failure) => Err(report.fail(app, failure)),
    }
}

/// The program over there takes its Gateway down.
struct Remove {
    state: bool,
}

impl Remove {
    fn ask(&self, cx: &There<'_>, how: &str) -> Result<Value, Failure> {
        let words = ["down", how, "--state"];
        cx.far.openclaw(if self.state { &words } else { &words[..2] })
    }
}

impl Step<There<'_>> for Remove {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn look(&self, cx: &mut There<'_>) -> Result<Standing, Failure> {
        if cx.seen.as_ref().is_none_or(|seen| seen.sum.is_none()) {
            return Ok(Standing::Done(format!("there is no `{}` to take down", cx.wanted.place.program)));
        }
        let seen = self.ask(cx, "--dry-run")?;
        let paths: Vec<&str> = seen["paths"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let state = if paths.is_empty() { String::new() } else { format!(", and remove {}", paths.join(", ")) };
        Ok(Standing::ToDo(format!("stop the Gateway, remove its service{state}")))
    }

    fn carry_out(&self, cx: &mut There<'_>) -> Result<String, Failure> {
        self.ask(cx, "--yes")?;
        let state = if self.state { "its state is gone; the workspaces stay" } else { "its state stays" };
        Ok(format!("stopped, and its service is removed; {state}"))
    }
}

/// The way there, once nothing is at its end any more.
struct Forget {
    state: bool,
}

impl Step<There<'_>> for Forget {
    fn name(&self) -> &'static str {
        "profile"
    }

    fn look(&self, cx: &mut There<'_>) -> Result<Standing, Failure> {
        let remote = &cx.app.config()?.config.gateway.remote;
        if !self.state || remote.ssh_target.as_deref() != Some(cx.wanted.host.to_string().as_str()) {
            return Ok(Standing::Done("stays as it is".into()));
        }
        let pin = remote.tls_fingerprint.as_deref().and_then(|text| text.parse::<Pin>().ok());
        cx.gateway = Some(Found { port: remote.remote_port.unwrap_or(base::DEFAULT_PORT), pin });
        Ok(Standing::ToDo("forget the way there and this machine's token".into()))
    }

    fn carry_out(&self, cx: &mut There<'_>) -> Result<String, Failure> {
        if let Some(found) = &cx.gateway {
            let tokens = TokenStore::beside(&cx.app.paths.device_identity());
            tokens.forget(&cx.target(found)?.origin(), Role::Operator)?;
        }
        let loaded = config::load(cx.app.config_file(), &cx.app.env)?;
        let keys = ["transport", "sshTarget", "remotePort", "tlsFingerprint", "sshIdentity"];
        let remote: serde_json::Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
        let patch = json!({"gateway": {"mode": null, "remote": remote}});
        edit::apply(cx.app.config_file(), &cx.app.env, loaded.hash.as_deref(), Change::MergePatch(patch))?;
        Ok("the way there is forgotten".into())
    }
}

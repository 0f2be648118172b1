//! `openclaw why`: where the way to the Gateway ends, why, and the one command that mends it (PROBE-13).

use std::time::Duration;

use base::{Explain as _, Step};
use link::{Connect, Device, DialError, Finding, Probe, Route, State, Target, TokenStore};
use serde_json::{Value, json};
use wire::{Role, Scope, ScopeSet};

use crate::app::App;
use crate::args::Rpc;
use crate::cred::{Place, Way};
use crate::exit::Failure;
use crate::out::{self, Out};
use crate::rpc::{self, As, Want};

/// The longest answer on a line, so that the line stays under 80 columns.
const SAID: usize = 60;

/// Say where the way to the Gateway ends, and what mends it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    rpc: Rpc,
    /// Gateway of this host on this port
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let way = rpc::way(app, &args.rpc.reach, args.port, false)?;
    way.warnings.iter().for_each(|warning| app.out.warn(warning));
    let place = rpc::place(app, &way);
    let timeout = args.rpc.timeout_or(rpc::TIMEOUT);
    let how = connection(app, way, timeout)?;
    if !app.out.json {
        out::say(&format!("{}, from {}\n", place.shown, place.source));
    }
    let tell = |finding: &Finding| {
        if !app.out.json {
            out::say(&line(&app.out, finding));
        }
    };
    let findings = rpc::block_on(async { Ok(link::why(&how, tell).await) })?.findings;
    let stopped = findings.iter().find_map(|finding| Some((finding.probe, finding.error.as_ref()?)));
    if app.out.json {
        app.out.value(&report(&place, &findings, stopped));
    }
    match stopped {
        None => Ok(()),
        Some((_, error)) if app.out.json => Err(Failure::dial(error).quietly()),
        Some((_, error)) => Err(Failure::dial(error).at(&place)),
    }
}

/// As a probe, except by the local socket: there the kernel vouches for the command, and no device is shown anyway.
const fn as_whom(target: &Target) -> As {
    match target.route() {
        Route::Unix(_) => As::Cli,
        Route::Direct | Route::Ssh(_) | Route::Forward(_) => As::Probe,
    }
}

/// What the questions are asked with.
pub(crate) fn connection(app: &App, way: Way, timeout: Duration) -> Result<Connect, Failure> {
    let want = Want { who: as_whom(&way.target), scopes: vec![Scope::Read], caps: Vec::new(), timeout };
    as_known(app, rpc::how(app, way, &want)?)
}

/// A probe shows no device, so that it leaves no trace. Where all there is to show is the token this device was given,
/// it is what commands show too. It asks for nothing that the token does not hold, since that would ask for a pairing.
fn as_known(app: &App, how: Connect) -> Result<Connect, Failure> {
    if matches!(how.target.route(), Route::Unix(_)) || !how.credentials.is_empty() {
        return Ok(how);
    }
    let identity = app.paths.device_identity();
    let (tokens, device) = (TokenStore::beside(&identity), Device::load(&identity)?);
    let Some(device) = device else { return Ok(how) };
    let Some(stored) = tokens.get(&how.target.origin(), device.id(), Role::Operator) else { return Ok(how) };
    let may_read = ScopeSet::new(stored.scopes.clone()).allows(Scope::Read);
    let scopes = if may_read { how.scopes } else { stored.scopes };
    Ok(Connect { device: Some(device), tokens: Some(tokens), scopes, ..how })
}

fn report(place: &Place, findings: &[Finding], stopped: Option<(Probe, &DialError)>) -> Value {
    let error = stopped.map(|(_, error)| error);
    let next: Vec<Step> = error.map(|error| error.next()).unwrap_or_default();
    json!({
        "ok": stopped.is_none(), "target": place.to_json(), "stoppedAt": stopped.map(|(probe, _)| probe.as_str()),
        "code": error.map(|error| error.code().0), "message": error.map(ToString::to_string),
        "next": next.iter().map(Step::text).collect::<Vec<_>>(), "probes": findings.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(finding: &Finding) -> Value {
    let ms = finding.took.map(|took| took.as_millis() as u64);
    json!({"name": finding.probe.as_str(), "state": finding.state.as_str(), "ms": ms, "said": finding.said})
}

/// One answer; the sentence of the step where it stops follows below, so here is only its code.
fn line(out: &Out, finding: &Finding) -> String {
    let name = finding.probe.as_str();
    let said = finding.error.as_ref().map_or_else(|| finding.said.clone(), |error| error.code().to_string());
    let said = clipped(&said);
    match finding.state {
        State::Ok => format!("{}  {name:<8} {said}", out.good("ok")),
        State::Failed => format!("{}  {name:<8} {said}", out.bad("no")),
        State::Skipped => out.dim(&format!("-   {name:<8} {said}")),
    }
}

fn clipped(said: &str) -> String {
    match said.chars().count() > SAID {
        true => said.chars().take(SAID - 1).chain(['…']).collect(),
        false => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_under_80_columns() {
        let said = "granted ".to_owned() + &"operator.read, ".repeat(20);
        let finding = Finding { probe: Probe::Upgrade, state: State::Ok, took: None, said, error: None };
        let shown = line(&Out::plain(), &finding);
        assert!(
            shown.chars().count() < 80 && shown.starts_with("ok  upgrade  granted") && shown.ends_with('…'),
            "{shown}"
        );
    }
}

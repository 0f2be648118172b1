//! `openclaw gateway probe`: every Gateway this machine could mean, each with what it said (PROBE-8…10).

use std::time::{Duration, Instant};

use base::Explain as _;
use link::{DialError, Source, Target};
use serde_json::{Value, json};
use wire::{Scope, ScopeSet};

use crate::app::App;
use crate::args::{Reach, Rpc};
use crate::exit::Failure;
use crate::out::table;
use crate::rpc::{self, As, Want};

/// The whole probe (PROBE-8).
const TIMEOUT: Duration = Duration::from_secs(3);
/// The Gateway of this host when another one is meant (PROBE-8).
const INACTIVE_TIMEOUT: Duration = Duration::from_millis(800);

/// Look at every Gateway this machine could mean
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Gateway of this host on this port
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    #[command(flatten)]
    rpc: Rpc,
}

/// One Gateway looked at.
pub(crate) struct Seen {
    pub(crate) target: Target,
    pub(crate) outcome: Result<Answer, DialError>,
}

/// What a Gateway said to a probe.
pub(crate) struct Answer {
    pub(super) latency: Duration,
    pub(super) role: String,
    pub(super) scopes: ScopeSet,
    pub(super) method: &'static str,
    pub(crate) version: String,
    pub(super) conn_id: String,
    pub(super) instance_id: Option<String>,
    pub(crate) health: Option<Value>,
}

impl Answer {
    /// The best word for what this caller may do (PROBE-9).
    pub(super) fn capability(&self) -> &'static str {
        let words = [(Scope::Admin, "admin_capable"), (Scope::Write, "write_capable"), (Scope::Read, "read_only")];
        let best = words.into_iter().find(|(scope, _)| self.scopes.allows(*scope));
        best.map_or("connected_no_operator_scope", |(_, word)| word)
    }
}

/// Connects on `way` as a probe, asks for `health`, and leaves.
pub(crate) async fn look(app: &App, way: crate::cred::Way, timeout: Duration) -> Result<Seen, Failure> {
    let want = Want { who: As::Probe, scopes: vec![Scope::Read], caps: Vec::new(), timeout };
    let target = way.target.clone();
    let how = rpc::how(app, way, &want)?;
    let budget = rpc::Budget::of(timeout);
    let (client, _events) = match link::connect(&how).await {
        Ok(connected) => connected,
        Err(error) => return Ok(Seen { target, outcome: Err(error) }),
    };
    let health = budget.within("health", client.request_raw("health", None)).await.ok();
    let hello = client.hello();
    let answer = Answer {
        latency: client.latency(),
        role: hello.auth.role.clone(),
        scopes: hello.auth.scopes.clone(),
        method: hello.auth.method.as_str(),
        version: hello.server.version.clone(),
        conn_id: hello.server.conn_id.clone(),
        instance_id: client.instance_id().map(str::to_owned),
        health,
    };
    client.close().await;
    Ok(Seen { target, outcome: Ok(answer) })
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let started = Instant::now();
    let timeout = args.rpc.timeout_or(TIMEOUT);
    let meant = rpc::way(app, &args.rpc.reach, args.port, true)?;
    let also_local = matches!(meant.target.source(), Source::ConfigRemote | Source::Env) && !meant.target.is_loopback();
    let local_port = app.config_port().unwrap_or_else(|| app.paths.profile.default_port());
    let seen = rpc::block_on(async {
        let mut seen = vec![look(app, meant, timeout).await?];
        if also_local {
            let local = rpc::way(app, &Reach::default(), Some(local_port), true)?;
            seen.push(look(app, local, INACTIVE_TIMEOUT.min(timeout)).await?);
        }
        Ok(seen)
    })?;
    let mut value = report(&seen, started.elapsed(), timeout);
    let scheme = if app.config().is_ok_and(|loaded| loaded.config.gateway.tls.enabled) { "wss" } else { "ws" };
    value["network"]["localLoopbackUrl"] = json!(format!("{scheme}://127.0.0.1:{local_port}"));
    app.out.either(&value, || text(&seen));
    verdict(&seen)
}

fn report(seen: &[Seen], took: Duration, timeout: Duration) -> Value {
    let reached = seen.iter().find_map(|one| one.outcome.as_ref().ok().map(|answer| (one, answer)));
    let mut warnings = Vec::new();
    for one in seen {
        if let Err(error @ DialError::Ssh(_)) = &one.outcome {
            let message = error.to_string();
            warnings.push(json!({"code": "ssh_tunnel_failed", "message": message, "targetIds": [kind(one)]}));
        }
    }
    if reached.is_none() {
        warnings.push(json!({"code": "no_gateway_reachable", "message": "no Gateway answered"}));
    }
    json!({
        "ok": reached.is_some(), "degraded": false,
        "capability": reached.map_or("unknown", |(_, answer)| answer.capability()),
        "ts": base::now_ms(), "durationMs": took.as_millis() as u64, "timeoutMs": timeout.as_millis() as u64,
        "primaryTargetId": reached.map(|(one, _)| kind(one)), "warnings": warnings,
        "network": {"localLoopbackUrl": null, "localTailnetUrl": null, "tailnetIPv4": null},
        "discovery": {"timeoutMs": 0, "count": 0, "beacons": []},
        "targets": seen.iter().map(row).collect::<Vec<_>>(),
    })
}

fn kind(one: &Seen) -> &'static str {
    match one.target.source() {
        Source::Flag | Source::Env => "explicit",
        Source::ConfigRemote => "configRemote",
        Source::SshConfig(_) | Source::SshFlag(_) => "sshTunnel",
        _ => "localLoopback",
    }
}

fn row(one: &Seen) -> Value {
    // No port of this machine and no process is part of it, so those two keys are always null.
    let tunnel = one.target.ssh().map(|route| {
        json!({"kind": "ssh", "target": route.target.to_string(), "localPort": null, "remotePort": one.target.port(),
            "pid": null})
    });
    let mut row = json!({"id": kind(one), "kind": kind(one), "url": link::shown(one.target.url()), "active": true,
        "tunnel": tunnel, "self": null, "config": null, "health": null, "summary": null, "presence": null});
    match &one.outcome {
        Ok(answer) => {
            row["connect"] = json!({"ok": true, "rpcOk": answer.health.is_some(),
                "scopeLimited": answer.scopes.is_empty(), "latencyMs": answer.latency.as_millis() as u64,
                "error": null, "close": null});
            row["auth"] = auth(answer);
            row["server"] = json!({"version": answer.version, "buildId": null, "connId": answer.conn_id});
            row["instanceId"] = json!(answer.instance_id);
            row["health"] = json!(answer.health);
        }
        Err(error) => {
            row["connect"] = json!({"ok": false, "rpcOk": false, "scopeLimited": false, "latencyMs": null,
                "error": error.to_string(), "close": null});
            row["auth"] = json!({"role": null, "scopes": [], "capability": "unknown"});
            row["server"] = Value::Null;
            let next: Vec<String> = error.next().iter().map(|step| step.text().to_owned()).collect();
            row["diagnosis"] = json!({"code": error.code().0, "message": error.to_string(), "next": next});
        }
    }
    row
}

/// `{role, scopes, capability}` as several reports show it.
pub(super) fn auth(answer: &Answer) -> Value {
    json!({"role": answer.role, "scopes": answer.scopes, "capability": answer.capability()})
}

fn text(seen: &[Seen]) -> String {
    let rows = seen.iter().map(|one| {
        let said = match &one.outcome {
            Ok(answer) => format!("reachable {}ms · {}", answer.latency.as_millis(), answer.capability()),
            Err(error) => format!("{error} [{}]", error.code()),
        };
        vec![kind(one).to_owned(), one.target.to_string(), said]
    });
    table::table(&["TARGET", "URL", "RESULT"], rows)
}

/// CLI-7: done when one is reachable; else refused when one answered so, else unreachable.
fn verdict(seen: &[Seen]) -> Result<(), Failure> {
    if seen.iter().any(|one| one.outcome.is_ok()) {
        return Ok(());
    }
    let errors = || seen.iter().filter_map(|one| one.outcome.as_ref().err());
    let worst = errors().find(|error| error.kind() == base::Kind::Refused).or_else(|| errors().next());
    worst.map_or(Ok(()), |error| Err(Failure::dial(error).quietly()))
}

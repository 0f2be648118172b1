//! What a probe tells: targets, warnings, capability (PROBE-9, PROBE-10, PROBE-11, PROBE-13).

use std::collections::BTreeSet;
use std::time::Duration;

use base::Explain as _;
use link::{DialError, Source};
use serde_json::{Value, json};

use super::Probed;
use super::look::{Answer, Seen, auth};
use crate::exit::Failure;
use crate::out::table;

/// The whole of `--json`, but for what only the caller knows.
pub(super) fn report(probed: &[Probed], told: &[String], took: Duration, timeout: Duration) -> Value {
    let first = probed.iter().find(|one| one.seen.outcome.is_ok());
    let mut warnings = warnings(probed);
    warnings.extend(told.iter().map(|message| json!({"code": "auth_secretref_unresolved", "message": message})));
    let degraded = ["probe_scope_limited", "probe_detail_failed"];
    let is_degraded = warnings.iter().any(|warning| degraded.iter().any(|code| warning["code"] == *code));
    json!({
        "ok": first.is_some(), "degraded": is_degraded,
        "capability": best(probed),
        "ts": base::now_ms(), "durationMs": took.as_millis() as u64, "timeoutMs": timeout.as_millis() as u64,
        "primaryTargetId": first.map(|one| kind(&one.seen)), "warnings": warnings,
        "network": {"localLoopbackUrl": null, "localTailnetUrl": null, "tailnetIPv4": null},
        "discovery": {"timeoutMs": 0, "count": 0, "beacons": []},
        "targets": probed.iter().map(row).collect::<Vec<_>>(),
    })
}

/// PROBE-10, PROBE-11.
fn warnings(probed: &[Probed]) -> Vec<Value> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, message: String, about: &[&Seen]| {
        let ids: Vec<&str> = about.iter().map(|seen| kind(seen)).collect();
        warnings.push(json!({"code": code, "message": message, "targetIds": ids}));
    };
    for Probed { seen, .. } in probed {
        match &seen.outcome {
            Err(error @ DialError::Ssh(_)) => warn("ssh_tunnel_failed", error.to_string(), &[seen]),
            Ok(answer) if !answer.may_read() => {
                let message = format!("{} let us in without the right to read", seen.target);
                warn("probe_scope_limited", message, &[seen]);
            }
            Ok(answer) if !answer.has_all() => {
                warn("probe_detail_failed", format!("{} did not answer everything in time", seen.target), &[seen]);
            }
            _ => {}
        }
    }
    let reached: Vec<(&Seen, &Answer)> =
        probed.iter().filter_map(|one| Some((&one.seen, one.seen.outcome.as_ref().ok()?))).collect();
    if reached.is_empty() {
        warn("no_gateway_reachable", "no Gateway answered".to_owned(), &[]);
    }
    let identities: BTreeSet<&str> = reached.iter().filter_map(|(_, answer)| answer.instance_id.as_deref()).collect();
    if identities.len() > 1 {
        let message = format!("{} different Gateways answered; commands go to the first", identities.len());
        let about: Vec<&Seen> = reached.iter().map(|(seen, _)| *seen).collect();
        warn("multiple_gateways", message, &about);
    }
    warnings
}

/// What a person is told besides the table, which says the rest.
pub(super) fn worth_telling(warning: &Value) -> Option<&str> {
    let is_told_already = ["ssh_tunnel_failed", "no_gateway_reachable"].iter().any(|code| warning["code"] == *code);
    warning["message"].as_str().filter(|_| !is_told_already)
}

/// The best word any target earned, in the order of PROBE-9.
fn best(probed: &[Probed]) -> &'static str {
    const WORDS: [&str; 6] =
        ["admin_capable", "write_capable", "read_only", "connected_no_operator_scope", "pairing_pending", "unknown"];
    let earned: Vec<&str> = probed.iter().map(|one| capability(&one.seen)).collect();
    WORDS.into_iter().find(|word| earned.contains(word)).unwrap_or("unknown")
}

fn capability(seen: &Seen) -> &'static str {
    match &seen.outcome {
        Ok(answer) => answer.capability(),
        Err(error) if error.code().0 == "PAIRING_REQUIRED" => "pairing_pending",
        Err(_) => "unknown",
    }
}

fn kind(one: &Seen) -> &'static str {
    match one.target.source() {
        Source::Flag | Source::Env => "explicit",
        Source::ConfigRemote => "configRemote",
        Source::SshConfig(_) | Source::SshFlag(_) => "sshTunnel",
        _ => "localLoopback",
    }
}

fn row(Probed { seen: one, is_active }: &Probed) -> Value {
    // No port of this machine and no process is part of it, so those two keys are always null.
    let tunnel = one.target.ssh().map(|route| {
        json!({"kind": "ssh", "target": route.target.to_string(), "localPort": null, "remotePort": one.target.port(),
            "pid": null})
    });
    let mut row = json!({"id": kind(one), "kind": kind(one), "url": link::shown(one.target.url()), "active": is_active,
        "tunnel": tunnel, "self": null, "config": null, "health": null, "summary": null, "presence": null});
    match &one.outcome {
        Ok(answer) => {
            row["connect"] = json!({"ok": true, "rpcOk": answer.has_all(),
                "scopeLimited": !answer.may_read(), "latencyMs": answer.latency.as_millis() as u64,
                "error": null, "close": null});
            row["auth"] = auth(answer);
            row["server"] = json!({"version": answer.version, "buildId": null, "connId": answer.conn_id});
            row["instanceId"] = json!(answer.instance_id);
            row["health"] = json!(answer.health);
            row["summary"] = json!(answer.details.status);
            row["presence"] = json!(answer.details.presence);
            row["config"] = answer.details.config.as_ref().map_or(Value::Null, about_config);
        }
        Err(error) => {
            row["connect"] = json!({"ok": false, "rpcOk": false, "scopeLimited": false, "latencyMs": null,
                "error": error.to_string(), "close": null});
            row["auth"] = json!({"role": null, "scopes": [], "capability": capability(one)});
            row["server"] = Value::Null;
            let next: Vec<String> = error.next().iter().map(|step| step.text().to_owned()).collect();
            row["diagnosis"] = json!({"code": error.code().0, "message": error.to_string(), "next": next});
        }
    }
    row
}

/// Whether the file is there and right; what is in it is `config get`'s to show.
fn about_config(config: &Value) -> Value {
    let keys = ["path", "exists", "valid", "issues"];
    keys.into_iter().map(|key| (key.to_owned(), config[key].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// One line a target.
pub(super) fn text(probed: &[Probed]) -> String {
    let rows = probed.iter().map(|Probed { seen: one, is_active }| {
        let said = match &one.outcome {
            Ok(answer) => format!("reachable {}ms · {}", answer.latency.as_millis(), answer.capability()),
            Err(error) => format!("{error} [{}]", error.code()),
        };
        let name = if *is_active { kind(one).to_owned() } else { format!("{} (inactive)", kind(one)) };
        vec![name, one.target.to_string(), said]
    });
    table::table(&["TARGET", "URL", "RESULT"], rows)
}

/// CLI-7: done when one is reachable; else refused when one answered so, else unreachable.
pub(super) fn verdict(probed: &[Probed]) -> Result<(), Failure> {
    if probed.iter().any(|one| one.seen.outcome.is_ok()) {
        return Ok(());
    }
    let errors = || probed.iter().filter_map(|one| one.seen.outcome.as_ref().err());
    let worst = errors().find(|error| error.kind() == base::Kind::Refused).or_else(|| errors().next());
    worst.map_or(Ok(()), |error| Err(Failure::dial(error).quietly()))
}

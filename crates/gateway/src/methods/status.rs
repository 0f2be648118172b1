//! `status` and `system.info`.

use serde_json::{Value, json};
use store::SessionFilter;
use wire::ErrorShape;
use wire::methods::status::StatusParams;

use crate::clock::heartbeat_of;
use crate::conn::limits::DRAIN;
use crate::lanes::LET_GO;
use crate::machine::{Load, disk};
use crate::rpc::{Cx, unavailable};

/// Sessions named in a status.
const RECENT: u64 = 10;

/// What the CLI shows as a page. Keys without a meaning here stay present and say so by being empty.
pub(super) async fn status(cx: Cx, params: StatusParams) -> Result<Value, ErrorShape> {
    let load = Load::read();
    let default_agent = cx.config.default_agent();
    let main = cx.agents.main_session(&default_agent);
    let waiting = cx.store.waiting_events(&main).await.map_err(unavailable)?;
    let waiting: Vec<String> = waiting.into_iter().map(|event| event.text).collect();
    let mut status = json!({
        "runtimeVersion": cx.run.version, "pid": std::process::id(),
        "hostDesktop": {"enabled": false, "state": "disabled"},
        "heartbeat": {"defaultAgentId": default_agent, "agents": cx.config.agents().iter()
            .map(|agent| {
                let mut beat = heartbeat_of(&cx.config.current(), agent);
                beat["agentId"] = json!(agent);
                beat
            })
            .collect::<Vec<_>>()},
        "channelSummary": cx.chats.lines(), "queuedSystemEvents": waiting, "degradedSecretOwners": [], "degradedPlugins": [],
        "tasks": {"total": 0, "active": 0, "terminal": 0, "failures": 0,
            "byStatus": {"queued": 0, "running": 0, "succeeded": 0, "failed": 0, "timed_out": 0, "cancelled": 0, "lost": 0},
            "byRuntime": {"subagent": 0, "acp": 0, "cli": 0, "cron": 0}},
        "taskAudit": {"total": 0, "warnings": 0, "errors": 0, "byCode": {"stale_queued": 0, "stale_running": 0, "lost": 0,
            "delivery_failed": 0, "missing_cleanup": 0, "inconsistent_timestamps": 0}},
        "sessions": sessions(&cx).await?,
        "modelRuntime": {"degraded": false, "pendingAgents": []}, "eventLoop": cx.health.event_loop(),
        "processMemory": memory(&load),
        "shutdownBudget": {"timeoutMs": (DRAIN + LET_GO).as_millis(), "reserveMs": LET_GO.as_millis(),
            "nativeStopBudget": false},
        "tailscale": cx.tailscale.report(), "connections": cx.hub.len(), "uptimeMs": cx.run.uptime_ms(),
    });
    if params.include_cli_projection.unwrap_or(false) {
        let rows: Vec<Value> = cx.config.agents().iter().map(|agent| json!({"id": agent})).collect();
        status["cliProjection"] = json!({
            "agents": {"defaultId": default_agent, "ownership": "sole", "selectionRequired": false, "rows": rows},
            "updateChannel": null,
        });
    }
    Ok(status)
}

/// What the machine is and how busy.
pub(super) async fn system_info(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    let (load, machine, state_dir) = (Load::read(), &cx.run.machine, &cx.config.paths().state_dir);
    let mut info = json!({
        "machineName": machine.hostname, "hostname": machine.hostname, "platform": machine.platform,
        "release": machine.release, "arch": machine.arch, "osLabel": format!("{} {}", machine.family, machine.release),
        "port": cx.run.port, "nodeVersion": format!("openclaw {}", cx.run.version), "pid": std::process::id(),
        "processInstanceId": cx.run.boot_id, "uptimeMs": cx.run.uptime_ms(), "cpuCount": machine.cpus,
        "loadAverage": load.averages, "memoryTotalBytes": load.memory_total, "memoryFreeBytes": load.memory_free,
        "eventLoop": cx.health.event_loop(), "processMemory": memory(&load),
        "defaultAgentUtilityModel": {"status": "unavailable"},
    });
    if let Some(model) = &machine.cpu_model {
        info["cpuModel"] = json!(model);
    }
    if let Some(address) = &machine.lan_address {
        info["lanAddress"] = json!(address);
    }
    if let Some((total, available)) = disk(state_dir) {
        info["diskTotalBytes"] = json!(total);
        info["diskAvailableBytes"] = json!(available);
        info["diskPath"] = json!(state_dir);
        info["disks"] = json!([{"path": state_dir, "totalBytes": total, "availableBytes": available}]);
    }
    Ok(info)
}

fn memory(load: &Load) -> Value {
    json!({"rssBytes": load.resident, "heapUsedBytes": load.resident, "heapTotalBytes": load.resident,
        "externalBytes": 0, "arrayBuffersBytes": 0})
}

async fn sessions(cx: &Cx) -> Result<Value, ErrorShape> {
    let path = cx.config.paths().database();
    let now = base::now_ms();
    let row = |session: &store::Session| {
        json!({"agentId": session.key.agent(), "key": session.key, "sessionId": session.session_id,
            "updatedAt": session.updated_at, "age": (now - session.updated_at).max(0), "model": session.model,
            "totalTokens": session.total_tokens, "contextTokens": session.context_tokens, "kind": "direct"})
    };
    let mut by_agent = Vec::new();
    for agent in cx.config.agents() {
        let filter = SessionFilter { agent: Some(agent.clone()), limit: Some(RECENT), ..SessionFilter::default() };
        let page = cx.store.sessions(&filter).await.map_err(unavailable)?;
        let recent: Vec<Value> = page.rows.iter().map(row).collect();
        by_agent.push(json!({"agentId": agent, "path": path, "count": page.total, "recent": recent}));
    }
    let filter = SessionFilter { limit: Some(RECENT), ..SessionFilter::default() };
    let page = cx.store.sessions(&filter).await.map_err(unavailable)?;
    let recent: Vec<Value> = page.rows.iter().map(row).collect();
    Ok(json!({
        "paths": [path], "count": page.total, "defaults": {"model": null, "contextTokens": null},
        "recent": recent, "byAgent": by_agent,
    }))
}

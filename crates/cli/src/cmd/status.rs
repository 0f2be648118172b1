//! `openclaw status`: how this machine and its Gateway stand (PROBE-3, PROBE-4). A report: it succeeds when the Gateway
//! is down, unless `--require` asks otherwise.

use std::time::Duration;

use link::DialError;
use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{self, Method as _};

use super::dashboard;
use super::gateway::exposure;
use super::gateway::report::View;
use super::node;
use crate::app::App;
use crate::args::Rpc;
use crate::cred::Way;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc::{self, As, Want};

/// Show how this machine and its Gateway stand
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ask the Gateway to look at everything now
    #[arg(long)]
    deep: bool,
    /// Everything, fit to paste into a question
    #[arg(long)]
    all: bool,
    /// Show what the models have cost in the last days
    #[arg(long)]
    usage: bool,
    /// Only the sessions of this agent
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Say more
    #[arg(long)]
    verbose: bool,
    /// Fail when the Gateway cannot be reached or does not let us in
    #[arg(long)]
    require: bool,
    #[command(flatten)]
    rpc: Rpc,
}

/// What the Gateway said, if it said anything.
#[derive(Default)]
struct Heard {
    status: Option<Value>,
    health: Option<Value>,
    presence: Option<Value>,
    usage: Option<Value>,
    latency: Option<Duration>,
    auth: Option<&'static str>,
    error: Option<Failure>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let way = rpc::way(app, &args.rpc.reach, None, true)?;
    let (url, source) = (link::shown(way.target.url()), way.target.source().to_string());
    let page = dashboard::from_here(app, &way.target);
    let page = page.unwrap_or_else(|| format!("first: {}", dashboard::way_to_page(&way.target)));
    let warnings = way.warnings.clone();
    let spinner = app.out.spinner("asking the Gateway");
    let heard = rpc::block_on(ask(app, args, way))?;
    drop(spinner);
    let service = View::of(app);
    let mut value = report(app, args, &heard, &url, &source, &warnings);
    value["gatewayService"] = service.short();
    app.out.either(&value, || text(app, args, &value, &heard, (&page, &service)));
    if !app.out.json {
        warnings.iter().for_each(|warning| app.out.warn(warning));
    }
    match heard.error {
        Some(failure) if args.require => Err(failure.quietly()),
        _ => Ok(()),
    }
}

async fn ask(app: &App, args: &Args, way: Way) -> Result<Heard, Failure> {
    let timeout = args.rpc.timeout_or(rpc::TIMEOUT);
    let want = Want { who: As::Cli, scopes: vec![Scope::Read], caps: Vec::new(), timeout };
    let budget = rpc::Budget::of(timeout);
    let place = rpc::place(app, &way);
    let how = rpc::how(app, way, &want)?;
    let (client, _events) = match link::connect(&how).await {
        Ok(connected) => connected,
        Err(error @ DialError::Identity(_)) => return Err(error.into()),
        Err(error) => return Ok(Heard { error: Some(Failure::dial(&error).at(&place)), ..Heard::default() }),
    };
    let mut heard = Heard { latency: Some(client.latency()), ..Heard::default() };
    heard.auth = Some(client.hello().auth.method.as_str());
    let params = json!({"includeChannelSummary": args.deep});
    match budget.within("status", client.request_raw("status", Some(params))).await {
        Ok(status) => heard.status = Some(status),
        Err(error) => heard.error = Some(Failure::call(&error).at(&place)),
    }
    if args.deep || args.all {
        let probe = args.deep.then(|| json!({"probe": true}));
        heard.health = budget.within("health", client.request_raw("health", probe)).await.ok();
    }
    if args.all {
        heard.presence = budget.within("system-presence", client.request_raw("system-presence", None)).await.ok();
    }
    if args.usage {
        let (usage, params) = (methods::usage::Cost::NAME, args.agent.as_ref().map(|agent| json!({"agentId": agent})));
        heard.usage = budget.within(usage, client.request_raw(usage, params)).await.ok();
    }
    client.close().await;
    Ok(heard)
}

fn report(app: &App, args: &Args, heard: &Heard, url: &str, source: &str, warnings: &[String]) -> Value {
    let loaded = app.config().ok();
    let agents: Vec<Value> = loaded
        .iter()
        .flat_map(|loaded| &loaded.config.agents.entries)
        .map(|entry| json!({"id": entry.id, "name": entry.name}))
        .collect();
    let mut value = json!({
        "runtimeVersion": env!("CARGO_PKG_VERSION"), "heartbeat": null, "channelSummary": [],
        "queuedSystemEvents": [], "degradedSecretOwners": [], "degradedPlugins": [], "tasks": null, "taskAudit": null,
        "sessions": {"paths": [], "count": 0, "defaults": {}, "recent": [], "byAgent": []},
        "os": {"platform": std::env::consts::OS, "arch": std::env::consts::ARCH},
        "update": null, "updateChannel": "stable", "updateChannelSource": "default", "memory": null,
        "memoryPlugin": null, "pid": null, "nodeService": node::service_seen(app),
        "agents": {"defaultId": "main", "agents": agents}, "secretDiagnostics": warnings,
        "collection": {"source": "local", "notCollected": ["update", "memory"]},
        "modelRuntime": null, "eventLoop": null, "processMemory": null, "workerPools": null, "shutdownBudget": null,
        "hostDesktop": null, "tailscale": null,
    });
    if let (Some(into), Some(Value::Object(from))) = (value.as_object_mut(), &heard.status) {
        into.extend(from.clone());
        into.insert("collection".into(), json!({"source": "gateway", "notCollected": ["update", "memory"]}));
    }
    if let Some(agent) = &args.agent {
        only(&mut value, agent);
    }
    let mode = loaded.and_then(|loaded| loaded.config.gateway.mode);
    let mode = if mode == Some(config::Mode::Remote) { "remote" } else { "local" };
    value["gateway"] = json!({"mode": mode, "url": url, "urlSource": source, "misconfigured": !warnings.is_empty(),
        "reachable": heard.latency.is_some(), "connectLatencyMs": heard.latency.map(|l| l.as_millis() as u64),
        "self": null, "error": heard.error.as_ref().map(|failure| failure.message.clone()), "authMethod": heard.auth});
    if args.deep {
        value["health"] = json!(heard.health);
        value["securityAudit"] = json!(super::security::report(app));
    }
    if args.all {
        value["presence"] = json!(heard.presence);
    }
    if args.usage {
        value["usage"] = json!(heard.usage);
    }
    value
}

/// Leaves what is not of `agent` out.
fn only(value: &mut Value, agent: &str) {
    let is_its = |row: &Value| row["agentId"].as_str().or(row["id"].as_str()) == Some(agent);
    for pointer in ["/sessions/byAgent", "/agents/agents"] {
        if let Some(Value::Array(rows)) = value.pointer_mut(pointer) {
            rows.retain(is_its);
        }
    }
    let its = value["sessions"]["byAgent"][0].clone();
    value["sessions"]["count"] = json!(its["count"].as_u64().unwrap_or(0));
    value["sessions"]["recent"] = if its["recent"].is_array() { its["recent"].clone() } else { json!([]) };
}

fn text(app: &App, args: &Args, value: &Value, heard: &Heard, (page, service): (&str, &View)) -> String {
    let gateway = &value["gateway"];
    let shown = |key: &str| gateway[key].as_str().unwrap_or("-").to_owned();
    let reach = match (heard.latency, heard.auth) {
        (Some(latency), Some(auth)) => {
            app.out.good(&format!("reachable {}ms", latency.as_millis())) + &format!(" · auth {auth}")
        }
        _ => app.out.bad("unreachable"),
    };
    let os = format!("{} ({})", std::env::consts::OS, std::env::consts::ARCH);
    let mut rows = vec![
        ("OS", os),
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("Dashboard", page.to_owned()),
        ("Gateway", format!("{} · {} ({}) · {reach}", shown("mode"), shown("url"), shown("urlSource"))),
        ("Gateway service", service.brief()),
        ("Agents", agents(value)),
        ("Sessions", format!("{}", value["sessions"]["count"].as_u64().unwrap_or(0))),
        ("Config", app.config_file().display().to_string()),
    ];
    let chats: Vec<_> = value["channelSummary"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !chats.is_empty() {
        rows.insert(6, ("Channels", chats.join("; ")));
    }
    if value["nodeService"]["installed"] == true {
        rows.insert(3, ("Node service", value["nodeService"]["text"].as_str().unwrap_or_default().to_owned()));
    }
    if let Some(line) = exposure::line(&value["tailscale"]) {
        rows.insert(3, ("Tailscale", line));
    }
    if args.all || args.verbose {
        rows.push(("State", app.paths.state_dir.display().to_string()));
        rows.push(("Logs", app.paths.logs().display().to_string()));
    }
    if let Some(usage) = &heard.usage {
        let (tokens, cost) = (&usage["totals"]["totalTokens"], &usage["totals"]["totalCost"]);
        let cost = cost.as_f64().map(|cost| format!(", {cost:.2} USD")).unwrap_or_default();
        rows.push(("Usage", format!("{} tokens{cost}", tokens.as_u64().unwrap_or(0))));
    }
    let mut text =
        format!("{}\n\n{}\n{}\n", app.out.bold("OpenClaw status"), app.out.bold("Overview"), table::pairs(rows));
    let recent = value["sessions"]["recent"].as_array().map_or(&[][..], Vec::as_slice);
    text += &format!("\n{}\n", app.out.bold("Sessions"));
    if recent.is_empty() {
        text += "No sessions\n";
    } else {
        let rows = recent.iter().take(10).map(|row| {
            let age = row["updatedAt"].as_i64().map(|at| table::age(at, base::now_ms())).unwrap_or_default();
            vec![row["key"].as_str().unwrap_or("-").to_owned(), age, row["model"].as_str().unwrap_or("-").to_owned()]
        });
        text += &format!("{}\n", table::table(&["KEY", "AGE", "MODEL"], rows));
    }
    text += &format!("\n{}\n", app.out.bold("Next steps"));
    match &heard.error {
        Some(failure) => {
            text += &format!("{} [{}]\n", failure.message, failure.code);
            text.extend(failure.next.first().map(|step| format!("{}\n", step.text())));
        }
        None => text += &format!("{}\n", exposure::next(&value["tailscale"]).unwrap_or("openclaw chat")),
    }
    text
}

fn agents(value: &Value) -> String {
    let default = value["agents"]["defaultId"].as_str().unwrap_or("main");
    let count = value["agents"]["agents"].as_array().map_or(0, Vec::len).max(1);
    format!("{count} · default {default}")
}

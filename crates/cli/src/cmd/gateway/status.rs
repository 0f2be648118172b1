//! `openclaw gateway status`: the service, the config and a connect-only probe (PROBE-6, PROBE-7). It never makes a
//! device identity or a pairing record.

use std::time::Duration;

use base::Explain as _;
use config::{StartOverrides, effective_bind};
use link::Source;
use serde_json::{Value, json};

use super::exposure;
use super::probe::{self, Seen};
use super::report::{self, View};
use crate::app::App;
use crate::args::Rpc;
use crate::cmd::dashboard;
use crate::exit::Failure;
use crate::rpc;

/// Show the service, the config and whether the Gateway answers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Look closer: who listens on the port of this host, and what the Gateway says of its health
    #[arg(long, conflicts_with = "no_probe")]
    deep: bool,
    /// Do not connect
    #[arg(long)]
    no_probe: bool,
    /// Fail when the Gateway does not answer
    #[arg(long, conflicts_with = "no_probe")]
    require_rpc: bool,
    /// Gateway of this host on this port
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    #[command(flatten)]
    rpc: Rpc,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let way = rpc::way(app, &args.rpc.reach, args.port, true)?;
    let warnings = way.warnings.clone();
    let url = way.target.to_string();
    let source = way.target.source().to_string();
    let is_remote = !way.target.source().is_this_host() && !matches!(way.target.source(), Source::MissingRemoteUrl);
    let target_is_here = way.target.is_loopback() && way.target.ssh().is_none();
    let (page, way_to_page) = (dashboard::from_here(app, &way.target), dashboard::way_to_page(&way.target));
    let (host, port) = (way.target.host().to_owned(), way.target.port());
    let timeout = args.rpc.timeout_or(Duration::from_secs(10));
    let seen = match args.no_probe {
        true => None,
        false => Some(rpc::block_on(probe::look(app, way, timeout))?),
    };
    let overrides = StartOverrides { in_container: config::in_container(&app.env), ..StartOverrides::default() };
    let bind = app.config().map_or("loopback", |loaded| effective_bind(&loaded.config, &overrides).as_str());
    // What this machine would bind says nothing of another one.
    let bind = (!is_remote).then_some(bind);
    let listeners = if args.deep && target_is_here {
        gateway::occupants(port).iter().map(ToString::to_string).collect()
    } else {
        Vec::new()
    };
    let set = app.env.get("GATEWAY_PORT").is_some() || app.config_port().is_some();
    let port_source = if set { "env/config" } else { "default" };
    let service = View::of(app);
    let port_source = match service.port() {
        _ if is_remote => "remote",
        Some(of_service) if of_service == port => "service args",
        _ => port_source,
    };
    let facts =
        Facts { url, host, port, bind, port_source, source, page, way_to_page, listeners, deep: args.deep, service };
    let value = report(app, seen.as_ref(), &facts);
    app.out.either(&value, || text(app, &value, seen.as_ref(), &facts));
    warnings.iter().for_each(|warning| app.out.warn(warning));
    match seen {
        Some(Seen { outcome: Err(error), .. }) if args.require_rpc => Err(Failure::dial(&error).quietly()),
        _ => Ok(()),
    }
}

struct Facts {
    url: String,
    host: String,
    port: u16,
    /// Of this machine; none when the Gateway is another's.
    bind: Option<&'static str>,
    port_source: &'static str,
    /// Who named the Gateway.
    source: String,
    /// Where a browser here finds the page, and what makes a place.
    page: Option<String>,
    way_to_page: String,
    /// Who listens on the port, as far as this user can see.
    listeners: Vec<String>,
    /// Whether to say what the Gateway said of its health.
    deep: bool,
    service: View,
}

fn report(app: &App, seen: Option<&Seen>, facts: &Facts) -> Value {
    let valid = app.config();
    let issues: Vec<String> = valid.as_ref().err().map(|failure| failure.message.clone()).into_iter().collect();
    let config = json!({"path": app.config_file(), "exists": app.config_file().exists(), "valid": valid.is_ok(),
        "issues": issues});
    let read_by = facts.service.config_file();
    let mismatch = read_by.as_ref().is_some_and(|path| path != app.config_file());
    let daemon = read_by.map(|path| json!({"path": path, "exists": path.exists()}));
    let listening = match seen.map(|seen| &seen.outcome) {
        None => "unknown",
        Some(Err(link::DialError::Refused { .. })) => "free",
        Some(_) => "busy",
    };
    let version = seen.and_then(|seen| seen.outcome.as_ref().ok()).map(|answer| answer.version.as_str());
    let mut value = json!({
        "cli": {"version": env!("CARGO_PKG_VERSION"), "path": std::env::current_exe().ok()},
        "logFile": base::log::file_of_today(&app.paths.logs()),
        "service": facts.service.json(app, facts.port),
        "config": {"cli": config, "daemon": daemon, "mismatch": mismatch},
        "gateway": {"bindMode": facts.bind, "bindHost": facts.host, "port": facts.port,
            "portSource": facts.port_source, "probeUrl": facts.url,
            "controlUiLinks": {"httpUrl": facts.page, "wsUrl": facts.url},
            "probeNote": null, "version": version},
        "hostDesktop": null,
        "tailscale": seen.and_then(|seen| seen.outcome.as_ref().ok())
            .and_then(|answer| answer.health.as_ref()).map(|health| health["tailscale"].clone()),
        "port": {"port": facts.port, "status": listening, "listeners": facts.listeners, "hints": []},
        "rpc": rpc_part(seen, &facts.url),
        "extraServices": if facts.deep { report::others(app) } else { Vec::new() }, "pluginVersionDrift": null,
    });
    if facts.deep {
        value["health"] =
            json!(seen.and_then(|seen| seen.outcome.as_ref().ok()).and_then(|answer| answer.health.clone()));
    }
    value
}

fn rpc_part(seen: Option<&Seen>, url: &str) -> Value {
    match seen.map(|seen| &seen.outcome) {
        None => Value::Null,
        Some(Ok(answer)) => json!({"ok": true, "kind": "connect", "capability": answer.capability(),
            "auth": probe::auth(answer), "version": answer.version, "url": url,
            "server": {"version": answer.version, "buildId": null, "connId": answer.conn_id}}),
        Some(Err(error)) => json!({"ok": false, "kind": "connect", "capability": "unknown",
            "auth": {"role": null, "scopes": [], "capability": "unknown"}, "server": null, "version": null,
            "url": url, "error": error.to_string(), "code": error.code().0,
            "next": error.next().iter().map(|step| step.text().to_owned()).collect::<Vec<_>>()}),
    }
}

fn text(app: &App, value: &Value, seen: Option<&Seen>, facts: &Facts) -> String {
    let config = &value["config"]["cli"];
    let state = match (config["exists"] == true, config["valid"] == true) {
        (false, _) => " (missing)",
        (true, false) => " (invalid)",
        (true, true) => "",
    };
    let gateway = &value["gateway"];
    let shown = |key: &str| gateway[key].as_str().unwrap_or("-");
    let about = match facts.bind {
        Some(bind) => format!("bind={bind} ({}), port={} ({})", facts.host, facts.port, facts.port_source),
        None => format!("remote · {} ({})", facts.url, facts.source),
    };
    let page = facts.page.clone().unwrap_or_else(|| format!("first: {}", facts.way_to_page));
    let mut rows = vec![
        ("Service:", facts.service.text()),
        ("File logs:", base::log::file_of_today(&app.paths.logs()).display().to_string()),
    ];
    rows.extend(facts.service.rows());
    rows.push(("Config (cli):", format!("{}{state}", app.config_file().display())));
    rows.extend(facts.service.config_file().map(|path| {
        let state = if path.exists() { "" } else { " (missing)" };
        ("Config (service):", format!("{}{state}", path.display()))
    }));
    rows.extend([("Gateway:", about), ("Probe target:", shown("probeUrl").to_owned()), ("Dashboard:", page)]);
    let drift = if facts.bind.is_some() { facts.service.drift(app, facts.port) } else { Vec::new() };
    rows.extend(drift.iter().map(|(code, message)| ("Service drift:", format!("{message} [{code}]"))));
    rows.extend((!drift.is_empty()).then(|| ("Next:", "openclaw gateway install --force".to_owned())));
    let others = value["extraServices"].as_array().map_or(&[][..], Vec::as_slice);
    rows.extend(others.iter().map(|other| ("Other service:", other["detail"].as_str().unwrap_or("-").to_owned())));
    let listeners = value["port"]["listeners"].as_array().into_iter().flatten().filter_map(Value::as_str);
    rows.extend(listeners.map(|listener| ("Listening:", listener.to_owned())));
    if let Some(health) = value["health"].as_object() {
        let sessions = health.get("sessions").and_then(|sessions| sessions["count"].as_u64()).unwrap_or(0);
        let agents = health.get("agents").and_then(Value::as_array).map_or(0, Vec::len);
        let state = if health.get("ok") == Some(&json!(true)) { "ok" } else { "not ok" };
        rows.push(("Health:", format!("{state} · {agents} agents · {sessions} sessions")));
    }
    match seen.map(|seen| &seen.outcome) {
        None => {}
        Some(Ok(answer)) => {
            rows.push(("Version:", answer.version.clone()));
            rows.push(("Connectivity probe:", app.out.good(&format!("ok ({}ms)", answer.latency.as_millis()))));
            rows.push(("RPC probe:", if answer.health.is_some() { "ok".into() } else { "limited".into() }));
            let tailscale = answer.health.as_ref().map(|health| &health["tailscale"]);
            rows.extend(tailscale.and_then(exposure::line).map(|line| ("Tailscale:", line)));
            let next = tailscale.and_then(exposure::next);
            rows.extend(next.map(|next| ("Next:", next.to_owned())));
            rows.push(("Capability:", format!("{} · auth {}", answer.capability(), answer.method)));
        }
        Some(Err(error)) => {
            rows.push(("Connectivity probe:", app.out.bad(&format!("failed: {error} [{}]", error.code()))));
            rows.extend(error.next().into_iter().take(1).map(|step| ("Next:", step.text().to_owned())));
        }
    }
    // `Connectivity probe: ok` is a text others search for, so nothing is padded.
    rows.iter().map(|(label, value)| format!("{label} {value}")).collect::<Vec<_>>().join("\n")
}

//! `openclaw tunnel status` and `list`: what keepers have written down (SSH-13).

use serde_json::{Value, json};

use super::place::those_to;
use crate::app::App;
use crate::exit::Failure;
use crate::out::table;
use crate::tunnel::{Record, Records};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tunnels to this host
    target: Option<String>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let tunnels = those_to(Records::of(&app.paths)?.live(), args.target.as_deref())?;
    show(app, &tunnels, |tunnels| tunnels.iter().map(whole).collect::<Vec<_>>().join("\n\n"));
    Ok(())
}

pub(super) fn list(app: &App) -> Result<(), Failure> {
    let tunnels = Records::of(&app.paths)?.live();
    show(app, &tunnels, |tunnels| {
        let rows = tunnels.iter().map(|record| {
            let up = table::age(record.since_ms, base::now_ms());
            let cells = [place(record), record.target.clone(), record.remote_port.to_string()];
            cells.into_iter().chain([record.pid.to_string(), up])
        });
        table::table(&["PORT", "TARGET", "REMOTE PORT", "PID", "UP"], rows)
    });
    Ok(())
}

fn show(app: &App, tunnels: &[Record], text: impl Fn(&[Record]) -> String) {
    let value = json!({"tunnels": tunnels.iter().map(json_of).collect::<Vec<_>>()});
    app.out.either(&value, || if tunnels.is_empty() { "No tunnel is up.".into() } else { text(tunnels) });
}

/// A record for programs, with what they would otherwise work out.
pub(super) fn json_of(record: &Record) -> Value {
    let mut value = json!(record);
    value["url"] = json!(record.near().url());
    value["uptimeMs"] = json!((base::now_ms() - record.since_ms).max(0));
    value
}

/// A port, which is short, or the socket.
fn place(record: &Record) -> String {
    record.local_port.map_or_else(|| record.near().to_string(), |port| port.to_string())
}

fn whole(record: &Record) -> String {
    let mut rows = vec![
        ("Here:", record.near().to_string()),
        ("Leads to:", format!("port {} of {}", record.remote_port, record.target)),
        ("Up for:", table::age(record.since_ms, base::now_ms())),
        ("Keeper:", format!("pid {}{}", record.pid, if record.service { ", kept by a service" } else { "" })),
        ("Connections:", format!("{} now, {} in all", record.open, record.connections)),
        ("Bytes:", format!("{} sent, {} received", record.bytes_sent, record.bytes_received)),
    ];
    if let Some(error) = &record.last_error {
        let ago = table::age(record.last_error_at_ms.unwrap_or_default(), base::now_ms());
        rows.push(("Failures:", format!("{}, the last {ago} ago: {error}", record.failures)));
    }
    table::pairs(rows)
}

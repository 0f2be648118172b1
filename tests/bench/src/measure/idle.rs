//! What one idle connection costs in memory, at 5 000 of them.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::client;
use crate::process::Server;
use crate::report::Report;

const CONNECTIONS: usize = 5_000;

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    let mut server = Server::gateway(binary, &json!({}))?;
    server.accepting().await?;
    let first = client::connect(server.port, None).await?;
    let before = server.rss_kib()?;
    let mut sockets = vec![first];
    for _ in 0..CONNECTIONS {
        sockets.push(client::connect(server.port, None).await?);
    }
    let each = (server.rss_kib()? - before) as f64 / CONNECTIONS as f64;
    report.add(format!("memory per idle connection, at {CONNECTIONS}"), "KiB", Some(16.0), vec![each]);
    server.stop().await
}

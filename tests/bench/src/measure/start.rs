//! Start to first `hello-ok`, idle memory, and what one CLI command costs.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::client;
use crate::process::{Server, command};
use crate::report::Report;

pub(crate) async fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let (mut hello, mut rss, mut health, mut version) = (vec![], vec![], vec![], vec![]);
    for _ in 0..runs {
        let mut server = Server::gateway(binary, &json!({}))?;
        server.accepting().await?;
        let socket = client::connect(server.port, None).await?;
        hello.push(server.started.elapsed().as_secs_f64() * 1e3);
        drop(socket);
        // Whatever starts late has started after one settled second.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        rss.push(server.rss_kib()? as f64 / 1024.0);
        health.push(wall(binary, &server, &["health", "--json"]).await?);
        version.push(wall(binary, &server, &["--version"]).await?);
        server.stop().await?;
    }
    report.add("start to first hello-ok", "ms", Some(40.0), hello);
    report.add("idle resident memory", "MiB", Some(20.0), rss);
    report.add("`openclaw health` wall time", "ms", Some(15.0), health);
    report.add("`openclaw --version` wall time", "ms", Some(10.0), version);
    let size = std::fs::metadata(binary)?.len() as f64 / 1e6;
    report.add("binary size", "MB", Some(30.0), vec![size]);
    Ok(())
}

async fn wall(binary: &Path, server: &Server, args: &[&str]) -> Result<f64> {
    let started = Instant::now();
    let status = command(binary, server.folder.path()).args(args).status().await?;
    ensure!(status.success(), "openclaw {args:?} exited with {status}");
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

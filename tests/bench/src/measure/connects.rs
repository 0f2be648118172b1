//! Signed connects: how many a second, and their CPU beside opening a bare WebSocket and echoing the same bytes once.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use ed25519_dalek::SigningKey;
use futures_util::SinkExt as _;
use serde_json::json;
use tokio_websockets::Message;

use crate::client;
use crate::process::Server;
use crate::report::Report;

const CONNECTS: usize = 3_000;
/// About the size of a signed `connect` request.
pub(super) const CONNECT_BYTES: usize = 700;

pub(crate) async fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let (mut rate, mut cost, mut ratio) = (vec![], vec![], vec![]);
    let key = client::device_key()?;
    for _ in 0..runs {
        let mut server = Server::gateway(binary, &json!({}))?;
        server.accepting().await?;
        drop(client::connect(server.port, Some(&key)).await?);
        let (before, started) = (server.cpu()?, Instant::now());
        for _ in 0..CONNECTS {
            drop(client::connect(server.port, Some(&key)).await?);
        }
        rate.push(CONNECTS as f64 / started.elapsed().as_secs_f64());
        let ours = (server.cpu()? - before).as_secs_f64() * 1e6 / CONNECTS as f64;
        server.stop().await?;
        cost.push(ours);
        ratio.push(ours / floor().await?);
    }
    report.add("signed connects", "1/s", None, rate);
    report.add("signed connect, CPU", "µs", None, cost);
    report.add("signed connect, CPU beside echo", "×", Some(1.5), ratio);
    report.add("a device's proof alone, CPU", "µs", None, (0..runs).map(|_| proof(&key)).collect::<Result<_>>()?);
    Ok(())
}

/// What checking the signature costs by itself, in this process: no server that proves devices can be cheaper.
fn proof(key: &SigningKey) -> Result<f64> {
    let params = client::params(Some((key, "nonce", 0)))?;
    let proof = params.device.as_ref().context("signed")?;
    let cpu = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let before = cpu();
    for _ in 0..CONNECTS {
        wire::device_auth::verify(&params, proof, "nonce", 0)?;
    }
    let after = cpu();
    let spent = (after.tv_sec - before.tv_sec) as f64 * 1e6 + (after.tv_nsec - before.tv_nsec) as f64 / 1e3;
    Ok(spent / CONNECTS as f64)
}

async fn floor() -> Result<f64> {
    let mut echo = Server::echo(false).await?;
    echo.accepting().await?;
    let before = echo.cpu()?;
    for _ in 0..CONNECTS {
        let mut socket = client::open(echo.port).await?;
        socket.send(Message::text("x".repeat(CONNECT_BYTES))).await?;
        client::next_text(&mut socket).await?;
    }
    let cost = (echo.cpu()? - before).as_secs_f64() * 1e6 / CONNECTS as f64;
    echo.stop().await?;
    Ok(cost)
}

//! The `health` RPC at 1, 16 and 128 connections: latency, throughput, and CPU beside an echo of the same frames.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_websockets::Message;

use crate::client::{self, Socket};
use crate::process::Server;
use crate::report::Report;

const CALLS: usize = 8_000;
const REQUEST: &str = r#"{"type":"req","id":"1","method":"health"}"#;

pub(crate) async fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    for connections in [1, 16, 128] {
        let (mut p50, mut p99, mut rate, mut cost, mut ratio) = (vec![], vec![], vec![], vec![], vec![]);
        for _ in 0..runs {
            let ours = gateway(binary, connections).await?;
            let floor = echo(connections, ours.answer_bytes).await?;
            p50.push(ours.percentile(0.50));
            p99.push(ours.percentile(0.99));
            rate.push(ours.rate);
            cost.push(ours.cpu_us);
            ratio.push(ours.cpu_us / floor.cpu_us);
        }
        let name = format!("health RPC, {connections} connections");
        report.add(format!("{name}: p50"), "µs", None, p50);
        report.add(format!("{name}: p99"), "µs", None, p99);
        report.add(format!("{name}: throughput"), "1/s", None, rate);
        report.add(format!("{name}: CPU"), "µs", None, cost);
        report.add(format!("{name}: CPU beside echo"), "×", Some(2.0), ratio);
    }
    Ok(())
}

struct Outcome {
    latencies: Vec<Duration>,
    rate: f64,
    cpu_us: f64,
    answer_bytes: usize,
}

impl Outcome {
    fn percentile(&self, at: f64) -> f64 {
        let index = ((self.latencies.len() - 1) as f64 * at) as usize;
        self.latencies[index].as_secs_f64() * 1e6
    }
}

async fn gateway(binary: &Path, connections: usize) -> Result<Outcome> {
    let mut server = Server::gateway(binary, &json!({}))?;
    server.accepting().await?;
    let sockets = try_join_all((0..connections).map(|_| client::connect(server.port, None))).await?;
    let outcome = drive(&server, sockets, REQUEST, r#"{"type":"res""#).await?;
    server.stop().await?;
    Ok(outcome)
}

/// The floor echoes frames of half the sum of request and answer, so that both servers move the same number of bytes
/// in the same number of frames.
async fn echo(connections: usize, answer_bytes: usize) -> Result<Outcome> {
    let mut server = Server::echo(false).await?;
    server.accepting().await?;
    let sockets = try_join_all((0..connections).map(|_| client::open(server.port))).await?;
    let frame = "x".repeat((answer_bytes + REQUEST.len()) / 2);
    let outcome = drive(&server, sockets, &frame, "").await?;
    server.stop().await?;
    Ok(outcome)
}

async fn drive(server: &Server, sockets: Vec<Socket>, request: &str, answer_starts: &str) -> Result<Outcome> {
    let each = CALLS / sockets.len();
    let (before, started) = (server.cpu()?, Instant::now());
    let tasks = sockets.into_iter().map(|socket| caller(socket, request.to_owned(), answer_starts.to_owned(), each));
    let results = try_join_all(tasks).await?;
    let calls = each * results.len();
    let rate = calls as f64 / started.elapsed().as_secs_f64();
    let cpu_us = (server.cpu()? - before).as_secs_f64() * 1e6 / calls as f64;
    let answer_bytes = results[0].1;
    let mut latencies: Vec<Duration> = results.into_iter().flat_map(|(latencies, _)| latencies).collect();
    latencies.sort_unstable();
    Ok(Outcome { latencies, rate, cpu_us, answer_bytes })
}

async fn caller(mut socket: Socket, request: String, starts: String, calls: usize) -> Result<(Vec<Duration>, usize)> {
    let mut latencies = Vec::with_capacity(calls);
    let mut answer_bytes = 0;
    for _ in 0..calls {
        let started = Instant::now();
        socket.send(Message::text(request.clone())).await?;
        loop {
            let message = socket.next().await.ok_or_else(|| anyhow::anyhow!("closed"))??;
            if let Some(text) = message.as_text()
                && text.starts_with(&starts)
            {
                answer_bytes = text.len();
                break;
            }
        }
        latencies.push(started.elapsed());
    }
    Ok((latencies, answer_bytes))
}

//! One event to 10, 100 and 1000 readers: CPU per delivery beside echoing the same frame.

use std::path::Path;

use anyhow::Result;
use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_websockets::Message;

use crate::client::{self, Socket};
use crate::process::Server;
use crate::report::Report;

/// Deliveries per measurement, whatever the number of readers.
const DELIVERIES: usize = 20_000;

pub(crate) async fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    for readers in [10, 100, 1000] {
        let (mut cost, mut ratio) = (vec![], vec![]);
        for _ in 0..runs {
            let (ours, bytes) = gateway(binary, readers).await?;
            cost.push(ours);
            ratio.push(ours / echo(readers, bytes).await?);
        }
        report.add(format!("fan-out to {readers}: CPU per delivery"), "µs", None, cost);
        report.add(format!("fan-out to {readers}: CPU beside echo"), "×", Some(1.5), ratio);
    }
    Ok(())
}

/// `chat.inject` makes one `chat` event for every reader; the injecting connection is not one of those counted.
async fn gateway(binary: &Path, readers: usize) -> Result<(f64, usize)> {
    let mut server = Server::gateway(binary, &json!({}))?;
    server.accepting().await?;
    let mut writer = client::connect(server.port, None).await?;
    let mut sockets = Vec::with_capacity(readers);
    for _ in 0..readers {
        sockets.push(client::connect(server.port, None).await?);
    }
    let events = DELIVERIES / readers;
    let note = json!({"sessionKey": "main", "message": "a note of ordinary length, as an assistant would leave it"});
    // What the injections cost by themselves, with nobody reading, is not part of a delivery.
    let alone = inject_alone(binary, &note, events).await?;
    let before = server.cpu()?;
    let reading = try_join_all(sockets.into_iter().map(|socket| read_events(socket, events)));
    let writing = async {
        for at in 0..events {
            client::call(&mut writer, &format!("n{at}"), "chat.inject", &note).await?;
        }
        anyhow::Ok(())
    };
    let (bytes, ()) = tokio::try_join!(reading, writing)?;
    let spent = (server.cpu()? - before).as_secs_f64() * 1e6 - alone;
    server.stop().await?;
    Ok((spent.max(0.0) / (events * readers) as f64, bytes[0]))
}

async fn inject_alone(binary: &Path, note: &serde_json::Value, events: usize) -> Result<f64> {
    let mut server = Server::gateway(binary, &json!({}))?;
    server.accepting().await?;
    let mut writer = client::connect(server.port, None).await?;
    let before = server.cpu()?;
    for at in 0..events {
        client::call(&mut writer, &format!("n{at}"), "chat.inject", note).await?;
    }
    let spent = (server.cpu()? - before).as_secs_f64() * 1e6;
    server.stop().await?;
    Ok(spent)
}

async fn read_events(mut socket: Socket, events: usize) -> Result<usize> {
    let mut bytes = 0;
    let mut seen = 0;
    while seen < events {
        let text = client::next_text(&mut socket).await?;
        if text.starts_with(r#"{"type":"event","event":"chat""#) {
            bytes = text.len();
            seen += 1;
        }
    }
    Ok(bytes)
}

async fn echo(readers: usize, bytes: usize) -> Result<f64> {
    let mut server = Server::echo(false).await?;
    server.accepting().await?;
    let sockets = try_join_all((0..readers).map(|_| client::open(server.port))).await?;
    let events = DELIVERIES / readers;
    let before = server.cpu()?;
    try_join_all(sockets.into_iter().map(|socket| bounce(socket, bytes, events))).await?;
    let spent = (server.cpu()? - before).as_secs_f64() * 1e6;
    server.stop().await?;
    Ok(spent / (events * readers) as f64)
}

async fn bounce(mut socket: Socket, bytes: usize, times: usize) -> Result<()> {
    let frame = "x".repeat(bytes);
    for _ in 0..times {
        socket.send(Message::text(frame.clone())).await?;
        while !socket.next().await.ok_or_else(|| anyhow::anyhow!("closed"))??.is_text() {}
    }
    Ok(())
}

//! Nodes: what ten thousand idle ones cost, what one call costs beside relaying the same frames, and the headless host.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_websockets::Message;

use crate::client::{self, Socket};
use crate::process::{self, Server, TOKEN};
use crate::report::Report;

const NODES: usize = 10_000;
/// How many connect at once.
const TOGETHER: usize = 100;
/// Descriptors beside those of the nodes.
const SPARE_FILES: u64 = 512;
const CALLS: usize = 8_000;
const COMMAND: &str = "system.which";
const ANSWER: &str = r#"{"bins":{"sh":"/usr/bin/sh"}}"#;
const HOST_SETTLES_WITHIN: Duration = Duration::from_secs(10);

pub(crate) async fn calls(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    for at_once in [1, 16] {
        let (mut cost, mut ratio) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            let (ours, bytes) = invoked(binary, at_once).await?;
            let floor = relayed(bytes, at_once).await?;
            cost.push(ours);
            ratio.push(ours / floor);
        }
        report.add(format!("node.invoke, {at_once} at once: CPU"), "µs", None, cost);
        report.add(format!("node.invoke, {at_once} at once: CPU beside a relay"), "×", Some(2.0), ratio);
    }
    Ok(())
}

pub(crate) async fn hosts(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let mut hosts = Vec::new();
    for _ in 0..runs {
        hosts.push(host(binary).await?);
    }
    report.add("`openclaw node run`: memory when idle", "MiB", Some(10.0), hosts);
    Ok(())
}

pub(crate) async fn idle(binary: &Path, report: &mut Report) -> Result<()> {
    more_files(NODES as u64 + SPARE_FILES)?;
    let mut server = Server::gateway(binary, &json!({}))?;
    server.accepting().await?;
    let before = server.rss_kib()?;
    let mut nodes = Vec::with_capacity(NODES);
    while nodes.len() < NODES {
        nodes.extend(try_join_all((0..TOGETHER).map(|_| node(server.port))).await?);
    }
    let after = server.rss_kib()?;
    report.add(format!("memory with {NODES} idle nodes"), "MiB", Some(250.0), vec![after as f64 / 1024.0]);
    report.add("memory per idle node", "KiB", None, vec![(after - before) as f64 / NODES as f64]);
    drop(nodes);
    server.stop().await
}

/// A connected node that offers a command.
async fn node(port: u16) -> Result<Socket> {
    let key = client::device_key()?;
    client::greet_as(client::open(port).await?, Some(&key), |params| {
        params.role = Some("node".into());
        params.scopes = Some(Vec::new());
        params.client.id = "node-host".into();
        params.client.mode = "node".into();
        params.client.device_family = Some("Linux".into());
        params.caps = Some(vec!["system".into()]);
        params.commands = Some(vec![COMMAND.into()]);
    })
    .await
}

/// CPU of one call in microseconds, and the mean size of the four frames it is made of.
async fn invoked(binary: &Path, at_once: usize) -> Result<(f64, usize)> {
    let mut server = Server::gateway(binary, &json!({}))?;
    server.accepting().await?;
    let mut operator = client::connect(server.port, None).await?;
    let mut node = node(server.port).await?;
    let pending: Value = serde_json::from_str(&client::call(&mut operator, "l", "node.pair.list", &json!({})).await?)?;
    let waiting = &pending["payload"]["pending"][0];
    let (request_id, node_id) = (waiting["requestId"].clone(), waiting["nodeId"].clone());
    client::call(&mut operator, "a", "node.pair.approve", &json!({"requestId": request_id})).await?;
    let answered = node_id.clone();
    let answers = tokio::spawn(async move {
        let mut bytes = 0;
        for _ in 0..CALLS {
            bytes = answer(&mut node, &answered).await?;
        }
        Ok::<_, anyhow::Error>((node, bytes))
    });
    let before = server.cpu()?;
    let (mut of_question, mut of_answer) = (0, 0);
    for turn in 0..CALLS + at_once - 1 {
        if turn < CALLS {
            let asked = json!({"nodeId": node_id, "command": COMMAND, "params": {"bins": ["sh"]},
                "idempotencyKey": turn.to_string()});
            client::send(&mut operator, "i", "node.invoke", &asked).await?;
            of_question = asked.to_string().len();
        }
        if turn + 1 >= at_once {
            let text = next_answer(&mut operator).await?;
            if !text.contains(r#""ok":true"#) {
                bail!("node.invoke was refused: {text}");
            }
            of_answer = text.len();
        }
    }
    let cost = (server.cpu()? - before).as_secs_f64() * 1e6 / CALLS as f64;
    let (_node, of_node) = answers.await??;
    server.stop().await?;
    Ok((cost, (of_question + of_answer + of_node) / 4))
}

async fn next_answer(socket: &mut Socket) -> Result<String> {
    loop {
        let text = client::next_text(socket).await?;
        if text.starts_with(r#"{"type":"res""#) {
            return Ok(text);
        }
    }
}

/// Takes one question and answers it; the bytes of both.
async fn answer(node: &mut Socket, node_id: &Value) -> Result<usize> {
    loop {
        let text = client::next_text(node).await?;
        if !text.contains("node.invoke.request") {
            continue;
        }
        let question: Value = serde_json::from_str(&text)?;
        let said = json!({"id": question["payload"]["id"], "nodeId": node_id, "ok": true, "payloadJSON": ANSWER});
        client::send(node, "r", "node.invoke.result", &said).await?;
        return Ok(text.len() + said.to_string().len());
    }
}

/// CPU of a round trip between two bare WebSockets through a relay, in microseconds.
async fn relayed(bytes: usize, at_once: usize) -> Result<f64> {
    let server = Server::relay().await?;
    let (mut caller, mut callee) = (client::open(server.port).await?, client::open(server.port).await?);
    let frame = "x".repeat(bytes);
    let back = frame.clone();
    let answers = tokio::spawn(async move {
        for _ in 0..CALLS {
            callee.next().await.context("the relay closed")??;
            callee.send(Message::text(back.clone())).await?;
        }
        Ok::<_, anyhow::Error>(callee)
    });
    let before = server.cpu()?;
    for turn in 0..CALLS + at_once - 1 {
        if turn < CALLS {
            caller.send(Message::text(frame.clone())).await?;
        }
        if turn + 1 >= at_once {
            caller.next().await.context("the relay closed")??;
        }
    }
    let cost = (server.cpu()? - before).as_secs_f64() * 1e6 / CALLS as f64;
    let _callee = answers.await??;
    server.stop().await?;
    Ok(cost)
}

/// The headless host, connected and waiting for its approval; its memory in MiB.
async fn host(binary: &Path) -> Result<f64> {
    let mut server = Server::gateway(binary, &json!({}))?;
    server.accepting().await?;
    let mut operator = client::connect(server.port, None).await?;
    let home = tempfile::tempdir()?;
    let token = home.path().join("token.txt");
    base::write_atomic(&token, TOKEN.as_bytes())?;
    let mut command = process::command(binary, home.path());
    command
        .args(["node", "run", "--host", "127.0.0.1", "--port", &server.port.to_string()])
        .arg("--token-file")
        .arg(&token);
    let mut host = command.kill_on_drop(true).spawn()?;
    let arrived = async {
        while !client::next_text(&mut operator).await?.contains("node.pair.requested") {}
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(HOST_SETTLES_WITHIN, arrived).await.context("the host did not connect")??;
    let kib = process::rss_kib(host.id().context("the host has exited")?)?;
    host.kill().await?;
    server.stop().await?;
    Ok(kib as f64 / 1024.0)
}

/// Lets this process have that many files open; the Gateway sees to its own.
fn more_files(wanted: u64) -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let current = now.current.map_or(wanted, |current| current.max(wanted));
    if now.maximum.is_some_and(|maximum| maximum < wanted) {
        bail!("{wanted} open files are needed; the limit is {:?}", now.maximum);
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: now.maximum })?)
}

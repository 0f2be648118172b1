//! Signed connects over TLS: their CPU beside a TLS handshake, an upgrade and one echo of the same bytes.

use std::path::Path;

use anyhow::Result;
use ed25519_dalek::SigningKey;
use futures_util::SinkExt as _;
use serde_json::json;
use tokio_rustls::TlsConnector;
use tokio_websockets::Message;

use super::connects::CONNECT_BYTES;
use crate::client;
use crate::process::Server;
use crate::report::Report;

const CONNECTS: usize = 3_000;

pub(crate) async fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let (mut cost, mut ratio, mut added) = (vec![], vec![], vec![]);
    let key = client::device_key()?;
    let (plain, tls) = (json!({"mode": "local"}), json!({"mode": "local", "tls": {"enabled": true}}));
    for _ in 0..runs {
        let (over_tls, over_tcp) = (connects(binary, &tls, &key).await?, connects(binary, &plain, &key).await?);
        let (tls_floor, tcp_floor) = (floor(true).await?, floor(false).await?);
        cost.push(over_tls);
        ratio.push(over_tls / tls_floor);
        // What TLS adds to ours beside what it adds to the floor: the handshake's own arithmetic is in both.
        added.push((over_tls - over_tcp) / (tls_floor - tcp_floor));
    }
    report.add("signed connect over TLS, CPU", "µs", None, cost);
    report.add("signed connect over TLS, CPU beside TLS echo", "×", Some(1.5), ratio);
    report.add("what TLS adds to a connect, beside TLS alone", "×", Some(1.2), added);
    Ok(())
}

/// A config of TLS connections that resume nothing: every one pays the whole handshake, as a first one does.
fn connector() -> TlsConnector {
    let mut config = (*kit::tls::trusting_client()).clone();
    config.resumption = rustls::client::Resumption::disabled();
    TlsConnector::from(std::sync::Arc::new(config))
}

async fn connects(binary: &Path, gateway: &serde_json::Value, key: &SigningKey) -> Result<f64> {
    let is_tls = gateway["tls"]["enabled"] == true;
    let mut server = Server::gateway_of(binary, gateway)?;
    server.accepting().await?;
    let connector = connector();
    let open = async || match is_tls {
        true => client::open_tls(server.port, &connector).await,
        false => client::open(server.port).await,
    };
    drop(client::greet(open().await?, Some(key)).await?);
    let before = server.cpu()?;
    for _ in 0..CONNECTS {
        drop(client::greet(open().await?, Some(key)).await?);
    }
    let cost = (server.cpu()? - before).as_secs_f64() * 1e6 / CONNECTS as f64;
    server.stop().await?;
    Ok(cost)
}

async fn floor(tls: bool) -> Result<f64> {
    let mut echo = Server::echo(tls).await?;
    echo.accepting().await?;
    let connector = connector();
    let before = echo.cpu()?;
    for _ in 0..CONNECTS {
        let mut socket = match tls {
            true => client::open_tls(echo.port, &connector).await?,
            false => client::open(echo.port).await?,
        };
        socket.send(Message::text("x".repeat(CONNECT_BYTES))).await?;
        client::next_text(&mut socket).await?;
    }
    let cost = (echo.cpu()? - before).as_secs_f64() * 1e6 / CONNECTS as f64;
    echo.stop().await?;
    Ok(cost)
}

//! A client as thin as can be, so that what is measured is the server.

use anyhow::{Context as _, Result, bail};
use ed25519_dalek::SigningKey;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};
use wire::connect::ConnectParams;

use crate::process::TOKEN;

/// What a WebSocket runs on, plain or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Opens a bare WebSocket.
pub(crate) async fn open(port: u16) -> Result<Socket> {
    let uri = format!("ws://127.0.0.1:{port}/").parse()?;
    let stream: Box<dyn Stream> = Box::new(tcp(port).await?);
    let (socket, _response) = ClientBuilder::from_uri(uri).connect_on(stream).await?;
    Ok(socket)
}

/// Opens a WebSocket over TLS 1.3, believing whatever certificate is shown.
pub(crate) async fn open_tls(port: u16, how: &TlsConnector) -> Result<Socket> {
    let uri = format!("wss://127.0.0.1:{port}/").parse()?;
    let name = ServerName::try_from("127.0.0.1")?;
    let stream: Box<dyn Stream> = Box::new(how.connect(name, tcp(port).await?).await?);
    let (socket, _response) = ClientBuilder::from_uri(uri).connect_on(stream).await?;
    Ok(socket)
}

async fn tcp(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Opens a WebSocket and connects; with a key, as a signed device, else as the deviceless backend client.
pub(crate) async fn connect(port: u16, key: Option<&SigningKey>) -> Result<Socket> {
    greet(open(port).await?, key).await
}

/// The handshake of the protocol, on an open WebSocket.
pub(crate) async fn greet(socket: Socket, key: Option<&SigningKey>) -> Result<Socket> {
    greet_as(socket, key, |_| {}).await
}

/// The same, with params of its own.
pub(crate) async fn greet_as(
    mut socket: Socket,
    key: Option<&SigningKey>,
    change: impl FnOnce(&mut ConnectParams),
) -> Result<Socket> {
    let challenge = next_json(&mut socket).await?;
    let payload = &challenge["payload"];
    let nonce = payload["nonce"].as_str().context("no nonce")?;
    let signed_at = payload["ts"].as_i64().context("no ts")?;
    let mut params = params(key.map(|key| (key, nonce, signed_at)))?;
    change(&mut params);
    if let Some(key) = key {
        params.device = Some(wire::device_auth::sign(key, &params, signed_at, nonce));
    }
    send(&mut socket, "c", "connect", &serde_json::to_value(&params)?).await?;
    let hello = next_json(&mut socket).await?;
    if hello["ok"] != true {
        bail!("refused: {hello}");
    }
    Ok(socket)
}

/// What a client sends with `connect`: signed with the key for a nonce and a time, or as the deviceless backend client.
pub(crate) fn params(signed: Option<(&SigningKey, &str, i64)>) -> Result<ConnectParams> {
    let (id, mode) = if signed.is_some() { ("openclaw-tui", "ui") } else { ("gateway-client", "backend") };
    let mut params: ConnectParams = serde_json::from_value(json!({
        "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.admin"], "caps": [],
        "client": {"id": id, "mode": mode, "version": "1.0.0", "platform": "linux"}, "auth": {"token": TOKEN}
    }))?;
    if let Some((key, nonce, signed_at)) = signed {
        params.device = Some(wire::device_auth::sign(key, &params, signed_at, nonce));
    }
    Ok(params)
}

/// A device key of its own.
pub(crate) fn device_key() -> Result<SigningKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(SigningKey::from_bytes(&seed))
}

pub(crate) async fn send(socket: &mut Socket, id: &str, method: &str, params: &Value) -> Result<()> {
    let frame = json!({"type": "req", "id": id, "method": method, "params": params});
    Ok(socket.send(Message::text(frame.to_string())).await?)
}

/// Sends a request and reads until its answer, skipping events.
pub(crate) async fn call(socket: &mut Socket, id: &str, method: &str, params: &Value) -> Result<String> {
    send(socket, id, method, params).await?;
    let marker = format!(r#""id":"{id}""#);
    loop {
        let text = next_text(socket).await?;
        if text.starts_with(r#"{"type":"res""#) && text.contains(&marker) {
            return Ok(text);
        }
    }
}

pub(crate) async fn next_text(socket: &mut Socket) -> Result<String> {
    loop {
        let message = socket.next().await.context("the server closed the connection")??;
        if let Some(text) = message.as_text() {
            return Ok(text.to_owned());
        }
    }
}

pub(crate) async fn next_json(socket: &mut Socket) -> Result<Value> {
    Ok(serde_json::from_str(&next_text(socket).await?)?)
}

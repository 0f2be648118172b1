//! A listener that plays one side of the protocol by hand, one script per accepted connection.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use link::{Connect, Source, Target};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_websockets::{CloseCode, Message, ServerBuilder, WebSocketStream};

pub(crate) const NONCE: &str = "92515b4e-b28e-47fc-94f0-e44786a79cbd";

/// One connection, from the Gateway's side.
pub(crate) struct Peer(WebSocketStream<Box<dyn Stream>>);

/// What a WebSocket runs on.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Peer {
    pub(crate) async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Option<Value> {
        loop {
            let message = self.0.next().await?.ok()?;
            if let Some(text) = message.as_text() {
                return Some(serde_json::from_str(text).unwrap());
            }
            if let Some((code, _)) = message.as_close() {
                return Some(json!({"closed": u16::from(code)}));
            }
        }
    }

    pub(crate) async fn challenge(&mut self) -> Value {
        let payload = json!({"nonce": NONCE, "ts": base::now_ms(), "instanceId": "gw-1"});
        self.say(json!({"type": "event", "event": "connect.challenge", "payload": payload})).await;
        self.hear().await.unwrap()
    }

    /// Challenge, connect, hello-ok; returns the connect frame.
    pub(crate) async fn welcome(&mut self, tick_ms: u64) -> Value {
        let connect = self.challenge().await;
        let scopes = connect["params"]["scopes"].clone();
        let mut auth = json!({"method": "token", "role": connect["params"]["role"], "scopes": scopes});
        if connect["params"]["device"].is_object() {
            auth["deviceToken"] = json!("device-token-1");
        }
        let payload = json!({"type": "hello-ok", "protocol": 4, "server": {"version": "9", "connId": "c"},
            "features": {"methods": [], "events": []}, "auth": auth,
            "snapshot": {"presence": [], "health": {}, "stateVersion": {"presence": 1, "health": 1}, "uptimeMs": 1},
            "policy": {"maxPayload": 26214400, "maxBufferedBytes": 1, "tickIntervalMs": tick_ms,
                "attachments": {"maxBytes": 1, "maxImageBytes": 1}}});
        self.say(json!({"type": "res", "id": connect["id"], "ok": true, "payload": payload})).await;
        connect
    }

    pub(crate) async fn refuse(&mut self, id: &Value, error: Value) {
        self.say(json!({"type": "res", "id": id, "ok": false, "error": error})).await;
        self.close(1008, "refused").await;
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        let frame = Message::close(Some(CloseCode::try_from(code).unwrap()), reason);
        self.0.send(frame).await.unwrap();
    }
}

/// Where it listens and how often it was dialled.
pub(crate) struct Gateway {
    pub(crate) target: Target,
    pub(crate) accepted: Arc<AtomicUsize>,
    pub(crate) upgrades: Arc<AtomicUsize>,
}

impl Gateway {
    /// Plays `script` on every connection.
    pub(crate) async fn play<F, Fut>(script: F) -> Self
    where
        F: Fn(usize, Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::play_on(None, script).await
    }

    /// The same behind TLS.
    pub(crate) async fn play_tls<F, Fut>(server: Arc<rustls::ServerConfig>, script: F) -> Self
    where
        F: Fn(usize, Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut gateway = Self::play_on(Some(server), script).await;
        let url = format!("wss://127.0.0.1:{}", gateway.target.port());
        gateway.target = Target::parse(&url, Source::ConfigRemote).unwrap();
        gateway
    }

    async fn play_on<F, Fut>(tls: Option<Arc<rustls::ServerConfig>>, script: F) -> Self
    where
        F: Fn(usize, Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::new(AtomicUsize::new(0));
        let upgrades = Arc::new(AtomicUsize::new(0));
        let (count, upgraded) = (accepted.clone(), upgrades.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let stream: Box<dyn Stream> = match &tls {
                    None => Box::new(stream),
                    // A client that does not like our certificate ends it here.
                    Some(tls) => match TlsAcceptor::from(tls.clone()).accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                };
                let Ok((_, socket)) = ServerBuilder::new().accept(stream).await else { continue };
                upgraded.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(number, Peer(socket)));
            }
        });
        Self { target: Target::loopback(port, Source::LocalLoopback), accepted, upgrades }
    }

    pub(crate) fn how(&self) -> Connect {
        let client = serde_json::from_value(json!({"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}));
        Connect::new(self.target.clone(), client.unwrap())
    }
}

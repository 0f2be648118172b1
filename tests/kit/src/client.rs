//! A protocol client for tests: it says exactly what it is told, right or wrong, and shows every frame that comes back.
//!
//! It reads its socket only while a test waits for something, so a test can also be the client that never reads.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, CloseCode, Limits, Message, WebSocketStream};
use wire::ErrorShape;
use wire::connect::{ConnectParams, DeviceProof};
use wire::device_auth;

/// Nothing a test waits for takes longer on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a client connects with. [`Connect::backend`] and [`Connect::device`] are the usual beginnings.
#[derive(Clone)]
pub struct Connect {
    /// The params of `connect`, without a device proof.
    pub params: Value,
    /// Signs the challenge when present.
    pub key: Option<SigningKey>,
    /// Headers of the upgrade request, such as `Origin`.
    pub headers: Vec<(String, String)>,
    /// Changes the signed proof before it is sent; for clients that lie.
    pub tamper: Option<fn(&mut DeviceProof)>,
}

impl Connect {
    /// The deviceless backend helper with a shared token, all scopes.
    pub fn backend(token: &str) -> Self {
        Self::of(json!({
            "minProtocol": 4, "maxProtocol": 4, "role": "operator", "caps": [],
            "scopes": ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"],
            "client": {"id": "gateway-client", "mode": "backend", "version": "1.0.0", "platform": "linux"},
            "auth": {"token": token}
        }))
    }

    /// A terminal client with a device key and a shared token, read and write.
    pub fn device(token: &str, key: &SigningKey) -> Self {
        let mut connect = Self::backend(token);
        connect.params["client"]["id"] = json!("openclaw-tui");
        connect.params["client"]["mode"] = json!("ui");
        connect.params["scopes"] = json!(["operator.read", "operator.write"]);
        connect.key = Some(key.clone());
        connect
    }

    /// A headless node with a device key.
    pub fn node(token: &str, key: &SigningKey) -> Self {
        let mut connect = Self::device(token, key);
        connect.params["client"] = json!({"id": "node-host", "mode": "node", "version": "1.0.0", "platform": "linux", "deviceFamily": "Linux"});
        connect.params["role"] = json!("node");
        connect.params["scopes"] = json!([]);
        connect.params["commands"] = json!(["system.which"]);
        connect
    }

    /// Exactly these params.
    pub fn of(params: Value) -> Self {
        Self { params, key: None, headers: Vec::new(), tamper: None }
    }

    /// With other scopes.
    #[must_use]
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.params["scopes"] = json!(scopes);
        self
    }

    /// With client capabilities.
    #[must_use]
    pub fn caps(mut self, caps: &[&str]) -> Self {
        self.params["caps"] = json!(caps);
        self
    }

    /// With other credentials, `{"token": …}` and the like.
    #[must_use]
    pub fn auth(mut self, auth: Value) -> Self {
        self.params["auth"] = auth;
        self
    }

    /// With one param set, by its path below the root (`/client/id`).
    ///
    /// # Panics
    /// When the parent of the path does not exist.
    #[must_use]
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        let (parent, name) = pointer.rsplit_once('/').expect("a path starts with a slash");
        self.params.pointer_mut(parent).expect("the parent exists")[name] = value;
        self
    }

    /// With a header on the upgrade request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a proof changed after it was signed.
    #[must_use]
    pub fn tamper(mut self, change: fn(&mut DeviceProof)) -> Self {
        self.tamper = Some(change);
        self
    }
}

/// A fresh device key.
///
/// # Panics
/// When the operating system has no random source.
pub fn device_key() -> SigningKey {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the operating system's random source answers");
    SigningKey::from_bytes(&seed)
}

/// The device id of a key.
pub fn device_id(key: &SigningKey) -> String {
    device_auth::device_id(&key.verifying_key().to_bytes())
}

/// Why a client was not let in.
#[derive(Debug)]
pub struct Refused {
    /// The error of the `connect` response, absent when the socket closed without one.
    pub error: Option<ErrorShape>,
    /// How the socket closed.
    pub close: Closed,
}

/// How a socket closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// 1005 when the close frame had no code, 1006 when there was no close frame.
    pub code: u16,
    /// The reason in the close frame.
    pub reason: String,
}

/// A frame from the Gateway, or the end.
#[derive(Debug, Clone)]
pub enum Received {
    /// A response or an event, as JSON.
    Frame(Value),
    /// The socket closed.
    Closed(Closed),
}

/// What carries bytes both ways.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// A connected client.
pub struct Client {
    socket: WebSocketStream<Box<dyn Wire>>,
    queue: VecDeque<Value>,
    closed: Option<Closed>,
    next_id: u64,
    /// The payload of `hello-ok`; null before.
    pub hello: Value,
    /// The payload of `connect.challenge`.
    pub challenge: Value,
}

impl Client {
    /// Opens a socket and reads the challenge, nothing more.
    ///
    /// # Panics
    /// When the upgrade is refused; use [`Client::try_open`] where that is the point.
    pub async fn open(address: SocketAddr, headers: &[(String, String)]) -> Self {
        Self::try_open(address, headers).await.expect("the upgrade is accepted")
    }

    /// Opens a socket and reads the challenge; the upgrade may be refused.
    ///
    /// # Errors
    /// What tokio-websockets says of the refusal, the HTTP status among it.
    ///
    /// # Panics
    /// When the upgrade is accepted but no challenge comes.
    pub async fn try_open(address: SocketAddr, headers: &[(String, String)]) -> Result<Self, tokio_websockets::Error> {
        let stream = TcpStream::connect(address).await?;
        Self::try_open_on(stream, &address.to_string(), headers).await
    }

    /// The same on a stream that is there already, to `host`.
    async fn try_open_on(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        host: &str,
        headers: &[(String, String)],
    ) -> Result<Self, tokio_websockets::Error> {
        let stream: Box<dyn Wire> = Box::new(stream);
        let uri = format!("ws://{host}/").parse().expect("a host makes a URI");
        let mut builder = ClientBuilder::from_uri(uri).limits(Limits::unlimited());
        for (name, value) in headers {
            let name = name.parse().expect("a header name");
            builder = builder.add_header(name, value.parse().expect("a header value"))?;
        }
        let (socket, _response) = builder.connect_on(stream).await?;
        let mut client = Self {
            socket,
            queue: VecDeque::new(),
            closed: None,
            next_id: 1,
            hello: Value::Null,
            challenge: Value::Null,
        };
        client.challenge = client.event("connect.challenge").await;
        Ok(client)
    }

    /// Opens, answers the challenge and waits for `hello-ok`.
    ///
    /// # Errors
    /// [`Refused`] when the Gateway answers anything else.
    pub async fn connect(address: SocketAddr, with: &Connect) -> Result<Self, Refused> {
        Self::open(address, &with.headers).await.introduce(with).await
    }

    /// [`Client::connect`] on a stream that is there already: a socket file's, or one from a certain address.
    ///
    /// # Errors
    /// [`Refused`] when the Gateway answers anything else.
    ///
    /// # Panics
    /// When the upgrade is refused.
    pub async fn connect_on(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        with: &Connect,
    ) -> Result<Self, Refused> {
        let client = Self::try_open_on(stream, "localhost", &with.headers).await;
        client.expect("the upgrade is accepted").introduce(with).await
    }

    async fn introduce(mut self, with: &Connect) -> Result<Self, Refused> {
        match self.handshake(with).await {
            Ok(hello) => {
                self.hello = hello;
                Ok(self)
            }
            Err(error) => Err(Refused { error, close: self.closed().await }),
        }
    }

    /// Sends `connect` on an open socket.
    ///
    /// # Errors
    /// The refusal, `None` when the socket closed without one.
    ///
    /// # Panics
    /// When the params cannot be signed because they are no `connect` params.
    pub async fn handshake(&mut self, with: &Connect) -> Result<Value, Option<ErrorShape>> {
        let mut params = with.params.clone();
        if let Some(key) = &with.key {
            let typed: ConnectParams = serde_json::from_value(params.clone()).expect("params that can be signed");
            let nonce = self.challenge["nonce"].as_str().expect("the challenge has a nonce");
            let signed_at = self.challenge["ts"].as_i64().expect("the challenge has a time");
            let mut proof = device_auth::sign(key, &typed, signed_at, nonce);
            if let Some(tamper) = with.tamper {
                tamper(&mut proof);
            }
            params["device"] = serde_json::to_value(proof).expect("a proof is JSON");
        }
        let id = self.send("connect", &params).await;
        self.answer(&id).await
    }

    /// Sends a request and returns its id; its answer is read later with [`Client::answer`].
    ///
    /// # Panics
    /// When the socket is closed.
    pub async fn send(&mut self, method: &str, params: &Value) -> String {
        let id = self.next_id.to_string();
        self.next_id += 1;
        self.send_text(&json!({"type": "req", "id": id, "method": method, "params": params}).to_string()).await;
        id
    }

    /// Sends any text.
    ///
    /// # Panics
    /// When the socket is closed.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).await.expect("the socket is open");
    }

    /// Sends any bytes as a binary message.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) -> Result<(), tokio_websockets::Error> {
        self.socket.send(Message::binary(bytes)).await
    }

    /// Sends a request and waits for its first answer.
    ///
    /// # Errors
    /// The error the Gateway answered.
    ///
    /// # Panics
    /// When the socket closes instead.
    pub async fn request(&mut self, method: &str, params: Value) -> Result<Value, ErrorShape> {
        let id = self.send(method, &params).await;
        self.answer(&id).await.map_err(|error| error.unwrap_or_else(|| panic!("closed before {method} was answered")))
    }

    /// The next answer to the request `id`; an agent run has two.
    ///
    /// # Errors
    /// The error in it; `None` when the socket closed first.
    pub async fn answer(&mut self, id: &str) -> Result<Value, Option<ErrorShape>> {
        let is_answer = |frame: &Value| frame["type"] == "res" && frame["id"] == id;
        let Some(mut frame) = self.take(is_answer).await else { return Err(None) };
        if frame["ok"] == true {
            return Ok(frame["payload"].take());
        }
        Err(Some(serde_json::from_value(frame["error"].take()).expect("a refusal has an error")))
    }

    /// The payload of the next event called `name`, those already received first.
    ///
    /// # Panics
    /// When the socket closes instead.
    pub async fn event(&mut self, name: &str) -> Value {
        self.event_where(name, |_| true).await
    }

    /// The payload of the next event called `name` that `test` accepts.
    ///
    /// # Panics
    /// When the socket closes instead.
    pub async fn event_where(&mut self, name: &str, test: impl Fn(&Value) -> bool) -> Value {
        let wanted = |frame: &Value| frame["type"] == "event" && frame["event"] == name && test(&frame["payload"]);
        match self.take(wanted).await {
            Some(mut frame) => frame["payload"].take(),
            None => panic!("closed ({:?}) before the event {name}", self.closed),
        }
    }

    /// Takes the next frame that `test` accepts, among those already received first; others stay queued. `None` when
    /// the socket closes.
    pub async fn take(&mut self, test: impl Fn(&Value) -> bool) -> Option<Value> {
        if let Some(at) = self.queue.iter().position(&test) {
            return self.queue.remove(at);
        }
        loop {
            match self.receive().await {
                Received::Closed(_) => return None,
                Received::Frame(frame) if test(&frame) => return Some(frame),
                Received::Frame(frame) => self.queue.push_back(frame),
            }
        }
    }

    /// Everything received so far and not taken, in order, without waiting for more.
    pub fn drain(&mut self) -> Vec<Value> {
        self.queue.drain(..).collect()
    }

    /// The next frame from the socket itself.
    ///
    /// # Panics
    /// When nothing comes for half a minute, or something that is not JSON.
    pub async fn receive(&mut self) -> Received {
        if let Some(closed) = &self.closed {
            return Received::Closed(closed.clone());
        }
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the Gateway says something");
            match next {
                Some(Ok(message)) => {
                    if let Some((code, reason)) = message.as_close() {
                        return self.end(u16::from(code), reason.to_owned());
                    }
                    if let Some(text) = message.as_text() {
                        return Received::Frame(serde_json::from_str(text).expect("a frame is JSON"));
                    }
                }
                Some(Err(_)) | None => return self.end(1006, String::new()),
            }
        }
    }

    fn end(&mut self, code: u16, reason: String) -> Received {
        let closed = Closed { code, reason };
        self.closed = Some(closed.clone());
        Received::Closed(closed)
    }

    /// Reads until the socket closes and says how it did; frames on the way stay queued.
    pub async fn closed(&mut self) -> Closed {
        loop {
            match self.receive().await {
                Received::Closed(closed) => return closed,
                Received::Frame(frame) => self.queue.push_back(frame),
            }
        }
    }

    /// Closes the socket politely.
    pub async fn close(mut self) {
        let _gone_already = self.socket.send(Message::close(Some(CloseCode::NORMAL_CLOSURE), "")).await;
    }
}

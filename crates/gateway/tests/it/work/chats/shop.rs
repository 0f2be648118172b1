//! A program behind the webhook channel: it signs what its people say, checks what it is posted, and keeps it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(60);

/// What it was posted, and how it answers.
#[derive(Default)]
struct Seen {
    posts: Vec<(String, Value)>,
    busy: usize,
}

type Shared = Arc<(Mutex<Seen>, Notify)>;

pub(crate) struct Shop {
    seen: Shared,
    url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let seen = Shared::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let app = Router::new().route("/in", post(taken)).with_state(seen.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { seen, url, server }
    }

    /// Its part of the config.
    pub(crate) fn config(&self) -> Value {
        json!({"secret": SECRET, "url": self.url})
    }

    /// Answers the next `times` posts with 503.
    pub(crate) fn busy(&self, times: usize) {
        self.seen.0.lock().unwrap().busy = times;
    }

    /// Every post and its key, those that were answered with 503 among them.
    pub(crate) fn posts(&self) -> Vec<(String, Value)> {
        self.seen.0.lock().unwrap().posts.clone()
    }

    /// The first post of which this is true.
    pub(crate) async fn wait(&self, test: impl Fn(&Value) -> bool) -> Value {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let news = self.seen.1.notified();
                if let Some((_, body)) = self.posts().into_iter().find(|(_, body)| test(body)) {
                    return body;
                }
                news.await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("no such post came: {:?}", self.posts()))
    }

    /// Says something as one of its people.
    pub(crate) async fn says(&self, gateway: SocketAddr, event: &Value) -> (u16, Value) {
        let now = base::now_ms() / 1000;
        knock(gateway, "/channels/webhook/default", now, SECRET, &event.to_string()).await
    }
}

async fn taken(State(seen): State<Shared>, headers: HeaderMap, body: Bytes) -> (StatusCode, Json<Value>) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-openclaw-signature"), sign(SECRET, &header("x-openclaw-timestamp"), &body));
    let body: Value = serde_json::from_slice(&body).unwrap();
    let key = header("idempotency-key");
    assert_eq!(body["id"], key.as_str());
    let mut now = seen.0.lock().unwrap();
    now.posts.push((key, body));
    let number = now.posts.len();
    let is_busy = now.busy > 0;
    now.busy = now.busy.saturating_sub(1);
    drop(now);
    seen.1.notify_waiters();
    if is_busy {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    (StatusCode::OK, Json(json!({"messageId": format!("m{number}")})))
}

pub(crate) fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[timestamp.as_bytes(), b".", body].concat());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// Posts to a door of the Gateway, by whatever host name.
pub(crate) async fn knock(gateway: SocketAddr, path: &str, at: i64, secret: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    let signature = sign(secret, &at.to_string(), body.as_bytes());
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: hooks.example.com\r\nconnection: close\r\ncontent-length: {}\r\n\
         x-openclaw-timestamp: {at}\r\nx-openclaw-signature: {signature}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

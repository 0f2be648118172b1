//! Telegram calls us (C-4), at a listener of the account's own and at the same path of the Gateway's port. A call is
//! answered with 200 when what it brought is on disk; anything else makes Telegram bring it again.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base::Secret;
use bytes::Bytes;
use config::telegram::TelegramAccount;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::api::{ApiError, Upload};
use super::start::{Pause, refused};
use super::{Bot, buttons, menu, parse, poll};
use crate::{Desk, Event, Failure, HttpCall, HttpReply};

/// Where the listener is, unless the config says otherwise.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 8787;
const PATH: &str = "/telegram-webhook";
/// Asked by whoever watches over the listener.
const HEALTH: &str = "/healthz";
/// Largest call.
const CALL_BYTES: usize = 1024 * 1024;
/// How long a call may take to arrive, and to be answered.
const CALL_WITHIN: Duration = Duration::from_secs(30);
/// Calls at once; Telegram makes at most 40.
const CALLS_AT_ONCE: usize = 64;
/// The header with the secret.
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// The path Telegram calls.
pub(super) fn path(keys: &TelegramAccount) -> String {
    let path = keys.webhook_path.as_deref().unwrap_or(PATH).trim();
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// Asks to be called, and listens until dropped.
pub(super) async fn serve(bot: &Bot, desk: &Desk, pause: &mut Pause) -> Result<(), Failure> {
    let listener = listener(&bot.keys).await?;
    let (calls, asked) = mpsc::channel(CALLS_AT_ONCE);
    let listening = listen(listener, path(&bot.keys), calls);
    let registered = async {
        register(bot, desk, pause).await?;
        menu::offer(bot, desk).await;
        Ok(())
    };
    let answering = async {
        answer(bot, desk, asked).await;
        Ok(())
    };
    // Telegram calls as soon as it is asked to, so all go on at once.
    tokio::try_join!(registered, listening, answering).map(|_| ())
}

/// The listener. Where the owner named none and the usual port is taken, the Gateway's own port does.
async fn listener(keys: &TelegramAccount) -> Result<Option<TcpListener>, Failure> {
    let host = keys.webhook_host.as_deref().unwrap_or(HOST);
    let port = keys.webhook_port.unwrap_or(PORT);
    let bound = TcpListener::bind((host, port)).await;
    let is_named = keys.webhook_host.is_some() || keys.webhook_port.is_some();
    match bound {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if is_named => Err(Failure {
            why: format!("cannot listen on {host}:{port} for Telegram: {error}"),
            next: "openclaw config set channels.telegram.webhookPort <port>".into(),
            passes: true,
        }),
        Err(error) => {
            tracing::warn!(%error, host, port, "only the Gateway's own port listens for Telegram");
            Ok(None)
        }
    }
}

/// `setWebhook`, until it is done (C-4.2).
async fn register(bot: &Bot, desk: &Desk, pause: &mut Pause) -> Result<(), Failure> {
    loop {
        match set(bot).await {
            Ok(_) => break,
            Err(error) if error.is_about_the_token() => return Err(refused(desk)),
            Err(error) => pause.after(desk, &error).await,
        }
    }
    let now = base::now_ms();
    desk.status().change(|seen| {
        (seen.connected, seen.mode, seen.reconnect_attempts) = (true, Some("webhook"), 0);
        (seen.last_connected_at, seen.last_error, seen.next) = (Some(now), None, None);
    });
    Ok(())
}

async fn set(bot: &Bot) -> Result<bool, ApiError> {
    let keys = &bot.keys;
    let secret = keys.webhook_secret.as_ref().map(|secret| secret.0.expose());
    let mut params = json!({
        "url": keys.webhook_url,
        "secret_token": secret,
        "allowed_updates": poll::KINDS,
        "drop_pending_updates": false,
    });
    let Some(path) = &keys.webhook_cert_path else { return bot.api.call("setWebhook", &params).await };
    let bytes = tokio::fs::read(path).await;
    let bytes = bytes.map_err(|error| ApiError::NotSent(format!("`{}`: {error}", path.display())))?;
    params["certificate"] = Value::Null;
    let certificate = Upload {
        field: "certificate".into(),
        file_name: "certificate.pem".into(),
        mime_type: Some("application/x-pem-file".into()),
        bytes: bytes.into(),
    };
    bot.api.upload("setWebhook", &params, vec![certificate]).await
}

/// A call, and where its answer goes.
type Asked = (HttpCall, oneshot::Sender<HttpReply>);

/// Answers the listener's calls, several at once.
async fn answer(bot: &Bot, desk: &Desk, asked: mpsc::Receiver<Asked>) {
    use futures_util::StreamExt as _;
    let asked = futures_util::stream::unfold(asked, |mut asked| async move { Some((asked.recv().await?, asked)) });
    asked
        .for_each_concurrent(CALLS_AT_ONCE, |(call, reply)| async move {
            // Whoever asked may have gone.
            let _gone = reply.send(called(bot, call, desk).await);
        })
        .await;
}

/// Listens, if there is a listener.
async fn listen(listener: Option<TcpListener>, path: String, calls: mpsc::Sender<Asked>) -> Result<(), Failure> {
    let Some(listener) = listener else { return std::future::pending().await };
    let path: Arc<str> = path.into();
    let app = Router::new().fallback(move |request: Request| {
        let (path, calls) = (path.clone(), calls.clone());
        async move {
            let answered = tokio::time::timeout(CALL_WITHIN, take(request, &path, &calls)).await;
            answered.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
        }
    });
    let ended = axum::serve(listener, app).await;
    let why = ended.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
    Err(Failure {
        why: format!("the listener for Telegram ended: {why}"),
        next: "openclaw channels start telegram".into(),
        passes: true,
    })
}

async fn take(request: Request, path: &str, calls: &mpsc::Sender<Asked>) -> Response {
    let (head, body) = request.into_parts();
    if head.uri.path() == HEALTH {
        return StatusCode::OK.into_response();
    }
    if head.uri.path() != path {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Ok(body) = to_bytes(body, CALL_BYTES).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let (reply, answered) = oneshot::channel();
    let call = HttpCall { method: head.method, headers: head.headers, body };
    if calls.send((call, reply)).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Ok(reply) = answered.await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder().status(status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Telegram calls, or somebody who would like to pass for it.
pub(super) async fn called(bot: &Bot, call: HttpCall, desk: &Desk) -> HttpReply {
    if call.method != Method::POST {
        return status(405);
    }
    let secret = bot.keys.webhook_secret.as_ref().map(|secret| &secret.0);
    if !secret.is_some_and(|secret| is_from_telegram(secret, &call.headers)) {
        return status(401);
    }
    if call.body.len() > CALL_BYTES {
        return status(413);
    }
    let Ok(update) = serde_json::from_slice::<Value>(&call.body) else { return status(400) };
    // Before Telegram has said who we are, nothing can be told of what it brings.
    let Some(me) = bot.me() else { return status(503) };
    let events: Vec<Event> = parse::update(&me, &update).into_iter().collect();
    let pressed = buttons::pressed(&events);
    // No cursor: calls come several at once, so the last is no sign that those before it came.
    if let Err(error) = desk.take(events, None).await {
        tracing::error!(%error, account = desk.account(), "what Telegram brought cannot be kept; it will bring it again");
        return status(500);
    }
    let now = base::now_ms();
    desk.status().change(|seen| seen.last_transport_activity_at = Some(now));
    buttons::answer(bot, pressed).await;
    HttpReply { headers: vec![("x-openclaw-delivery-accepted", "durable".into())], ..status(200) }
}

fn is_from_telegram(secret: &Secret, headers: &HeaderMap) -> bool {
    let shown = headers.get(SECRET_HEADER).and_then(|value| value.to_str().ok());
    shown.is_some_and(|shown| secret.matches(shown))
}

const fn status(status: u16) -> HttpReply {
    HttpReply { status, headers: Vec::new(), body: Bytes::new() }
}

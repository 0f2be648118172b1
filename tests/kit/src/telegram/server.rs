//! The socket: reads a call, records it, and answers as asked or as it should.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::fault::{TelegramFault, broken, page};
use super::methods::{self, Refusal};
use super::{Call, Shared, TOKEN, params, updates};

/// Serves until dropped.
pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let app = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(shared);
    let ended = axum::serve(listener, app).await;
    ended.expect("a listener on loopback serves");
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/file/bot") {
        return download(&shared, rest);
    }
    let call = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/'));
    let Some((token, method)) = call.map(|(token, method)| (token.to_owned(), method.to_owned())) else {
        return refusal(&Refusal::new(404, "Not Found"));
    };
    let (params, files) = match params::read(request).await {
        Ok(read) => read,
        Err(why) => return refusal(&Refusal::new(400, &format!("Bad Request: {why}"))),
    };
    let (number, fault) = {
        let mut state = shared.state();
        state.calls.push(Call {
            method: method.clone(),
            params: params.clone(),
            files: files.clone(),
            at: Instant::now(),
            status: 0,
        });
        let number = state.calls.len() - 1;
        let at = state.faults.iter().position(|(of, _)| of == "*" || *of == method);
        (number, at.map(|at| state.faults.remove(at).1))
    };
    shared.news();
    let response = match (fault, token == TOKEN) {
        (Some(fault), _) if !matches!(fault, TelegramFault::DropAnswer) => faulty(fault).await,
        (_, false) => refusal(&Refusal::new(401, "Unauthorized")),
        (fault, true) => {
            let done = carry_out(&shared, &method, &params, &files).await;
            if fault.is_some() { broken("") } else { done.map_or_else(|no| refusal(&no), |result| success(&result)) }
        }
    };
    shared.state().calls[number].status = response.status().as_u16();
    shared.news();
    response
}

async fn carry_out(
    shared: &Arc<Shared>,
    method: &str,
    params: &Value,
    files: &[super::SentFile],
) -> Result<Value, Refusal> {
    match method {
        "getUpdates" => updates::long_poll(shared, params).await,
        "setWebhook" => updates::set_webhook(shared, params),
        _ => methods::carry_out(&mut shared.state(), method, params, files),
    }
}

async fn faulty(fault: TelegramFault) -> Response {
    match fault {
        TelegramFault::TooMany(seconds) => {
            let mut refused = Refusal::new(429, &format!("Too Many Requests: retry after {seconds}"));
            refused.parameters = json!({"retry_after": seconds});
            refusal(&refused)
        }
        TelegramFault::Refuse(code, description) => refusal(&Refusal::new(code, description)),
        TelegramFault::Status(status) => page(status),
        TelegramFault::Cut | TelegramFault::DropAnswer => broken(r#"{"ok":true,"result":"#),
        TelegramFault::Garbage => respond(200, Body::from(r#"{"ok":tru"#)),
        TelegramFault::Hang => std::future::pending().await,
    }
}

fn download(shared: &Shared, rest: &str) -> Response {
    let Some((token, path)) = rest.split_once('/') else { return refusal(&Refusal::new(404, "Not Found")) };
    if token != TOKEN {
        return refusal(&Refusal::new(401, "Unauthorized"));
    }
    let found = shared.state().files.values().find(|(known, _)| known == path).map(|(_, bytes)| bytes.clone());
    match found {
        Some(bytes) => Response::new(Body::from(bytes)),
        None => refusal(&Refusal::new(404, "Not Found")),
    }
}

fn success(result: &Value) -> Response {
    respond(200, Body::from(json!({"ok": true, "result": result}).to_string()))
}

fn refusal(refusal: &Refusal) -> Response {
    let mut body = json!({"ok": false, "error_code": refusal.code, "description": refusal.description});
    if !refusal.parameters.is_null() {
        body["parameters"] = refusal.parameters.clone();
    }
    respond(refusal.code, Body::from(body.to_string()))
}

fn respond(status: u16, body: Body) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).expect("a Bot API answers with a valid status"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .expect("status and headers are valid")
}

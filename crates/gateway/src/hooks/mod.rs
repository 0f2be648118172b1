//! Hooks: programs elsewhere wake the agent over HTTP, on the Gateway's own port.
//!
//! Who trusts whom: a hook's token lets its holder begin runs and nothing else. What a hook says is told to the model as
//! data from outside, its run may do less than a person's, and it never stands for the owner. The token is not the
//! Gateway's.

mod door;
mod request;
mod template;

use agent::ports::Rights;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use wire::{ErrorCode, ErrorShape};

use self::request::Action;
use crate::auth::locality::Peer;
use crate::clock::{self, Ask};
use crate::http::reply;
use crate::services::Services;

/// Where hooks are when nothing is configured.
const FOLDER: &str = "/hooks";

/// A hook never stands for the owner, and may do less than a person.
const RIGHTS: Rights = Rights { owner: false, from_node: true };

/// What is below the hooks' own path, when the request is for one and hooks are on.
pub(crate) fn below(services: &Services, path: &str) -> Option<String> {
    let config = services.config.current();
    let hooks = &config.hooks;
    let folder = hooks.path.as_deref().unwrap_or(FOLDER).trim().trim_matches('/');
    let rest = path.strip_prefix('/')?.strip_prefix(folder)?;
    let rest = rest.strip_prefix('/').or(rest.is_empty().then_some(""))?;
    (hooks.enabled && hooks.token.is_some() && !folder.is_empty()).then(|| rest.trim_end_matches('/').to_owned())
}

/// Answers a hook: 202 with the run's id once it is durable.
pub(crate) async fn answer(
    services: &Services,
    peer: &Peer,
    request: Request<Incoming>,
    below: &str,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if let Err(refused) = door::check(services, peer, &parts).await {
        return refused;
    }
    let body = match door::read(body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let config = services.config.current();
    match request::action(&config.hooks, below, &parts, body) {
        Ok(Some(action)) => carry_out(services, action).await.unwrap_or_else(|error| refusal(&error)),
        Ok(None) => reply::text(StatusCode::NOT_FOUND, "Not Found"),
        Err(why) => bad(&why),
    }
}

async fn carry_out(services: &Services, action: Action) -> Result<Response<Body>, ErrorShape> {
    match action {
        Action::Wake { text, mode, agent, session } => {
            let agent = allowed(services, agent.as_deref())?;
            let woken = (mode, "hook", RIGHTS);
            clock::wake(&services.clock, woken, &text, session.as_deref(), Some(agent.as_str())).await?;
            Ok(reply::json(StatusCode::ACCEPTED, &json!({"ok": true, "mode": mode, "eventOutcome": "queued"})))
        }
        Action::Agent(task) => {
            let agent = allowed(services, task.agent.as_deref())?;
            let session = services.agents.key(&task.session, Some(agent.as_str()))?;
            let run_id = task.run_id.clone();
            let answer = task.answer(services, &session).await?;
            let ask = Ask::new(&run_id, session, task.text(), task.options(), "hook");
            Ask { answer, ..ask }.submit(services).await?;
            tracing::info!(run = %run_id, hook = %task.name, "a hook began a run");
            Ok(reply::json(StatusCode::ACCEPTED, &json!({"ok": true, "runId": run_id})))
        }
    }
}

/// The agent a hook names, if hooks may wake it.
fn allowed(services: &Services, named: Option<&str>) -> Result<wire::AgentId, ErrorShape> {
    let agent = services.agents.find(named)?;
    let config = services.config.current();
    let may = config
        .hooks
        .allowed_agent_ids
        .as_ref()
        .is_none_or(|ids| ids.iter().any(|id| id.trim() == "*" || wire::AgentId::fold(id) == agent));
    if may { Ok(agent) } else { Err(ErrorShape::invalid(format!("hooks may not wake agent \"{agent}\""))) }
}

fn refusal(error: &ErrorShape) -> Response<Body> {
    match error.code {
        ErrorCode::InvalidRequest => bad(&error.message),
        _ => reply::json(StatusCode::SERVICE_UNAVAILABLE, &failed(&error.message)),
    }
}

fn bad(why: &str) -> Response<Body> {
    reply::json(StatusCode::BAD_REQUEST, &failed(why))
}

fn failed(why: &str) -> Value {
    json!({"ok": false, "error": why})
}

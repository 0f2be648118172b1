//! One Gateway looked at: connected to as a probe, asked, and left (PROBE-9).

use std::time::Duration;

use link::{Connect, DialError, Target};
use serde_json::{Value, json};
use wire::methods::{self, Method as _};
use wire::{Scope, ScopeSet};

use crate::app::App;
use crate::cred::Way;
use crate::exit::Failure;
use crate::rpc::{self, As, Want};

/// One Gateway looked at.
pub(crate) struct Seen {
    pub(crate) target: Target,
    pub(crate) outcome: Result<Answer, DialError>,
}

/// What a Gateway said to a probe.
pub(crate) struct Answer {
    pub(in crate::cmd::gateway) latency: Duration,
    pub(in crate::cmd::gateway) role: String,
    pub(in crate::cmd::gateway) scopes: ScopeSet,
    pub(in crate::cmd::gateway) method: &'static str,
    pub(crate) version: String,
    pub(in crate::cmd::gateway) conn_id: String,
    pub(in crate::cmd::gateway) instance_id: Option<String>,
    pub(crate) health: Option<Value>,
    /// The other reads, when they were asked for.
    pub(super) details: Details,
}

/// What else there is to read.
#[derive(Default)]
pub(super) struct Details {
    pub(super) status: Option<Value>,
    pub(super) presence: Option<Value>,
    pub(super) config: Option<Value>,
}

/// How much to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Health,
    /// The four reads of PROBE-9.
    All,
}

impl Answer {
    /// The best word for what this caller may do (PROBE-9).
    pub(in crate::cmd::gateway) fn capability(&self) -> &'static str {
        let words = [(Scope::Admin, "admin_capable"), (Scope::Write, "write_capable"), (Scope::Read, "read_only")];
        let best = words.into_iter().find(|(scope, _)| self.scopes.allows(*scope));
        best.map_or("connected_no_operator_scope", |(_, word)| word)
    }

    /// Whether it may read at all.
    pub(super) fn may_read(&self) -> bool {
        self.scopes.allows(Scope::Read)
    }

    /// Whether `health`, `status`, `system-presence` and `config.get` have all answered.
    pub(super) fn has_all(&self) -> bool {
        let Details { status, presence, config } = &self.details;
        [&self.health, status, presence, config].iter().all(|answer| answer.is_some())
    }
}

/// Connects on `way` as a probe, asks for `health`, and leaves.
pub(crate) async fn look(app: &App, way: Way, timeout: Duration) -> Result<Seen, Failure> {
    let how = prepare(app, way, timeout)?;
    Ok(ask(how, timeout, Depth::Health).await)
}

/// How to connect on `way` as a probe.
pub(super) fn prepare(app: &App, way: Way, timeout: Duration) -> Result<Connect, Failure> {
    rpc::how(app, way, &Want { who: As::Probe, scopes: vec![Scope::Read], caps: Vec::new(), timeout })
}

/// Connects, asks for everything a probe tells, and leaves.
pub(super) async fn look_closely(how: Connect, timeout: Duration) -> Seen {
    ask(how, timeout, Depth::All).await
}

async fn ask(how: Connect, timeout: Duration, depth: Depth) -> Seen {
    let target = how.target.clone();
    let budget = rpc::Budget::of(timeout);
    let (client, _events) = match link::connect(&how).await {
        Ok(connected) => connected,
        Err(error) => return Seen { target, outcome: Err(error) },
    };
    let read = async |method: &'static str, params: Option<Value>| {
        budget.within(method, client.request_raw(method, params)).await.ok()
    };
    let also = async |method: &'static str, params: Option<Value>| match depth {
        Depth::Health => None,
        Depth::All => read(method, params).await,
    };
    let (health, status, presence, config) = tokio::join!(
        read("health", None),
        also("status", Some(json!({"includeChannelSummary": false}))),
        also(methods::presence::SystemPresence::NAME, None),
        also(methods::config::Get::NAME, None),
    );
    let hello = client.hello();
    let answer = Answer {
        latency: client.latency(),
        role: hello.auth.role.clone(),
        scopes: hello.auth.scopes.clone(),
        method: hello.auth.method.as_str(),
        version: hello.server.version.clone(),
        conn_id: hello.server.conn_id.clone(),
        instance_id: client.instance_id().map(str::to_owned),
        health,
        details: Details { status, presence, config },
    };
    client.close().await;
    Seen { target, outcome: Ok(answer) }
}

/// `{role, scopes, capability}` as several reports show it.
pub(in crate::cmd::gateway) fn auth(answer: &Answer) -> Value {
    json!({"role": answer.role, "scopes": answer.scopes, "capability": answer.capability()})
}

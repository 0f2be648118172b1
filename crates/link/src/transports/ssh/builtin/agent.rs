//! The person's `ssh-agent`: it keeps the keys and signs; a key never leaves it.

use std::path::Path;
use std::time::Duration;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::{AgentClient, AgentStream};
use tokio::time::timeout;

/// An agent answers at once; one that asks its owner before it signs is given more time by its caller.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// A connection to an agent, whatever it runs on.
pub(super) type Agent = AgentClient<Box<dyn AgentStream + Send + Unpin + 'static>>;

/// Connects to the agent at `socket`; on Windows a named pipe. `None` when nobody answers.
pub(super) async fn connect(socket: &Path) -> Option<Agent> {
    #[cfg(unix)]
    let connected = timeout(ANSWERS_WITHIN, AgentClient::connect_uds(socket)).await;
    #[cfg(windows)]
    let connected = timeout(ANSWERS_WITHIN, AgentClient::connect_named_pipe(socket)).await;
    Some(connected.ok()?.ok()?.dynamic())
}

/// What `agent` holds.
pub(super) async fn held_by(agent: &mut Agent) -> Vec<AgentIdentity> {
    timeout(ANSWERS_WITHIN, agent.request_identities()).await.ok().and_then(Result::ok).unwrap_or_default()
}

/// What the agent at `socket` holds.
pub(super) async fn identities(socket: &Path) -> Option<Vec<AgentIdentity>> {
    Some(held_by(&mut connect(socket).await?).await)
}

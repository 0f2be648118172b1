//! What nodes say happened (N-7), by the event's name. Each function takes the node, not a socket, so that every way a node
//! can connect shares them. A new event is one file and one arm.
//!
//! Who trusts whom: a node was approved by a person, and still it only reports. What it begins runs with a reduced set of
//! tools (N-7.12), and what it says is told to the model as data.

mod begin;
mod echo;
mod exec;
mod notification;
mod request;
mod subscription;
mod transcript;
mod wake;

use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::{ErrorShape, SessionKey};

pub(crate) use echo::Echoes;

use crate::nodes::Live;
use crate::services::Services;

/// Longest key of a session that a node may name.
const KEY_MAX: usize = 512;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Whether anything was done.
    pub(crate) handled: bool,
    /// What, or why not.
    pub(crate) reason: &'static str,
}

impl Heard {
    const fn done(what: &'static str) -> Self {
        Self { handled: true, reason: what }
    }

    const fn ignored(why: &'static str) -> Self {
        Self { handled: false, reason: why }
    }
}

/// Takes in what an approved node says; `None` for an event of another name.
///
/// # Errors
/// When the state cannot be used; the node may say it again.
pub(crate) async fn take(
    services: &Services,
    node: &Live,
    event: &str,
    details: Value,
) -> Result<Option<Heard>, ErrorShape> {
    let heard = match event {
        "voice.transcript" => transcript::hear(services, node, details).await,
        "agent.request" => request::hear(services, node, details).await,
        "notifications.changed" => notification::hear(services, node, details).await,
        "exec.started" | "exec.finished" | "exec.denied" => exec::hear(services, node, event, details).await,
        "chat.subscribe" => Ok(subscription::begin(services, node, details)),
        "chat.unsubscribe" => Ok(subscription::end(services, node, details)),
        _ => return Ok(None),
    };
    heard.map(Some)
}

/// The details as `T`.
fn read<T: DeserializeOwned>(details: Value) -> Option<T> {
    serde_json::from_value(details).ok()
}

/// The session a node names; `None` for one that cannot be.
fn named(services: &Services, key: &str) -> Option<SessionKey> {
    services.agents.key(key, None).ok().filter(|_| key.len() <= KEY_MAX)
}

/// Text a node gave, when it is more than blanks.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

/// At most `limit` characters on one line.
fn cut(text: &str, limit: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect();
    line.trim().to_owned()
}

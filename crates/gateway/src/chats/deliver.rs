//! Where a run's answer goes beside whoever asked for it: the chat that is named, or the one its session was
//! last written from.

use channels::{Body, Say};
use serde_json::Value;
use store::{Answer, NewOutgoing, Route, StoreError};
use wire::{ErrorShape, SessionKey};

use super::errand::{self, Named};
use crate::fault;
use crate::services::Services;

/// What stands for the session's own chat.
const LAST: &str = "last";

/// The chat that is named; the session's own where none is.
///
/// # Errors
/// `INVALID_REQUEST` for a chat nobody knows, or when there is none at all; `UNAVAILABLE` for an account not at work.
pub(crate) async fn to(
    services: &Services,
    session: &SessionKey,
    named: Named,
    reply_to: Option<String>,
) -> Result<Answer, ErrorShape> {
    let is_last = named.channel.as_deref() == Some(LAST);
    let route = if named.to.trim().is_empty() || is_last {
        own_route(services, session).await.map_err(fault::store)?.ok_or_else(|| {
            ErrorShape::invalid(
                "there is no chat to deliver to: name `channel` and `to`, or write to the agent from a chat first",
            )
        })?
    } else {
        errand::place(&services.chats, &named)?.1
    };
    Ok(Answer { route, reply_to, context: Value::Null })
}

/// The chat its session was last written from; `None` for one that never was, which is no mistake of a page that asks for
/// delivery whenever it can.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn home(services: &Services, session: &SessionKey) -> Result<Option<Answer>, StoreError> {
    let route = own_route(services, session).await?;
    Ok(route.map(|route| Answer { route, reply_to: None, context: Value::Null }))
}

/// A short word to a chat, said once under `id`.
///
/// # Errors
/// When it could not be made durable.
pub(crate) async fn notice(services: &Services, id: String, route: Route, text: &str) -> Result<(), StoreError> {
    let body = Body::Say(Say { text: text.to_owned(), ..Say::default() });
    let body = serde_json::to_value(body).unwrap_or_default();
    services.store.put_outgoing(NewOutgoing { id, route, body, inbox: Vec::new() }).await.map(drop)
}

async fn own_route(services: &Services, session: &SessionKey) -> Result<Option<Route>, StoreError> {
    Ok(services.store.session(session).await?.and_then(|session| session.route))
}

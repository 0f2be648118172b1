//! `sessions.subscribe`, `sessions.messages.subscribe` and their end. A subscription lives as long as its connection.

use wire::methods::sessions::{MessagesParams, MessagesSubscribed, SubscribeParams, Subscribed};
use wire::{ErrorShape, Scope};

use crate::hub::Topic;
use crate::rpc::Cx;

/// Changes and messages of all sessions.
pub(super) async fn all(cx: Cx, _params: SubscribeParams) -> Result<Subscribed, ErrorShape> {
    cx.hub.subscribe(cx.who.conn_id, Topic::Sessions);
    Ok(Subscribed { subscribed: true })
}

/// Messages of one session, which need not exist yet; with its questions for those who may decide them.
pub(super) async fn one(cx: Cx, params: MessagesParams) -> Result<MessagesSubscribed, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    cx.hub.subscribe(cx.who.conn_id, Topic::SessionMessages(key.clone()));
    let wanted = params.include_approvals.unwrap_or(false) && cx.who.scopes.allows(Scope::Approvals);
    let approval_replay = wanted.then(|| {
        // What is asked between the two is told twice rather than not at all.
        cx.hub.subscribe(cx.who.conn_id, Topic::SessionApprovals(key.clone()));
        cx.approvals.replay(&key)
    });
    Ok(MessagesSubscribed { subscribed: true, key: key.to_string(), approval_replay })
}

/// No more messages of one session.
pub(super) async fn not_one(cx: Cx, params: MessagesParams) -> Result<MessagesSubscribed, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    cx.hub.unsubscribe(cx.who.conn_id, &Topic::SessionMessages(key.clone()));
    cx.hub.unsubscribe(cx.who.conn_id, &Topic::SessionApprovals(key.clone()));
    Ok(MessagesSubscribed { subscribed: false, key: key.to_string(), approval_replay: None })
}

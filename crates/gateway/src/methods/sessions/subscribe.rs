//! `sessions.subscribe`, `sessions.messages.subscribe` and their end. A subscription lives as long as its connection.

use wire::ErrorShape;
use wire::methods::sessions::{ApprovalReplay, MessagesParams, MessagesSubscribed, SubscribeParams, Subscribed};

use crate::hub::Topic;
use crate::rpc::Cx;

/// Changes and messages of all sessions.
pub(super) async fn all(cx: Cx, _params: SubscribeParams) -> Result<Subscribed, ErrorShape> {
    cx.hub.subscribe(cx.who.conn_id, Topic::Sessions);
    Ok(Subscribed { subscribed: true })
}

/// Messages of one session, which need not exist yet.
pub(super) async fn one(cx: Cx, params: MessagesParams) -> Result<MessagesSubscribed, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    cx.hub.subscribe(cx.who.conn_id, Topic::SessionMessages(key.clone()));
    // Nothing asks for approvals yet, so none can wait.
    let approval_replay = params.include_approvals.unwrap_or(false).then(|| ApprovalReplay {
        session_key: key.to_string(),
        updated_at_ms: base::now_ms(),
        approvals: Vec::new(),
        truncated: false,
    });
    Ok(MessagesSubscribed { subscribed: true, key: key.to_string(), approval_replay })
}

/// No more messages of one session.
pub(super) async fn not_one(cx: Cx, params: MessagesParams) -> Result<MessagesSubscribed, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    cx.hub.unsubscribe(cx.who.conn_id, &Topic::SessionMessages(key.clone()));
    Ok(MessagesSubscribed { subscribed: false, key: key.to_string(), approval_replay: None })
}

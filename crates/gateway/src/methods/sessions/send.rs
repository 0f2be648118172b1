//! `sessions.send`: `chat.send` by key.

use store::NewSession;
use uuid::Uuid;
use wire::ErrorShape;
use wire::methods::session_edit::SendParams;
use wire::methods::{self, Method as _};

use crate::intake::RunOptions;
use crate::methods::chat::{Expects, Sending, send_message};
use crate::rpc::{Cx, First};

/// Says something in a session.
pub(super) async fn send(cx: Cx, params: SendParams, first: First) -> Result<(), ErrorShape> {
    let sending = Sending {
        session: cx.agents.key(&params.key, params.agent_id.as_deref())?,
        expects: Expects::default(),
        queue: None,
        run_id: params.idempotency_key.unwrap_or_else(|| Uuid::new_v4().to_string()),
        text: params.message,
        attachments: params.attachments.unwrap_or_default(),
        options: RunOptions {
            thinking: params.thinking,
            timeout_ms: params.timeout_ms,
            rights: cx.who.rights(),
            ..RunOptions::default()
        },
        commands: true,
        new_session: NewSession::default(),
        source: methods::session_edit::Send::NAME,
        deliver: false,
    };
    send_message(&cx, sending, |result| first.send(&result)).await
}

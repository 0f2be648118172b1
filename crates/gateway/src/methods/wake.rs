//! `wake`, `last-heartbeat` and `set-heartbeats`.

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::wake::{LastHeartbeat, SetHeartbeats, SetParams, Wake, WakeParams};

use crate::clock;
use crate::rpc::{Cx, Table};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<Wake>(wake).on::<LastHeartbeat>(last).on::<SetHeartbeats>(set)
}

async fn wake(cx: Cx, params: WakeParams) -> Result<Value, ErrorShape> {
    let WakeParams { mode, text, session_key, agent_id } = params;
    let woken = (mode, "wake", cx.who.rights());
    clock::wake(&cx.clock, woken, &text, session_key.as_deref(), agent_id.as_deref()).await?;
    Ok(json!({"ok": true}))
}

async fn last(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    Ok(cx.clock.last_beat())
}

async fn set(cx: Cx, params: SetParams) -> Result<Value, ErrorShape> {
    cx.clock.let_beat(params.enabled);
    Ok(json!({"ok": true, "enabled": params.enabled}))
}

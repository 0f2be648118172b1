//! `auth.limits` and `auth.unlock`: who is locked out, and letting them in again (RATE-8).

use std::time::Instant;

use serde_json::Value;
use wire::ErrorShape;
use wire::methods::auth::{Limits, LimitsResult, Unlock, UnlockParams, UnlockResult};

use crate::rpc::{Cx, Table};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<Limits>(limits).on::<Unlock>(unlock)
}

async fn limits(cx: Cx, _: Value) -> Result<LimitsResult, ErrorShape> {
    Ok(LimitsResult { locked: cx.gate.counted(|throttle| throttle.all_locked(Instant::now())) })
}

/// Forgets what a key did wrong; other keys stay as they are.
async fn unlock(cx: Cx, params: UnlockParams) -> Result<UnlockResult, ErrorShape> {
    let cleared = cx.gate.counted(|throttle| throttle.unlock(&params.key));
    tracing::info!(key = %params.key, cleared, by = %cx.who.client.id, "unlocked");
    Ok(UnlockResult { key: params.key, cleared })
}

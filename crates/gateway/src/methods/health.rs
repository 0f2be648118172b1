//! `health`.

use serde_json::Value;
use wire::ErrorShape;
use wire::methods::health::HealthParams;

use crate::rpc::{Cx, unavailable};

/// How the Gateway is: the last look with the sessions as they are now, or a fresh one when asked.
pub(super) async fn health(cx: Cx, params: HealthParams) -> Result<Value, ErrorShape> {
    let fresh = params.probe.unwrap_or(false);
    if fresh {
        return Ok((*cx.health.probe().await.map_err(unavailable)?).clone());
    }
    cx.health.last_with_sessions().await.map_err(unavailable)
}

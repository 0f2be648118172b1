//! `health`.

use std::sync::Arc;

use serde_json::value::RawValue;
use wire::ErrorShape;
use wire::methods::health::HealthParams;

use crate::rpc::{Cx, unavailable};

/// How the Gateway is: the last look with the sessions as they are now, or a fresh one when asked.
pub(super) async fn health(cx: Cx, params: HealthParams) -> Result<Arc<RawValue>, ErrorShape> {
    let fresh = params.probe.unwrap_or(false);
    let seen = if fresh { cx.health.probe().await } else { cx.health.last_with_sessions().await };
    seen.map_err(unavailable)
}

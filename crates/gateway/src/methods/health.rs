//! `health`.

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::health::HealthParams;

use crate::rpc::Cx;

/// How the Gateway is.
pub(super) async fn health(_cx: Cx, _params: HealthParams) -> Result<Value, ErrorShape> {
    Ok(json!({"ok": true, "ts": base::now_ms()}))
}

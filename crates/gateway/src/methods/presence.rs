//! `system-presence` and `system-event`.

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::presence::SystemEventParams;

use crate::rpc::Cx;

/// Who is here.
pub(super) async fn system_presence(cx: Cx, _: Value) -> Result<Vec<Value>, ErrorShape> {
    Ok(cx.presence.list())
}

/// A helper reports its system; the row is known by its instance or host.
pub(super) async fn system_event(cx: Cx, params: SystemEventParams) -> Result<Value, ErrorShape> {
    let text = params.text.trim();
    if text.is_empty() {
        return Err(ErrorShape::invalid("text required"));
    }
    let mut row = params.rest;
    let named = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    let key = named("deviceId").or_else(|| named("instanceId")).or_else(|| named("host"));
    let key = key.unwrap_or_else(|| cx.who.conn_id.to_string());
    row.insert("text".into(), json!(text));
    cx.presence.report(&key, row);
    Ok(json!({"ok": true}))
}

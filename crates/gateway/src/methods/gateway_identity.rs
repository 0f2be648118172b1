//! `gateway.identity.get`.

use serde_json::{Value, json};
use wire::ErrorShape;

use crate::rpc::Cx;

/// Which Gateway this is; the id stays the same for the life of the state folder.
pub(super) async fn get(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    let run = &cx.run;
    Ok(json!({
        "instanceId": run.instance_id, "deviceId": run.instance_id, "bootId": run.boot_id, "version": run.version,
        "host": run.machine.hostname,
    }))
}

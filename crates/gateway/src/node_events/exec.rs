//! `exec.started`, `exec.finished`, `exec.denied`: what a node says of a command it runs (N-7.6). It counts only for a
//! run this Gateway asked that node for, on the same connection; everything else may be made up.

use std::time::Instant;

use serde_json::Value;

use super::Heard;
use crate::nodes::Live;
use crate::nodes::issued::IssuedRun;
use crate::services::Services;

/// Takes one in.
pub(super) fn hear(services: &Services, node: &Live, event: &str, details: &Value) -> Heard {
    let (issued, now) = (services.nodes.issued(), Instant::now());
    let known = run(node, details).is_some_and(|run| match event {
        "exec.started" => issued.knows(now, &run),
        _ => issued.take(now, &run),
    });
    if known { Heard::done("matched") } else { Heard::ignored("unmatched_exec_event") }
}

/// The run it is about.
fn run(node: &Live, details: &Value) -> Option<IssuedRun> {
    let text = |name: &str| details[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(IssuedRun {
        node_id: node.caller.device_id.clone()?,
        conn_id: node.caller.conn_id,
        run_id: text("runId")?,
        session_key: text("sessionKey"),
    })
}

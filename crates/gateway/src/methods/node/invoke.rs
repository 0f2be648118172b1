//! Calls of nodes, and what nodes say to them (N-5).

use wire::ErrorShape;
use wire::methods::node::{
    AnswerParams, CHUNK_MAX_BYTES, InputParams, InvokeParams, InvokeResult, ProgressParams, Taken,
};

use crate::nodes::by::By;
use crate::nodes::calls::Heard;
use crate::rpc::Cx;

/// Asks a node.
pub(super) async fn invoke(cx: Cx, params: InvokeParams) -> Result<InvokeResult, ErrorShape> {
    cx.nodes.invoke(By::Client(&cx.who), params).await
}

/// Sends more to a call this connection made (N-5.13).
pub(super) async fn input(cx: Cx, params: InputParams) -> Result<Taken, ErrorShape> {
    let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(&params.payload_json).is_ok();
    if params.payload_json.len() > CHUNK_MAX_BYTES || !is_json() {
        let message =
            format!("invalid node.invoke.input params: at /payloadJSON: JSON text of at most {CHUNK_MAX_BYTES} bytes");
        return Err(ErrorShape::invalid(message));
    }
    Ok(taken(cx.nodes.input(&cx.who, params)))
}

/// A node answers (N-5.3).
pub(super) async fn answer(cx: Cx, params: AnswerParams) -> Result<Taken, ErrorShape> {
    its_own(&cx, &params.node_id)?;
    Ok(taken(cx.nodes.calls().answer(cx.who.conn_id, params)))
}

/// A node sends a piece (N-5.12).
pub(super) async fn progress(cx: Cx, params: ProgressParams) -> Result<Taken, ErrorShape> {
    its_own(&cx, &params.node_id)?;
    if params.chunk.len() > CHUNK_MAX_BYTES {
        let message = format!("invalid node.invoke.progress params: at /chunk: at most {CHUNK_MAX_BYTES} bytes");
        return Err(ErrorShape::invalid(message));
    }
    Ok(taken(cx.nodes.calls().progress(cx.who.conn_id, &params.invoke_id, params.seq, params.chunk)))
}

/// Nobody answers for another node.
fn its_own(cx: &Cx, node_id: &str) -> Result<(), ErrorShape> {
    let is_own = cx.who.device_id.as_deref() == Some(node_id);
    if is_own { Ok(()) } else { Err(ErrorShape::invalid("nodeId mismatch")) }
}

const fn taken(heard: Heard) -> Taken {
    Taken { ok: true, ignored: matches!(heard, Heard::Ignored) }
}

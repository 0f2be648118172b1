//! `link.resume`.

use wire::ErrorShape;
use wire::methods::resume::ResumeParams;

use crate::rpc::{Cx, First};

/// Sends a client what it missed, or has it fetch again. The answer comes before the first event.
pub(super) async fn resume(cx: Cx, params: ResumeParams, first: First) -> Result<(), ErrorShape> {
    cx.hub.resume(cx.who.conn_id, &cx.run.boot_id, &params, |outcome| first.send(outcome));
    Ok(())
}

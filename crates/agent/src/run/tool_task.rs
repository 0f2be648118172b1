//! One running tool: its output as it comes, and exactly one end, whatever the tool does.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use wire::message::ToolCall;

use super::RunEvent;
use crate::tools::{Tool, ToolCx, ToolOutput};

/// Pieces of output waiting for the lane; when full, the tool drops updates (its result has everything anyway).
pub(super) const PROGRESS_QUEUE: usize = 32;

/// Runs `call` and forwards its progress. `cx.progress` must be the sender of `progress`. A tool that panics has
/// failed; it does not take the turn with it.
pub(super) async fn run(
    tool: Option<Arc<dyn Tool>>,
    call: ToolCall,
    cx: ToolCx,
    mut progress: mpsc::Receiver<String>,
    events: mpsc::Sender<RunEvent>,
) -> (String, ToolOutput) {
    let ToolCall { id, name, arguments } = call;
    let Some(tool) = tool else { return (id, ToolOutput::error(format!("There is no tool `{name}`."))) };
    let work = AssertUnwindSafe(async { tool.call(arguments, cx).await }).catch_unwind();
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            Some(delta) = progress.recv() => report(&events, &id, &name, delta).await,
            output = &mut work => {
                while let Ok(delta) = progress.try_recv() {
                    report(&events, &id, &name, delta).await;
                }
                return (id, output.unwrap_or_else(|_| panicked(&name)));
            }
        }
    }
}

async fn report(events: &mpsc::Sender<RunEvent>, id: &str, name: &str, delta: String) {
    let (id, name) = (id.to_owned(), name.to_owned());
    // A lane that has gone does not stop a tool.
    let _ = events.send(RunEvent::ToolProgress { id, name, delta }).await;
}

fn panicked(name: &str) -> ToolOutput {
    tracing::error!(tool = name, "a tool panicked");
    ToolOutput::error(format!("`{name}` broke down inside. What it had done by then stays done."))
}

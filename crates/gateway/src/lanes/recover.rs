//! After a start: what the last process left is run to its end, three times at most.

use agent::run::RunOutcome;
use store::StoreError;

use super::{Lanes, attempt};

/// How often a message is tried before a person is told that it failed.
const MAX_ATTEMPTS: u32 = 3;

/// Hands every unfinished message to its lane, oldest first; returns how many.
pub(super) async fn recover(lanes: &Lanes) -> Result<usize, StoreError> {
    let unfinished = lanes.0.store.unfinished_inputs().await?;
    let found = unfinished.len();
    for input in unfinished {
        if input.attempts < MAX_ATTEMPTS {
            tracing::info!(run = %input.run_id, session = %input.session, attempts = input.attempts, "resuming a run");
            lanes.submit(input);
        } else if let Some(run) = lanes.0.runs.enter(&input.run_id, &input.session) {
            tracing::warn!(run = %input.run_id, session = %input.session, "a run was given up");
            attempt::fail_unfinished(&lanes.0, &run, given_up()).await;
            lanes.0.runs.leave(&run);
        }
    }
    Ok(found)
}

fn given_up() -> RunOutcome {
    RunOutcome::Failed {
        message: format!(
            "This message was interrupted {MAX_ATTEMPTS} times by a restart of the Gateway and was given up. Please \
             send it again."
        ),
        kind: "internal",
        provider: None,
        model: None,
    }
}

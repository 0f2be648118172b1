//! After a start: what the last process left is run to its end, three times at most.

use agent::run::RunOutcome;
use store::{Input, StoreError};

use super::{Lanes, TYPED, attempt};

/// How often a message is tried before a person is told that it failed.
const MAX_ATTEMPTS: u32 = 3;

/// Hands every unfinished message to its lane, oldest first; returns how many.
pub(super) async fn recover(lanes: &Lanes) -> Result<usize, StoreError> {
    let unfinished = lanes.0.store.unfinished_inputs().await?;
    let found = unfinished.len();
    for input in unfinished {
        if input.source == TYPED {
            give_up(lanes, &input, cut_off()).await;
        } else if input.attempts < MAX_ATTEMPTS {
            tracing::info!(run = %input.run_id, session = %input.session, attempts = input.attempts, "resuming a run");
            lanes.submit(input);
        } else {
            give_up(lanes, &input, given_up()).await;
        }
    }
    Ok(found)
}

async fn give_up(lanes: &Lanes, input: &Input, outcome: RunOutcome) {
    let Some(run) = lanes.0.runs.enter(&input.run_id, &input.session) else { return };
    tracing::warn!(run = %input.run_id, session = %input.session, "a run was given up");
    attempt::fail_unfinished(&lanes.0, &run, outcome).await;
    lanes.0.runs.leave(&run);
}

/// A command may have been carried out or not, and is nothing to ask a model.
fn cut_off() -> RunOutcome {
    RunOutcome::Failed {
        message: "The Gateway stopped while this command was carried out. Please type it again.".into(),
        kind: "internal",
        provider: None,
        model: None,
    }
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

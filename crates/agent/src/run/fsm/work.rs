//! The tools' side of a turn: which run, what their results mean, how they are stopped.

use std::path::PathBuf;

use serde_json::Value;
use wire::message::{Block, Message, ToolCall, text_of};

use super::{End, Machine, Phase, STOP_GRACE, result_message};
use crate::run::batch::Batch;
use crate::run::effect::{Beside, Effect, Moment};
use crate::run::guard::{self, Verdict};
use crate::run::{AbortReason, RunEvent};
use crate::tools::ToolOutput;

/// The result of a call that a new message came before.
const SKIPPED: &str = "Not run: a new message came in first. Read it, then decide whether this is still wanted.";
/// The tool whose files are for people.
const NODES: &str = "nodes";

impl Machine {
    pub(super) fn work(&mut self, now: Moment, calls: Vec<(ToolCall, Option<String>)>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut together = true;
        let mut slots = Vec::with_capacity(calls.len());
        for (call, malformed) in calls {
            let refusal = malformed.or_else(|| self.unknown_tool(&call.name)).map(ToolOutput::error);
            if let Some(output) = &refusal {
                effects.push(Effect::Report(started(&call)));
                effects.push(Effect::Report(ended(&call, output.clone())));
            } else {
                together &= self.setup.tools.get(&call.name) == Some(&Beside::Others);
            }
            slots.push((call, refusal));
        }
        self.phase = Phase::Working { batch: Batch::new(slots, together) };
        effects.extend(self.advance(now));
        effects
    }

    pub(super) fn unknown_tool(&self, name: &str) -> Option<String> {
        let names: Vec<_> = self.setup.tools.keys().map(String::as_str).collect();
        let unknown = !names.contains(&name);
        unknown.then(|| format!("There is no tool `{name}`. The tools are: {}.", names.join(", ")))
    }

    pub(super) fn tool_ended(&mut self, now: Moment, id: String, output: ToolOutput) -> Vec<Effect> {
        let mut effects = self.ended_by_id(id, output);
        effects.extend(self.advance(now));
        effects
    }

    pub(super) fn ended_by_id(&self, id: String, output: ToolOutput) -> Vec<Effect> {
        let (Phase::Working { batch } | Phase::Stopping { batch, .. }) = &self.phase else { return Vec::new() };
        let name = batch.name_of(&id).unwrap_or_default().to_owned();
        vec![Effect::Report(RunEvent::ToolEnded { id, name, output })]
    }

    /// Appends results that are due, then starts what may start, or calls the model when all are there.
    pub(super) fn advance(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Phase::Working { batch } = &mut self.phase
            && self.offered
        {
            batch.skip_waiting(|| ToolOutput::error(SKIPPED));
        }
        loop {
            let Phase::Working { batch } = &mut self.phase else { return effects };
            let Some((call, output)) = batch.take_ready() else { break };
            let (message, verdict) = self.judge_result(&call, output, now.ms);
            effects.push(Effect::Append(message));
            if verdict == Verdict::Stop {
                effects.extend(self.stop_tools(now, End::Looped(call.name)));
                return effects;
            }
        }
        let Phase::Working { batch } = &mut self.phase else { return effects };
        if batch.is_done() {
            effects.extend(self.call(now));
            return effects;
        }
        let next = batch.start_next();
        if !next.is_empty() {
            effects.extend(next.iter().map(|call| Effect::Report(started(call))));
            effects.push(Effect::Run(next));
        }
        effects
    }

    pub(super) fn judge_result(&mut self, call: &ToolCall, mut output: ToolOutput, ms: i64) -> (Message, Verdict) {
        let line = text_of(&output.content).lines().next().unwrap_or("no reason given").to_owned();
        self.trouble = output.is_error.then(|| (call.name.clone(), line));
        if call.name == NODES {
            self.note_media(output.details.as_ref());
        }
        let verdict = self.guard.note(&call.name, &call.arguments, &output);
        if verdict == Verdict::Warn {
            let note = format!(
                "[This same call has now given this same result {} times. Try something else, or tell the user what \
                 is in the way.]",
                guard::WARN_AT
            );
            output.content.push(Block::text(note));
        }
        (result_message(call, output, ms), verdict)
    }

    /// What a person's own devices showed goes along with the reply.
    fn note_media(&mut self, details: Option<&Value>) {
        let paths = details.and_then(|details| details["paths"].as_array());
        let paths = paths.into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from);
        self.directives.media.extend(paths);
    }

    /// Cancels the tools of the batch; the turn ends when they have ended, or after a grace.
    pub(super) fn stop_tools(&mut self, now: Moment, end: End) -> Vec<Effect> {
        let Phase::Working { mut batch } = std::mem::replace(&mut self.phase, Phase::Fresh) else { return Vec::new() };
        batch.skip_waiting(|| ToolOutput::error("Not run: the turn was stopped first."));
        let done = batch.is_done();
        self.phase = Phase::Stopping { batch, end, until: now.at + STOP_GRACE };
        if done { self.settle(now) } else { vec![Effect::StopTools] }
    }

    pub(super) fn tool_stopped(&mut self, now: Moment, id: String, output: ToolOutput) -> Vec<Effect> {
        let mut effects = self.ended_by_id(id, output);
        if matches!(&self.phase, Phase::Stopping { batch, .. } if batch.is_done()) {
            effects.extend(self.settle(now));
        }
        effects
    }

    /// Every call gets its result, then the turn ends.
    pub(super) fn settle(&mut self, now: Moment) -> Vec<Effect> {
        let Phase::Stopping { mut batch, end, .. } = std::mem::replace(&mut self.phase, Phase::Fresh) else {
            return Vec::new();
        };
        batch.abandon(|| ToolOutput::error("Stopped before it ended; what it had done by then stays done."));
        let mut effects = Vec::new();
        while let Some((call, output)) = batch.take_ready() {
            effects.push(Effect::Append(result_message(&call, output, now.ms)));
        }
        effects.extend(match end {
            End::Aborted(reason) => self.end_aborted(now, reason),
            End::Looped(tool) => {
                let times = guard::STOP_AT;
                let message = format!("Stopped: `{tool}` was called {times} times with the same result each time.");
                self.fail(now, "internal", message)
            }
        });
        effects
    }

    pub(super) fn abort(&mut self, now: Moment, reason: AbortReason) -> Vec<Effect> {
        match self.phase {
            Phase::Working { .. } => self.stop_tools(now, End::Aborted(reason)),
            Phase::Calling { .. } => {
                let mut effects = vec![Effect::HangUp];
                effects.extend(self.end_aborted(now, reason));
                effects
            }
            _ => self.end_aborted(now, reason),
        }
    }
}

fn started(call: &ToolCall) -> RunEvent {
    RunEvent::ToolStarted { id: call.id.clone(), name: call.name.clone(), args: call.arguments.clone() }
}

fn ended(call: &ToolCall, output: ToolOutput) -> RunEvent {
    RunEvent::ToolEnded { id: call.id.clone(), name: call.name.clone(), output }
}

//! The ends of a turn. Each leaves the machine in [`Phase::Over`].

use wire::message::{AssistantMessage, Block, StopReason, Usage};

use super::{Machine, Phase};
use crate::run::effect::{Effect, Moment, Silence};
use crate::run::reply::Spoke;
use crate::run::{AbortReason, RunEvent, RunOutcome};

impl Machine {
    /// The model called no tools: the turn is over, unless it owes a word (A-7.8a, A-7.9).
    pub(super) fn conclude(
        &mut self,
        now: Moment,
        spoke: Spoke,
        visible: &str,
        message: AssistantMessage,
    ) -> Vec<Effect> {
        let owes = self.setup.silence == Silence::Refused && spoke != Spoke::Aloud && self.said.is_empty();
        if !owes {
            self.say(visible.to_owned());
            return self.complete(message);
        }
        if !std::mem::replace(&mut self.nudged, true) {
            return self.call(now);
        }
        match self.trouble.take() {
            Some((tool, line)) => {
                let notice = format!("`{tool}` failed: {line}");
                let content = vec![Block::text(&*notice)];
                self.said.clone_from(&notice);
                let mut effects = vec![Effect::Report(RunEvent::Text { delta: notice })];
                effects.extend(self.complete(AssistantMessage { content, ..message }));
                effects
            }
            None => {
                let message = format!("{}/{} gave no answer, even when asked again.", message.provider, message.model);
                self.fail(now, "internal", message)
            }
        }
    }

    pub(super) fn complete(&mut self, message: AssistantMessage) -> Vec<Effect> {
        self.phase = Phase::Over;
        let outcome = RunOutcome::Completed {
            text: self.said.clone(),
            stop_reason: if message.stop_reason == StopReason::Length { "length" } else { "stop" },
            usage: self.tokens.run,
            provider: self.author.provider.clone(),
            model: self.author.model.clone(),
            directives: self.directives.clone(),
        };
        vec![Effect::Finish {
            outcome,
            last: (!message.content.is_empty()).then(|| Box::new(message)),
            tokens: self.tokens,
        }]
    }

    /// Ends the turn with an error people see; what they saw before it stays in the transcript.
    pub(super) fn fail(&mut self, now: Moment, kind: &'static str, message: String) -> Vec<Effect> {
        let (content, _) = self.last_words();
        let mut last = self.author.message(content, StopReason::Error, Usage::default(), now.ms);
        last.error_message = Some(message.clone());
        let (provider, model) = (Some(self.author.provider.clone()), Some(self.author.model.clone()));
        let outcome = RunOutcome::Failed { message, kind, provider, model };
        vec![Effect::Finish { outcome, last: Some(Box::new(last)), tokens: self.tokens }]
    }

    /// Leaves the current phase for good; returns what people saw of an unfinished answer, as blocks and as text.
    pub(super) fn last_words(&mut self) -> (Vec<Block>, String) {
        self.set_draft_aside();
        self.phase = Phase::Over;
        match self.broken.take() {
            Some(draft) => (draft.salvage(), draft.visible().to_owned()),
            None => (Vec::new(), String::new()),
        }
    }
    pub(super) fn end_aborted(&mut self, now: Moment, reason: AbortReason) -> Vec<Effect> {
        let (content, partial) = self.last_words();
        let outcome = RunOutcome::Aborted { partial, reason: reason.as_str() };
        if reason == AbortReason::Shutdown {
            return vec![Effect::Suspend(outcome)];
        }
        let last = self.author.message(content, StopReason::Aborted, Usage::default(), now.ms);
        vec![Effect::Finish { outcome, last: (!last.content.is_empty()).then(|| Box::new(last)), tokens: self.tokens }]
    }

    /// Nothing can be written any more, so nothing is: the turn ends at once.
    pub(super) fn lose_transcript(&mut self, reason: String) -> Vec<Effect> {
        let mut effects = match self.phase {
            Phase::Calling { .. } => vec![Effect::HangUp],
            Phase::Working { .. } => vec![Effect::StopTools],
            _ => Vec::new(),
        };
        self.phase = Phase::Over;
        let (provider, model) = (Some(self.author.provider.clone()), Some(self.author.model.clone()));
        let outcome = RunOutcome::Failed { message: reason, kind: "internal", provider, model };
        effects.push(Effect::Finish { outcome, last: None, tokens: self.tokens });
        effects
    }
}

//! The model's side of a turn: calls, what streams in, failures.

use wire::message::{Message, StopReason, ToolCall};

use super::{MAX_RESUMES, Machine, Phase, class_name, result_message};
use crate::providers::{FailureClass, ModelEvent, ProviderError};
use crate::run::draft::{Answer, Author};
use crate::run::effect::{Call, Effect, Moment};
use crate::run::reply::Directives;
use crate::run::retry::{Retries, Verdict};
use crate::run::usage::{self, Price};
use crate::run::{Phase as Stage, RunEvent};
use crate::tools::ToolOutput;

impl Machine {
    pub(super) fn start(&mut self, now: Moment, attempt: u32, unanswered: Vec<ToolCall>) -> Vec<Effect> {
        let lost = ToolOutput::error(
            "The Gateway stopped before this call's result was recorded. It may or may not have taken effect; check \
             before doing it again.",
        );
        let mut effects: Vec<_> =
            unanswered.into_iter().map(|call| Effect::Append(result_message(&call, lost.clone(), now.ms))).collect();
        if attempt > 1 + MAX_RESUMES {
            let message = format!("This turn was cut off {MAX_RESUMES} times by restarts and is not tried again.");
            effects.extend(self.fail(now, "internal", message));
        } else {
            effects.extend(self.call(now));
        }
        effects
    }

    /// Sends a request; the counters of failures stay as they are.
    pub(super) fn call(&mut self, now: Moment) -> Vec<Effect> {
        self.phase = Phase::Calling { draft: Box::default(), idle_until: now.at + self.setup.idle };
        // Whoever makes the call takes in what is offered first.
        self.offered = false;
        let mut effects = Vec::new();
        if !std::mem::replace(&mut self.called, true) {
            effects.push(Effect::Report(RunEvent::Status(Stage::StartingModel)));
        }
        let (provider, model) = (self.author.provider.clone(), self.author.model.clone());
        effects.push(Effect::Report(RunEvent::Model { provider, model }));
        effects.push(Effect::Call(Call { nudge: self.nudged, squeeze: self.retries.squeezes() }));
        effects
    }

    pub(super) fn model_said(&mut self, now: Moment, event: ModelEvent) -> Vec<Effect> {
        let Phase::Calling { draft, idle_until } = &mut self.phase else { return Vec::new() };
        *idle_until = now.at + self.setup.idle;
        match event {
            ModelEvent::Text(delta) if !delta.is_empty() => {
                let visible = draft.text(&delta);
                self.show(visible)
            }
            ModelEvent::Thinking(delta) if !delta.is_empty() => {
                draft.thinking(&delta);
                vec![Effect::Report(RunEvent::Thinking { delta })]
            }
            ModelEvent::Text(_) | ModelEvent::Thinking(_) => Vec::new(),
            ModelEvent::ThinkingSignature(proof) => {
                draft.signature(proof);
                Vec::new()
            }
            ModelEvent::ToolCall { id, name, arguments } => {
                draft.call(id, name, arguments, &mut self.used_ids);
                Vec::new()
            }
            ModelEvent::Usage(usage) => {
                draft.usage = usage;
                Vec::new()
            }
            ModelEvent::Done { stop: StopReason::Error | StopReason::Aborted, .. } => {
                let message = format!("{} ended its answer with an error", self.author.provider);
                let error = ProviderError { class: FailureClass::ServerError, message, retry_after: None };
                self.call_failed(now, &error)
            }
            ModelEvent::Done { stop, response_id } => self.answered(now, stop, response_id),
        }
    }

    /// Reports text that just became visible in the current draft, whose `visible` already holds it.
    pub(super) fn show(&mut self, delta: String) -> Vec<Effect> {
        let Phase::Calling { draft, .. } = &self.phase else { return Vec::new() };
        if delta.is_empty() {
            return Vec::new();
        }
        let event = if self.broken.take().is_some() {
            RunEvent::TextReplaced { text: draft.visible().to_owned() }
        } else {
            RunEvent::Text { delta }
        };
        vec![Effect::Report(event)]
    }

    pub(super) fn answered(&mut self, now: Moment, stop: StopReason, response_id: Option<String>) -> Vec<Effect> {
        let Phase::Calling { draft, .. } = std::mem::replace(&mut self.phase, Phase::Fresh) else {
            return Vec::new();
        };
        let usage = Price::of(self.setup.price, draft.usage);
        usage::add(&mut self.tokens.run, &usage);
        let seen = usage.input + usage.cache_read + usage.cache_write + usage.output;
        self.tokens.conversation = (seen > 0).then_some(seen).or(self.tokens.conversation);
        let answer = draft.finish();
        let mut effects = self.show_rest(&answer);
        effects.extend([Effect::HangUp, Effect::Report(RunEvent::Usage(usage))]);
        self.retries = Retries::new();
        self.note_directives(&answer.directives);
        if answer.calls.is_empty() {
            let mut message = self.author.message(answer.content, stop, usage, now.ms);
            message.response_id = response_id;
            if message.stop_reason == StopReason::ToolUse {
                message.stop_reason = StopReason::Stop;
            }
            effects.extend(self.conclude(now, answer.spoke, &answer.visible, message));
        } else {
            let mut message = self.author.message(answer.content, StopReason::ToolUse, usage, now.ms);
            message.response_id = response_id;
            self.say(answer.visible);
            effects.push(Effect::Append(Message::Assistant(message)));
            effects.extend(self.work(now, answer.calls));
        }
        effects
    }

    /// Reports what became visible only with the end of the answer, or that nothing replaces a broken attempt.
    pub(super) fn show_rest(&mut self, answer: &Answer) -> Vec<Effect> {
        let event = if self.broken.take().is_some() {
            RunEvent::TextReplaced { text: answer.visible.clone() }
        } else if answer.rest.is_empty() {
            return Vec::new();
        } else {
            RunEvent::Text { delta: answer.rest.clone() }
        };
        vec![Effect::Report(event)]
    }

    pub(super) fn note_directives(&mut self, directives: &Directives) {
        if directives.reply_to.is_some() {
            self.directives.reply_to.clone_from(&directives.reply_to);
        }
        self.directives.voice |= directives.voice;
    }

    pub(super) fn idle_error(&self) -> ProviderError {
        let message = format!("{} sent nothing for {} s", self.author.provider, self.setup.idle.as_secs());
        ProviderError { class: FailureClass::Timeout, message, retry_after: None }
    }

    pub(super) fn call_failed(&mut self, now: Moment, error: &ProviderError) -> Vec<Effect> {
        let verdict = self.retries.judge(error, now.roll);
        let mut effects = vec![Effect::HangUp];
        if verdict == Verdict::GiveUp {
            effects.extend(self.fail_over(now, error).unwrap_or_else(|| self.give_up(now, error)));
            return effects;
        }
        self.set_draft_aside();
        let (attempt, reason) = (self.retries.next_attempt(), error.message.clone());
        effects.push(Effect::Report(RunEvent::Retrying { attempt, reason }));
        match verdict {
            Verdict::Again(wait) => self.phase = Phase::Waiting { until: now.at + wait },
            _ => effects.extend(self.call(now)),
        }
        effects
    }

    /// The next model takes over if there is one and nobody has read a word of this one's answer.
    fn fail_over(&mut self, now: Moment, error: &ProviderError) -> Option<Vec<Effect>> {
        let Phase::Calling { draft, .. } = &self.phase else { return None };
        let unheard = draft.visible().is_empty() && self.broken.is_none();
        if !unheard || !error.class.may_fail_over() {
            return None;
        }
        let next = self.setup.fallbacks.pop_front()?;
        self.set_draft_aside();
        self.failed.push(self.attempted(error));
        self.retries = Retries::new();
        let reason = format!("{}; {}/{} is asked instead", error.message, next.provider, next.model);
        self.author = Author { api: next.api, provider: next.provider, model: next.model };
        (self.setup.price, self.setup.idle) = (next.price, next.idle);
        let mut effects = vec![Effect::Report(RunEvent::Retrying { attempt: 1, reason }), Effect::NextModel];
        effects.extend(self.call(now));
        Some(effects)
    }

    /// Shows the failure; when several models failed, what each of them said.
    fn give_up(&mut self, now: Moment, error: &ProviderError) -> Vec<Effect> {
        let message = if self.failed.is_empty() {
            error.message.clone()
        } else {
            let last = self.attempted(error);
            let all: Vec<&str> = self.failed.iter().map(String::as_str).chain([last.as_str()]).collect();
            format!("every model failed: {}", all.join("; "))
        };
        self.fail(now, class_name(error.class), message)
    }

    fn attempted(&self, error: &ProviderError) -> String {
        format!("{}/{}: {}", self.author.provider, self.author.model, error.message)
    }

    /// The current draft will never be complete. Its tokens count; its text stands until another replaces it.
    pub(super) fn set_draft_aside(&mut self) {
        if let Phase::Calling { draft, .. } = std::mem::replace(&mut self.phase, Phase::Fresh) {
            usage::add(&mut self.tokens.run, &Price::of(self.setup.price, draft.usage));
            if !draft.visible().is_empty() {
                self.broken = Some(*draft);
            }
        }
    }
}

//! From what a turn reports to what clients see. One [`Report`] a run owns the run's counter and the coalescing of
//! text, so `seq` rises by one with every event whichever stream it is on, and the order is that of A-6.8a.
//!
//! Pure: it answers with [`Out`]s; the attempt sends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent::run::{RunEvent, RunOutcome};
use wire::events::agent::{AgentEvent, Lifecycle, Stream, TerminalReply};
use wire::events::chat::{Answered, ChatEvent, ChatMessage, ChatState};
use wire::message::{Message, Usage};
use wire::{AgentId, SessionKey};

use super::failure;
use super::tool_report::ToolReport;

/// Text is shown at once, then at most this often; seven times a second reads as smooth.
pub(super) const COALESCE: Duration = Duration::from_millis(150);

/// Something to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Out {
    /// To every operator with `operator.read`.
    Chat(ChatEvent),
    /// To the same.
    Agent(AgentEvent),
    /// Only to those that advertised `tool-events`.
    Tool(AgentEvent),
    /// To those who subscribed to the session.
    Message {
        /// The transcript entry.
        entry_id: String,
        /// Its number.
        seq: u64,
        /// The message.
        message: Message,
    },
}

/// Which run this is about.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// The run.
    pub(super) run_id: String,
    /// Where.
    pub(super) session: SessionKey,
    /// The transcript it writes.
    pub(super) session_id: String,
    /// Whose.
    pub(super) agent: AgentId,
}

/// The counter of one run, shared with whoever has to end it if its own task dies.
#[derive(Debug, Clone, Default)]
pub(super) struct Seq(Arc<AtomicU64>);

impl Seq {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What one run has shown so far.
pub(super) struct Report {
    subject: Subject,
    seq: Seq,
    started_at: i64,
    /// Which model call this is, from 1; names the `assistant` item.
    item: u32,
    said: Channel,
    thought: Channel,
    shown: Shown,
    flushed: Option<Instant>,
    tools: ToolReport,
}

/// Streamed text of the current model call, and how much of it the `agent` stream has carried.
#[derive(Default)]
struct Channel {
    text: String,
    sent: usize,
}

/// What the last `chat` delta showed.
#[derive(Default)]
struct Shown {
    text: String,
}

impl Report {
    /// A run that begins now.
    pub(super) fn new(subject: Subject, seq: Seq, started_at: i64) -> Self {
        Self {
            subject,
            seq,
            started_at,
            item: 0,
            said: Channel::default(),
            thought: Channel::default(),
            shown: Shown::default(),
            flushed: None,
            tools: ToolReport::default(),
        }
    }

    /// What the assistant has said so far in this run's current answer.
    pub(super) fn text(&self) -> &str {
        &self.said.text
    }

    /// When held-back text must be shown, if there is any.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiting = self.said.is_behind() || self.thought.is_behind() || self.shown.text != self.said.text;
        self.flushed.filter(|_| waiting).map(|at| at + COALESCE)
    }

    /// Shows held-back text.
    pub(super) fn flush(&mut self, now: Instant, ts: i64) -> Vec<Out> {
        let mut out = Vec::new();
        self.flush_agent(ts, &mut out);
        self.flush_chat(ts, &mut out);
        self.flushed = Some(now);
        out
    }

    /// Shows what the turn just reported. `ts` is the wall clock, `now` the one that measures.
    pub(super) fn event(&mut self, now: Instant, ts: i64, event: RunEvent) -> Vec<Out> {
        let mut out = Vec::new();
        match event {
            RunEvent::Status(phase) => {
                let phase = phase.as_str();
                out.push(self.chat(ChatState::Status { phase: phase.into() }));
                out.push(self.agent(ts, Stream::RunStatus { phase: phase.into() }));
            }
            RunEvent::Saved { entry_id, seq, message } => out.push(Out::Message { entry_id, seq, message }),
            RunEvent::Started => {
                let started_at = self.started_at;
                out.push(self.agent(ts, Stream::Lifecycle(Lifecycle::Start { started_at })));
            }
            RunEvent::Model { provider, model } => {
                self.next_item(ts, &mut out);
                out.push(self.agent(ts, Stream::Lifecycle(Lifecycle::Model { provider, model })));
            }
            RunEvent::Text { delta } => {
                self.said.text.push_str(&delta);
                return self.flush_if_due(now, ts);
            }
            RunEvent::TextReplaced { text } => {
                self.said = Channel { text, sent: 0 };
                return self.flush(now, ts);
            }
            RunEvent::Thinking { delta } => {
                self.thought.text.push_str(&delta);
                return self.flush_if_due(now, ts);
            }
            RunEvent::Usage(usage) => {
                self.flush_agent(ts, &mut out);
                out.push(self.agent(ts, usage_stream(&usage)));
            }
            // Said of the run that was taken in, by its lane.
            RunEvent::TookIn { .. } => {}
            RunEvent::Retrying { attempt, reason } => {
                out.push(self.agent(ts, Stream::Lifecycle(Lifecycle::Retrying { attempt, reason })));
            }
            tool @ (RunEvent::ToolStarted { .. } | RunEvent::ToolProgress { .. } | RunEvent::ToolEnded { .. }) => {
                out.extend(self.flush(now, ts));
                for (stream, for_tools) in self.tools.event(ts, tool) {
                    let Out::Agent(event) = self.agent(ts, stream) else { continue };
                    out.push(if for_tools { Out::Tool(event) } else { Out::Agent(event) });
                }
            }
        }
        out
    }

    /// Shows how the run ended: exactly one terminal `chat` state.
    pub(super) fn end(&mut self, ts: i64, outcome: &RunOutcome) -> Vec<Out> {
        let mut out = Vec::new();
        match outcome {
            RunOutcome::Completed { text, stop_reason, usage, provider, model, .. } => {
                let by = Answered {
                    provider: provider.clone(),
                    model: model.clone(),
                    usage: *usage,
                    stop_reason: (*stop_reason).into(),
                };
                self.completed(ts, text, by, &mut out);
            }
            RunOutcome::Aborted { partial, reason } => {
                let message = (!partial.is_empty()).then(|| ChatMessage::assistant(partial.as_str(), ts));
                out.push(self.chat(ChatState::Aborted { stop_reason: (*reason).into(), message }));
                let end = self.ended(ts, Some("cancelled"), reason, None);
                out.push(self.agent(ts, end));
            }
            RunOutcome::Failed { message, kind, provider, model } => {
                let error = Lifecycle::Error {
                    error: message.clone(),
                    started_at: self.started_at,
                    ended_at: ts,
                    aborted: false,
                    execution_settled: true,
                };
                self.flush_agent(ts, &mut out);
                out.push(self.agent(ts, Stream::Lifecycle(error)));
                out.push(self.chat(failure::chat_error(message, kind, provider.as_deref(), model.as_deref())));
            }
        }
        out
    }

    fn completed(&mut self, ts: i64, text: &str, by: Answered, out: &mut Vec<Out>) {
        let stop_reason = by.stop_reason.clone();
        if self.said.text != text {
            self.said = Channel { sent: self.said.sent.min(common_prefix(&self.said.text, text)), text: text.into() };
        }
        self.flush_agent(ts, out);
        let finishing = Lifecycle::Finishing { stop_reason: stop_reason.clone(), aborted: false, ended_at: ts };
        out.push(self.agent(ts, Stream::Lifecycle(finishing)));
        let end = self.ended(ts, None, &stop_reason, Some(TerminalReply::of(text)));
        out.push(self.agent(ts, end));
        self.flush_chat(ts, out);
        let whole = ChatMessage { by: Some(by), ..ChatMessage::assistant(text, ts) };
        let message = Some(whole).filter(|_| !text.is_empty());
        out.push(self.chat(ChatState::Final { stop_reason: Some(stop_reason), message }));
    }

    fn ended(&self, ts: i64, status: Option<&str>, stop_reason: &str, reply: Option<TerminalReply>) -> Stream {
        Stream::Lifecycle(Lifecycle::End {
            status: status.map(Into::into),
            started_at: self.started_at,
            ended_at: ts,
            aborted: status.is_some(),
            stop_reason: stop_reason.into(),
            execution_settled: true,
            terminal_reply: reply,
        })
    }

    /// A new model call speaks from the beginning.
    fn next_item(&mut self, ts: i64, out: &mut Vec<Out>) {
        self.flush_agent(ts, out);
        self.item += 1;
        self.said = Channel::default();
        self.thought = Channel::default();
    }

    fn flush_if_due(&mut self, now: Instant, ts: i64) -> Vec<Out> {
        match self.flushed {
            Some(at) if now.duration_since(at) < COALESCE => Vec::new(),
            _ => self.flush(now, ts),
        }
    }

    fn flush_agent(&mut self, ts: i64, out: &mut Vec<Out>) {
        if let Some(delta) = self.thought.take_new() {
            let text = self.thought.text.clone();
            out.push(self.agent(ts, Stream::Thinking { text, delta }));
        }
        if let Some(delta) = self.said.take_new() {
            let (text, item_id) = (self.said.text.clone(), format!("{}:{}", self.subject.run_id, self.item.max(1)));
            out.push(self.agent(ts, Stream::Assistant { text, delta, item_id }));
        }
    }

    fn flush_chat(&mut self, ts: i64, out: &mut Vec<Out>) {
        // A new model call that has said nothing yet does not wipe what the last one said.
        if self.said.text.is_empty() || self.shown.text == self.said.text {
            return;
        }
        let rest = self.said.text.strip_prefix(&self.shown.text);
        let (delta_text, replace) = match rest {
            Some(rest) => (rest.to_owned(), false),
            None => (self.said.text.clone(), true),
        };
        self.shown.text.clone_from(&self.said.text);
        let message = ChatMessage::assistant(self.said.text.as_str(), ts);
        out.push(self.chat(ChatState::Delta { delta_text, replace, message }));
    }

    fn chat(&self, state: ChatState) -> Out {
        Out::Chat(ChatEvent {
            run_id: self.subject.run_id.clone(),
            session_key: self.subject.session.clone(),
            agent_id: self.subject.agent.clone(),
            seq: self.seq.next(),
            state,
        })
    }

    fn agent(&self, ts: i64, stream: Stream) -> Out {
        Out::Agent(AgentEvent {
            run_id: self.subject.run_id.clone(),
            session_key: self.subject.session.clone(),
            session_id: self.subject.session_id.clone(),
            agent_id: self.subject.agent.clone(),
            stream,
            seq: self.seq.next(),
            ts,
            is_heartbeat: false,
        })
    }
}

impl Channel {
    fn is_behind(&self) -> bool {
        self.sent < self.text.len()
    }

    fn take_new(&mut self) -> Option<String> {
        let new = self.text.get(self.sent..).filter(|new| !new.is_empty())?.to_owned();
        self.sent = self.text.len();
        Some(new)
    }
}

fn common_prefix(a: &str, b: &str) -> usize {
    let same = a.char_indices().zip(b.chars()).take_while(|((_, x), y)| x == y);
    same.last().map_or(0, |((at, c), _)| at + c.len_utf8())
}

fn usage_stream(usage: &Usage) -> Stream {
    Stream::Usage { input_tokens: usage.input, output_tokens: usage.output, total_tokens: usage.total_tokens }
}

#[cfg(test)]
mod tests;

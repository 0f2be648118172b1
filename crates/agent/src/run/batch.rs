//! The tool calls of one answer: which run when, and results in the order of the calls.

use wire::message::ToolCall;

use crate::tools::ToolOutput;

/// One answer's calls. Either all run at once (when every one may) or one after the other.
#[derive(Debug)]
pub(super) struct Batch {
    slots: Vec<Slot>,
    together: bool,
    /// How many results were handed out already.
    taken: usize,
}

#[derive(Debug)]
struct Slot {
    call: ToolCall,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    Running,
    Ended(ToolOutput),
}

impl Batch {
    /// A batch of `calls`. One that came with an output never runs.
    pub(super) fn new(calls: Vec<(ToolCall, Option<ToolOutput>)>, together: bool) -> Self {
        let slots =
            calls.into_iter().map(|(call, output)| Slot { call, state: output.map_or(State::Waiting, State::Ended) });
        Self { slots: slots.collect(), together, taken: 0 }
    }

    /// The calls to start now; they count as running from here on.
    pub(super) fn start_next(&mut self) -> Vec<ToolCall> {
        let busy = self.slots.iter().any(|slot| matches!(slot.state, State::Running));
        let room = match (self.together, busy) {
            (true, _) => usize::MAX,
            (false, busy) => usize::from(!busy),
        };
        let waiting = self.slots.iter_mut().filter(|slot| matches!(slot.state, State::Waiting));
        let starting = waiting.take(room).map(|slot| {
            slot.state = State::Running;
            slot.call.clone()
        });
        starting.collect()
    }

    /// Notes the output of a running call; `false` when no such call runs.
    pub(super) fn finish(&mut self, id: &str, output: ToolOutput) -> bool {
        let running = self.slots.iter_mut().find(|slot| slot.call.id == id && matches!(slot.state, State::Running));
        let Some(slot) = running else { return false };
        slot.state = State::Ended(output);
        true
    }

    /// Gives every call that has no output yet the one `output` makes.
    pub(super) fn abandon(&mut self, output: impl Fn() -> ToolOutput) {
        for slot in &mut self.slots {
            if !matches!(slot.state, State::Ended(_)) {
                slot.state = State::Ended(output());
            }
        }
    }

    /// Gives every call that has not started the output `output` makes.
    pub(super) fn skip_waiting(&mut self, output: impl Fn() -> ToolOutput) {
        for slot in &mut self.slots {
            if matches!(slot.state, State::Waiting) {
                slot.state = State::Ended(output());
            }
        }
    }

    /// The next result in the order of the calls, once it is there; each is handed out once.
    pub(super) fn take_ready(&mut self) -> Option<(ToolCall, ToolOutput)> {
        let slot = self.slots.get(self.taken)?;
        let State::Ended(output) = &slot.state else { return None };
        self.taken += 1;
        Some((slot.call.clone(), output.clone()))
    }

    /// The tool a call is for.
    pub(super) fn name_of(&self, id: &str) -> Option<&str> {
        self.slots.iter().find(|slot| slot.call.id == id).map(|slot| slot.call.name.as_str())
    }

    /// Whether every call has an output.
    pub(super) fn is_done(&self) -> bool {
        self.slots.iter().all(|slot| matches!(slot.state, State::Ended(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(ids: &[&str]) -> Vec<(ToolCall, Option<ToolOutput>)> {
        let call = |id: &&str| ToolCall { id: (*id).into(), name: "read".into(), arguments: serde_json::json!({}) };
        ids.iter().map(|id| (call(id), None)).collect()
    }

    fn ids(calls: &[ToolCall]) -> Vec<&str> {
        calls.iter().map(|call| call.id.as_str()).collect()
    }

    ///
    #[test]
    fn a_batch_that_may_runs_all_at_once_and_answers_in_order() {
        let mut batch = Batch::new(calls(&["a", "b", "c"]), true);
        assert_eq!(ids(&batch.start_next()), ["a", "b", "c"]);
        assert!(batch.start_next().is_empty());
        assert!(batch.finish("b", ToolOutput::text("B")));
        assert!(batch.take_ready().is_none(), "b waits for a");
        assert!(batch.finish("a", ToolOutput::text("A")));
        assert_eq!(batch.take_ready().unwrap().0.id, "a");
        assert_eq!(batch.take_ready().unwrap().0.id, "b");
        assert!(batch.take_ready().is_none() && !batch.is_done());
    }

    ///
    #[test]
    fn otherwise_one_runs_after_the_other() {
        let mut batch = Batch::new(calls(&["a", "b"]), false);
        assert_eq!(ids(&batch.start_next()), ["a"]);
        assert!(batch.start_next().is_empty(), "a is still running");
        assert!(!batch.finish("b", ToolOutput::text("early")), "b has not started");
        assert!(batch.finish("a", ToolOutput::text("A")));
        assert!(!batch.finish("a", ToolOutput::text("twice")));
        assert_eq!(ids(&batch.start_next()), ["b"]);
    }
}

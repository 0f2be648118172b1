//! The loop guard: a model that makes the same call and gets the same answer over and over is told so, then
//! stopped.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;

use crate::tools::ToolOutput;

/// Same call, same result this many times: the model is told.
pub(super) const WARN_AT: u32 = 10;
/// Same call, same result this many times: the turn ends.
pub(super) const STOP_AT: u32 = 20;

/// What the guard thinks of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing unusual.
    Fine,
    /// Tell the model.
    Warn,
    /// End the turn.
    Stop,
}

/// Remembers, for each call of the turn, its last result and how often in a row it came. Other calls in between do not
/// reset a count, so a loop over several calls is seen too; a different result does.
#[derive(Debug, Clone, Default)]
pub(super) struct LoopGuard {
    /// By hash of name and arguments: hash of the last result, times in a row.
    seen: HashMap<u64, (u64, u32)>,
}

impl LoopGuard {
    /// Takes note of one more result.
    pub(super) fn note(&mut self, name: &str, arguments: &Value, output: &ToolOutput) -> Verdict {
        // Blocks and values hash by their JSON, which is stable here: objects keep the order they came in.
        let call = hash(&format!("{name}\0{arguments}"));
        let result = hash(&format!("{:?}{}", output.content, output.is_error));
        let (last, times) = self.seen.entry(call).or_insert((result, 0));
        *times = if *last == result { *times + 1 } else { 1 };
        *last = result;
        match *times {
            STOP_AT.. => Verdict::Stop,
            WARN_AT => Verdict::Warn,
            _ => Verdict::Fine,
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    ///
    #[test]
    fn the_same_call_with_the_same_result_warns_once_and_stops_at_twenty() {
        let mut guard = LoopGuard::default();
        let verdicts: Vec<_> = (0..20)
            .map(|_| {
                guard.note("read", &json!({"path": "b"}), &ToolOutput::text(format!("{:?}", guard.seen.len() > 9)));
                guard.note("read", &json!({"path": "a"}), &ToolOutput::text("x"))
            })
            .collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Warn).count(), 1);
        assert_eq!((verdicts[9], verdicts[18], verdicts[19]), (Verdict::Warn, Verdict::Fine, Verdict::Stop));
    }

    ///
    #[test]
    fn a_new_result_starts_the_count_again() {
        let mut guard = LoopGuard::default();
        for turn in 0..100 {
            let output = ToolOutput::text(format!("{}", turn / 9));
            assert_eq!(guard.note("process", &json!({"action": "poll"}), &output), Verdict::Fine);
        }
    }
}

//! Calls that nodes are working on: who was asked what on which connection, and who waits for the answer. Answers that
//! nobody waits for are ignored, and only the connection that was asked may answer (N-5.3).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wire::methods::node::AnswerParams;

use super::invoke::Keys;
use crate::rpc::ConnId;

/// How many pieces may wait for an earlier one (N-5.12).
const EARLY_MAX: usize = 128;

/// What a waiting call hears.
#[derive(Debug)]
pub(crate) enum Word {
    /// A piece of the answer, in order.
    Chunk {
        /// Its number, from 0.
        seq: u64,
        /// The piece.
        chunk: String,
    },
    /// The answer.
    Answer(Box<AnswerParams>),
    /// The node's connection has ended (N-5.7).
    Lost,
    /// The node was removed (N-5.14).
    Unpaired,
}

/// Whether somebody waited for what a node said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was handed on.
    Taken,
    /// Nobody waits, or it was said before.
    Ignored,
}

/// The calls under way, and the keys of those that were.
#[derive(Default)]
pub(crate) struct Calls {
    waiting: Mutex<HashMap<String, Call>>,
    pub(super) keys: Keys,
}

struct Call {
    node_id: String,
    conn_id: ConnId,
    tell: UnboundedSender<Word>,
    next_chunk: u64,
    early: BTreeMap<u64, String>,
}

impl Calls {
    /// Begins a call: from now on its answer is waited for.
    pub(crate) fn begin(&self, id: &str, node_id: &str, conn_id: ConnId) -> UnboundedReceiver<Word> {
        let (tell, hear) = unbounded_channel();
        let call = Call { node_id: node_id.to_owned(), conn_id, tell, next_chunk: 0, early: BTreeMap::new() };
        self.lock().insert(id.to_owned(), call);
        hear
    }

    /// Nobody waits any more; whether the node had not answered yet.
    pub(crate) fn end(&self, id: &str) -> bool {
        self.lock().remove(id).is_some()
    }

    /// A node answers.
    pub(crate) fn answer(&self, conn_id: ConnId, answer: AnswerParams) -> Heard {
        let mut calls = self.lock();
        if calls.get(&answer.id).is_none_or(|call| call.conn_id != conn_id) {
            return Heard::Ignored;
        }
        let call = calls.remove(&answer.id);
        drop(calls);
        call.map_or(Heard::Ignored, |call| told(&call, Word::Answer(Box::new(answer))))
    }

    /// A node sends a piece. Early ones wait for those before them, and one that was heard is dropped.
    pub(crate) fn progress(&self, conn_id: ConnId, id: &str, seq: u64, chunk: String) -> Heard {
        let mut calls = self.lock();
        let Some(call) = calls.get_mut(id).filter(|call| call.conn_id == conn_id) else { return Heard::Ignored };
        let has_room = call.early.len() < EARLY_MAX || seq == call.next_chunk;
        if seq < call.next_chunk || call.early.contains_key(&seq) || !has_room {
            return Heard::Ignored;
        }
        call.early.insert(seq, chunk);
        while let Some(chunk) = call.early.remove(&call.next_chunk) {
            let seq = call.next_chunk;
            call.next_chunk += 1;
            if told(call, Word::Chunk { seq, chunk }) == Heard::Ignored {
                return Heard::Ignored;
            }
        }
        Heard::Taken
    }

    /// A connection has ended: whatever it was asked will not be answered.
    pub(crate) fn lost(&self, conn_id: ConnId) {
        self.settle(|call| call.conn_id == conn_id, || Word::Lost);
    }

    /// A node was removed.
    pub(crate) fn unpaired(&self, node_id: &str) {
        self.settle(|call| call.node_id == node_id, || Word::Unpaired);
    }

    fn settle(&self, which: impl Fn(&Call) -> bool, word: impl Fn() -> Word) {
        let mut calls = self.lock();
        for (_, call) in calls.extract_if(|_, call| which(call)) {
            told(&call, word());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Call>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(call: &Call, word: Word) -> Heard {
    if call.tell.send(word).is_ok() { Heard::Taken } else { Heard::Ignored }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: &str) -> AnswerParams {
        AnswerParams { id: id.into(), node_id: "n".into(), ok: true, ..AnswerParams::default() }
    }

    /// N-5.3
    #[test]
    fn only_the_connection_that_was_asked_answers_and_only_once() {
        let (calls, asked, other) = (Calls::default(), ConnId::random(), ConnId::random());
        let mut hear = calls.begin("1", "n", asked);
        assert_eq!(calls.answer(other, answer("1")), Heard::Ignored, "another's call");
        assert_eq!(calls.answer(asked, answer("2")), Heard::Ignored, "unknown");
        assert_eq!(calls.answer(asked, answer("1")), Heard::Taken);
        assert_eq!(calls.answer(asked, answer("1")), Heard::Ignored, "twice");
        assert!(matches!(hear.try_recv(), Ok(Word::Answer(_))));
    }

    /// N-5.12
    #[test]
    fn pieces_come_in_order_and_once() {
        let (calls, conn) = (Calls::default(), ConnId::random());
        let mut hear = calls.begin("1", "n", conn);
        let say = |seq: u64| calls.progress(conn, "1", seq, seq.to_string());
        assert_eq!(
            [say(1), say(2), say(0), say(0), say(1), say(3)].map(|heard| heard == Heard::Taken),
            [true, true, true, false, false, true]
        );
        let mut told = Vec::new();
        while let Ok(Word::Chunk { chunk, .. }) = hear.try_recv() {
            told.push(chunk);
        }
        assert_eq!(told, ["0", "1", "2", "3"]);
        let early = (5..).take_while(|seq| say(*seq) == Heard::Taken).count();
        assert_eq!(early, EARLY_MAX, "as many as may wait");
    }

    /// N-5.7, N-5.14
    #[test]
    fn a_lost_connection_and_a_removed_node_end_their_calls_and_no_others() {
        let (calls, one, two) = (Calls::default(), ConnId::random(), ConnId::random());
        let (mut a, mut b) = (calls.begin("a", "n", one), calls.begin("b", "m", two));
        calls.lost(one);
        assert!(matches!(a.try_recv(), Ok(Word::Lost)) && b.try_recv().is_err());
        calls.unpaired("m");
        assert!(matches!(b.try_recv(), Ok(Word::Unpaired)));
        assert!(!calls.end("a") && calls.lock().is_empty());
    }
}

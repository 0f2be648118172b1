//! Calls that nodes are working on: who was asked what on which connection, and who waits for the answer. Answers that
//! nobody waits for are ignored, and only the connection that was asked may answer (N-5.3).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wire::methods::node::AnswerParams;

use super::keys::Keys;
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
    /// The policy does not allow it any more (N-4.13).
    Withdrawn,
}

/// What is asked of whom, by whom.
#[derive(Debug)]
pub(crate) struct Question {
    /// The node.
    pub(crate) node_id: String,
    /// What for.
    pub(crate) command: String,
    /// The node's connection.
    pub(crate) conn_id: ConnId,
    /// The caller's connection and the key it knows the call by.
    pub(crate) asker: Option<(ConnId, String)>,
}

/// Where the next piece of input goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InputPlace {
    /// The call, as the node knows it.
    pub(crate) id: String,
    /// The node's connection.
    pub(crate) conn_id: ConnId,
    /// Its number, from 0.
    pub(crate) seq: u64,
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
    asked: Question,
    next_input: u64,
    tell: UnboundedSender<Word>,
    next_chunk: u64,
    early: BTreeMap<u64, String>,
}

impl Calls {
    /// Begins a call: from now on its answer is waited for.
    pub(crate) fn begin(&self, id: &str, asked: Question) -> UnboundedReceiver<Word> {
        let (tell, hear) = unbounded_channel();
        let call = Call { asked, next_input: 0, tell, next_chunk: 0, early: BTreeMap::new() };
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
        if calls.get(&answer.id).is_none_or(|call| call.asked.conn_id != conn_id) {
            return Heard::Ignored;
        }
        let call = calls.remove(&answer.id);
        drop(calls);
        call.map_or(Heard::Ignored, |call| told(&call, Word::Answer(Box::new(answer))))
    }

    /// A node sends a piece. Early ones wait for those before them, and one that was heard is dropped.
    pub(crate) fn progress(&self, conn_id: ConnId, id: &str, seq: u64, chunk: String) -> Heard {
        let mut calls = self.lock();
        let Some(call) = calls.get_mut(id).filter(|call| call.asked.conn_id == conn_id) else { return Heard::Ignored };
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
        self.settle(|call| call.asked.conn_id == conn_id, || Word::Lost);
    }

    /// A node was removed.
    pub(crate) fn unpaired(&self, node_id: &str) {
        self.settle(|call| call.asked.node_id == node_id, || Word::Unpaired);
    }

    /// Where the next input of a call goes that `asker` made under `key`; `None` when no such call is under way.
    pub(crate) fn next_input(&self, asker: ConnId, node_id: &str, key: &str) -> Option<InputPlace> {
        let is_it = |asked: &Question| {
            asked.node_id == node_id && asked.asker.as_ref().is_some_and(|(conn, own)| *conn == asker && own == key)
        };
        let mut calls = self.lock();
        let (id, call) = calls.iter_mut().find(|(_, call)| is_it(&call.asked))?;
        call.next_input += 1;
        Some(InputPlace { id: id.clone(), conn_id: call.asked.conn_id, seq: call.next_input - 1 })
    }

    /// Tells the calls that do not pass `may` that they are not allowed any more. They stay open until whoever waits has
    /// told their nodes to stop.
    pub(crate) fn withdraw(&self, may: impl Fn(&str, &str) -> bool) {
        for call in self.lock().values().filter(|call| !may(&call.asked.node_id, &call.asked.command)) {
            told(call, Word::Withdrawn);
        }
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

    fn question(node_id: &str, conn_id: ConnId) -> Question {
        Question { node_id: node_id.into(), command: "system.which".into(), conn_id, asker: None }
    }

    fn answer(id: &str) -> AnswerParams {
        AnswerParams { id: id.into(), node_id: "n".into(), ok: true, ..AnswerParams::default() }
    }

    /// N-5.3
    #[test]
    fn only_the_connection_that_was_asked_answers_and_only_once() {
        let (calls, asked, other) = (Calls::default(), ConnId::random(), ConnId::random());
        let mut hear = calls.begin("1", question("n", asked));
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
        let mut hear = calls.begin("1", question("n", conn));
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
        let (mut a, mut b) = (calls.begin("a", question("n", one)), calls.begin("b", question("m", two)));
        calls.lost(one);
        assert!(matches!(a.try_recv(), Ok(Word::Lost)) && b.try_recv().is_err());
        calls.unpaired("m");
        assert!(matches!(b.try_recv(), Ok(Word::Unpaired)));
        assert!(!calls.end("a") && calls.lock().is_empty());
    }

    /// N-5.13
    #[test]
    fn input_goes_to_the_call_its_caller_made_and_is_numbered() {
        let (calls, node, asker) = (Calls::default(), ConnId::random(), ConnId::random());
        let _hear = calls.begin("1", Question { asker: Some((asker, "k".into())), ..question("n", node) });
        let place = |seq| Some(InputPlace { id: "1".into(), conn_id: node, seq });
        assert_eq!([calls.next_input(asker, "n", "k"), calls.next_input(asker, "n", "k")], [place(0), place(1)]);
        assert_eq!(calls.next_input(ConnId::random(), "n", "k"), None, "another caller's call");
        assert_eq!((calls.next_input(asker, "n", "x"), calls.next_input(asker, "m", "k")), (None, None));
        assert!(calls.end("1") && calls.next_input(asker, "n", "k").is_none(), "it is over");
    }

    /// N-4.13
    #[test]
    fn a_call_that_is_not_allowed_any_more_is_told_and_stays_open_for_its_cancel() {
        let (calls, conn) = (Calls::default(), ConnId::random());
        let (mut a, mut b) = (calls.begin("a", question("n", conn)), calls.begin("b", question("m", conn)));
        calls.withdraw(|node_id, command| node_id == "m" && command == "system.which");
        assert!(matches!(a.try_recv(), Ok(Word::Withdrawn)) && b.try_recv().is_err());
        assert!(calls.end("a") && calls.end("b"));
    }
}

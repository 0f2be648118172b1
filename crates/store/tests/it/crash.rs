//! `kill -9` at any instant: nothing accepted is lost, nothing is answered twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use openclaw_store::{Archived, InputState, SessionFilter, Store};
use wire::message::Message;

use crate::child::{self, say};
use crate::harness::{answer, asked, done, key};

/// How often the process is killed.
const KILLS: u64 = 40;
/// Sessions it works on at once.
const LANES: u64 = 4;

/// The second process: recovers what the last one left, then accepts, runs and ends messages until it is killed. It
/// says what it was told is durable.
pub(crate) async fn work(folder: &Path, seed: u64) {
    say("up");
    let store = Store::open_in(&folder.join("state/openclaw.db")).unwrap();
    for input in store.unfinished_inputs().await.unwrap() {
        run(&store, &input.run_id).await;
    }
    say("recovered");
    let lanes: Vec<_> = (0..LANES).map(|lane| tokio::spawn(lane_of(store.clone(), lane, seed))).collect();
    for lane in lanes {
        lane.await.unwrap();
    }
}

async fn lane_of(store: Store, lane: u64, seed: u64) {
    let session = format!("lane-{lane}");
    for number in 0.. {
        // Two are accepted before one runs, so that a kill finds pending ones too.
        let runs = [0, 1].map(|half| format!("{lane}-{seed}-{number}-{half}"));
        for run_id in &runs {
            store.accept_input(asked(run_id, &session, run_id)).await.unwrap();
            say(&format!("accepted {run_id}"));
        }
        for run_id in &runs {
            run(&store, run_id).await;
        }
    }
}

async fn run(store: &Store, run_id: &str) {
    let (_, entry) = store.start_input(run_id).await.unwrap();
    store.append(&entry.session_id, Some(run_id), answer("working")).await.unwrap();
    store.finish_input(run_id, done(&format!("final {run_id}"))).await.unwrap();
    say(&format!("ended {run_id}"));
}

/// SVC-5
#[tokio::test]
async fn killed_at_any_instant_nothing_is_lost_and_nothing_is_answered_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = Said::default();
    for round in 0..KILLS {
        let mut second = child::start("work until killed", folder.path(), round);
        // Every eighth dies while it opens or recovers, the others at different depths of their work.
        let until = if round % 8 == 0 { "up" } else { "recovered" };
        said.listen(&mut second, Some(until)).await;
        let instant = Duration::from_micros(500 + (round * 7919) % 60_000);
        let cut = tokio::time::timeout(instant, said.listen(&mut second, None)).await;
        assert!(cut.is_err(), "it works until it is killed");
        second.kill().await;
        said.listen(&mut second, None).await;

        let store = Store::open_in(&folder.path().join("state/openclaw.db")).unwrap();
        check(&store, &said).await;
        store.close().await;
    }
    assert!(said.ended.len() > 10, "it got some work done between the kills: {}", said.ended.len());
}

/// What the second process said is durable.
#[derive(Default)]
struct Said {
    accepted: BTreeSet<String>,
    ended: BTreeSet<String>,
}

impl Said {
    /// Listens until the word `until`, or to the end.
    async fn listen(&mut self, second: &mut child::Second, until: Option<&str>) {
        while let Some(line) = second.says().await {
            match line.split_once(' ') {
                Some(("accepted", run_id)) => assert!(self.accepted.insert(run_id.into())),
                Some(("ended", run_id)) => assert!(self.ended.insert(run_id.into()), "{run_id} ended twice"),
                _ if Some(line.as_str()) == until => return,
                _ => {}
            }
        }
    }
}

async fn check(store: &Store, said: &Said) {
    assert_eq!(store.integrity_check().await.unwrap(), Vec::<String>::new());
    let mut seen = Transcripts::default();
    let all = SessionFilter { archived: Archived::Any, ..SessionFilter::default() };
    for session in store.sessions(&all).await.unwrap().rows {
        seen.read(store, &session.session_id).await;
        assert_eq!(session.last_seq, seen.last_seq);
    }
    for run_id in &said.accepted {
        let input = store.input(run_id).await.unwrap().unwrap_or_else(|| panic!("{run_id} was lost"));
        assert_eq!(input.message.content.text(), *run_id);
        let (users, finals) = seen.of(run_id);
        match input.state {
            InputState::Pending => assert_eq!((users, finals), (0, 0), "{run_id}"),
            InputState::Running => assert_eq!((users, finals), (1, 0), "{run_id}"),
            InputState::Finished => assert_eq!((users, finals), (1, 1), "{run_id}"),
        }
        assert!(!said.ended.contains(run_id) || input.state == InputState::Finished, "the end of {run_id} was lost");
        assert_eq!(input.outcome.is_some(), input.state == InputState::Finished);
    }
}

/// How many user messages and final answers each run has, over all transcripts.
#[derive(Default)]
struct Transcripts {
    users: BTreeMap<String, usize>,
    finals: BTreeMap<String, usize>,
    last_seq: u64,
}

impl Transcripts {
    async fn read(&mut self, store: &Store, session_id: &str) {
        self.last_seq = 0;
        for stored in store.messages(session_id).await.unwrap() {
            assert_eq!(stored.seq, self.last_seq + 1, "numbers have no gap");
            self.last_seq = stored.seq;
            let run_id = stored.run_id.unwrap();
            match stored.message {
                Message::User(user) => {
                    assert_eq!(user.idempotency_key.as_ref(), Some(&run_id));
                    *self.users.entry(run_id).or_default() += 1;
                }
                Message::Assistant(said) if said.text().starts_with("final") => {
                    *self.finals.entry(run_id).or_default() += 1;
                }
                _ => {}
            }
        }
    }

    fn of(&self, run_id: &str) -> (usize, usize) {
        let count = |map: &BTreeMap<String, usize>| map.get(run_id).copied().unwrap_or(0);
        (count(&self.users), count(&self.finals))
    }
}

///
#[tokio::test]
async fn attempts_count_the_processes_that_died_on_a_run() {
    let at = crate::harness::fresh();
    at.store.accept_input(asked("r1", "main", "hello")).await.unwrap();
    let mut at = at;
    for attempt in 1..=3 {
        at.store.start_input("r1").await.unwrap();
        at = at.reopened().await;
        assert_eq!(at.store.input("r1").await.unwrap().unwrap().attempts, attempt);
    }
    let session = at.store.session(&key("main")).await.unwrap().unwrap();
    assert_eq!(session.message_count, 1);
}

//! Lanes over a real store and a turn that does what the test says.

use agent::ports::Ports;
use base::{Env, StatePaths};
use config::Loaded;
use serde_json::json;
use store::{InputState, NewInput, NewSession};
use wire::AgentId;
use wire::message::{UserContent, UserMessage};

use super::*;
use crate::config_now::ConfigNow;
use crate::hub::Hub;
use crate::work::Work;

struct House {
    lanes: Lanes,
    store: Store,
    session: SessionKey,
    _home: tempfile::TempDir,
}

impl House {
    fn new(drive: Drive) -> Self {
        let home = tempfile::tempdir().unwrap();
        let env = Env::of([("HOME", home.path().to_str().unwrap())]);
        let paths = StatePaths::resolve(&env, None).unwrap();
        let store = Store::open(&paths).unwrap();
        let work =
            Work::new(&ConfigNow::new(paths, env, Loaded::default()), &store, &Hub::default(), Ports::none(), "test");
        let lanes = Lanes::new(store.clone(), work.news, Runs::default(), drive, 1);
        Self { lanes, store, session: SessionKey::main(&AgentId::main(), "main"), _home: home }
    }

    async fn accept(&self, run_id: &str) -> Input {
        self.accept_in(&self.session, run_id).await
    }

    async fn accept_in(&self, session: &SessionKey, run_id: &str) -> Input {
        let content = UserContent::Text("hi".into());
        let new = NewInput {
            run_id: run_id.into(),
            session: session.clone(),
            session_id: None,
            answer: None,
            inbox: Vec::new(),
            message: UserMessage { content, timestamp: 1, idempotency_key: None },
            options: json!({}),
            source: "chat.send".into(),
            new_session: NewSession::default(),
        };
        self.store.accept_input(new).await.unwrap().into_input()
    }

    async fn run(&self, run_id: &str) -> wire::methods::agent::Outcome {
        self.lanes.submit(self.accept(run_id).await);
        if let Some(run) = self.lanes.runs().get(run_id) {
            run.ended().await;
        }
        let input = self.store.input(run_id).await.unwrap().unwrap();
        assert_eq!(input.state, InputState::Finished);
        outcome::of(&input).unwrap()
    }
}

///
#[tokio::test]
async fn sessions_share_a_bound_on_what_runs_at_once() {
    let (said, mut heard) = mpsc::unbounded_channel();
    let house = House::new(Arc::new(move |turn: Turn| {
        let said = said.clone();
        Box::pin(async move {
            said.send("begins").unwrap();
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            said.send("ends").unwrap();
            outcome::without_model(&turn.input.run_id)
        })
    }));
    for session in ["one", "two", "three"] {
        let session = SessionKey::main(&AgentId::main(), session);
        house.lanes.submit(house.accept_in(&session, session.as_str()).await);
    }
    for _ in 0..3 {
        assert_eq!(heard.recv().await, Some("begins"));
        assert_eq!(heard.recv().await, Some("ends"));
    }
}

///
#[tokio::test]
async fn a_turn_that_panics_fails_alone_and_its_lane_goes_on() {
    let house = House::new(Arc::new(|turn: Turn| {
        Box::pin(async move {
            assert!(turn.input.run_id != "bad", "this turn breaks");
            outcome::without_model("fine")
        })
    }));
    let broken = house.run("bad").await;
    assert_eq!(broken.status, "error");
    assert!(broken.summary.contains("failed inside the Gateway"), "{}", broken.summary);
    assert_eq!(house.run("good").await.status, "ok");
}

///
#[tokio::test]
async fn a_message_that_was_interrupted_three_times_is_given_up_and_says_so() {
    let house = House::new(Arc::new(|_| Box::pin(async { outcome::without_model("too late") })));
    house.accept("a").await;
    for _ in 0..3 {
        house.store.start_input("a").await.unwrap();
    }
    assert_eq!(house.lanes.recover().await.unwrap(), 1);
    let input = house.store.input("a").await.unwrap().unwrap();
    assert!(outcome::of(&input).unwrap().summary.contains("interrupted 3 times"));
    assert!(house.lanes.runs().get("a").is_none());
}

//! The port of an agent's turn, over a real store.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use agent::ports::{Answer, Approvals as _, Asker, Rights};
use futures_util::future::BoxFuture;
use store::Store;
use wire::connect::{AuthMethod, ClientInfo};
use wire::methods::exec_approval::{Decision, RequestParams, TerminalReason};
use wire::{AgentId, Role, Scope, SessionKey};

use super::{Approvals, Decider, Elsewhere, Told};
use crate::auth::locality::Attribution;
use crate::conn::limits::Limits;
use crate::conn::outbound::Outbound;
use crate::hub::{Hub, Membership};
use crate::rpc::{Caller, ConnId};

struct NobodyElse;

impl Elsewhere for NobodyElse {
    fn is_anybody(&self) -> bool {
        false
    }

    fn ask(&self, _: Told) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn over(&self, _: String, _: String) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

struct Desk {
    approvals: Approvals,
    judge: Arc<Caller>,
    _member: Membership,
    _state: tempfile::TempDir,
}

/// A desk with somebody who can be asked.
async fn desk() -> Desk {
    let state = tempfile::tempdir().unwrap();
    let (store, hub) = (Store::open_in(&state.path().join("openclaw.db")).unwrap(), Hub::default());
    let judge = Arc::new(Caller {
        conn_id: ConnId::random(),
        role: Role::Operator,
        scopes: Scope::Approvals.into(),
        client: ClientInfo::default(),
        device_id: None,
        caps: vec!["approvals".into()],
        auth: AuthMethod::Token,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        attribution: Attribution::DirectLocal,
        origin: None,
    });
    let member = hub.join(judge.clone(), Outbound::new(Limits::default()));
    Desk {
        approvals: Approvals::start(store, hub, Arc::new(NobodyElse)).await.unwrap(),
        judge,
        _member: member,
        _state: state,
    }
}

fn asker(rights: Rights) -> Asker {
    let agent = AgentId::main();
    Asker { run_id: "run".into(), session: SessionKey::main(&agent, "main"), agent, rights, progress: None }
}

fn command() -> RequestParams {
    RequestParams { command: Some("make".into()), session_key: Some("agent:evil:main".into()), ..<_>::default() }
}

/// The id of the question that `asking` asks.
async fn asked(approvals: &Approvals, asking: &mut BoxFuture<'_, Answer>) -> String {
    loop {
        assert!(futures_util::poll!(&mut *asking).is_pending());
        if let Some(question) = approvals.waiting().first() {
            return question.id.clone();
        }
        tokio::task::yield_now().await;
    }
}

/// N-12.15, N-12.18: a run that is stopped takes its question back.
#[tokio::test]
async fn a_run_is_answered_and_one_that_is_stopped_asks_no_more() {
    let Desk { approvals, judge, .. } = &desk().await;
    let asker = asker(Rights::default());
    let mut asking = approvals.ask(command(), &asker);
    let id = asked(approvals, &mut asking).await;
    let shown = &approvals.get(&id).unwrap().request;
    assert_eq!((&shown["sessionKey"], &shown["runId"]), (&"agent:main:main".into(), &"run".into()), "not its own word");
    let (answer, verdict) = tokio::join!(asking, approvals.decide(&id, Decision::AllowOnce, Decider::client(judge)));
    assert!(verdict.unwrap().applied);
    assert_eq!((answer.id, answer.decision, answer.reason), (id, Some(Decision::AllowOnce), TerminalReason::User));

    let mut asking = approvals.ask(command(), &asker);
    let stopped = asked(approvals, &mut asking).await;
    drop(asking);
    let (_, end) = approvals.wait(&stopped).await.unwrap();
    assert_eq!((end.reason, end.decision), (TerminalReason::RunAborted, None));
    assert!(approvals.waiting().is_empty());
    let late = approvals.decide(&stopped, Decision::AllowOnce, Decider::client(judge)).await.unwrap();
    assert!(!late.applied);
}

/// N-7.12
#[tokio::test]
async fn what_a_node_set_off_asks_nobody() {
    let Desk { approvals, .. } = &desk().await;
    let answer = approvals.ask(command(), &asker(Rights { owner: false, from_node: true })).await;
    assert_eq!((answer.decision, answer.reason), (None, TerminalReason::NoRoute));
}

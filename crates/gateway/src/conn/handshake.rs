//! From an upgraded socket to a caller: challenge, `connect`, verdict, `hello-ok` (`protocol.md` 3).
//!
//! Until the verdict a peer may send 64 KiB at a time, and 15 frames behind its `connect`; it has 15 seconds. Whatever
//! goes wrong is answered once, precisely, and then the socket closes.

use std::future::poll_fn;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wire::connect::{Challenge, ConnectParams, Features};
use wire::frame::{self, BadFrame, Request, response_error, response_ok};
use wire::limits::{MAX_PAYLOAD_BYTES, MAX_PENDING_HANDSHAKE_FRAMES};
use wire::{ErrorShape, close, events};

use super::actor::Actor;
use super::limits::{Limits, Place};
use super::outbound::{Close, Outbound};
use super::socket::{FrameIo, Gone, Inbound, Incoming, Outgoing, outlast, part};
use crate::auth::locality::Peer;
use crate::auth::refusal::Refusal;
use crate::auth::{self, Admitted};
use crate::hello;
use crate::hub::Membership;
use crate::nodes::{Claims, Stay};
use crate::presence::Visit;
use crate::rpc::{After, Caller, ConnId, Cx, Table};
use crate::services::Services;
use crate::voicewake;

/// What every connection shares.
#[derive(Clone)]
pub(crate) struct Front {
    /// What handlers may use.
    pub(crate) services: Arc<Services>,
    /// The methods.
    pub(crate) table: Arc<Table>,
    /// What `hello-ok` says we can do.
    pub(crate) features: Features,
    /// Connections and handlers at work.
    pub(crate) tasks: TaskTracker,
    /// What a connection may take.
    pub(crate) limits: Limits,
}

/// Why a handshake ended without a caller.
enum Parting {
    /// The peer left, or broke the rules of the line.
    Gone(Gone),
    /// Close without an answer.
    Close(Close),
    /// Answer the request, then close.
    Refused(String, Refusal),
}

impl From<Gone> for Parting {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

/// Serves one upgraded socket to its end.
pub(crate) async fn serve(io: impl FrameIo, peer: Peer, place: Place, front: Front) {
    // On the heap, and gone when it is done: an open connection does not carry the room its handshake took.
    if let Some(visitor) = Box::pin(let_in(io, peer, place, front)).await {
        visitor.stay().await;
    }
}

/// A caller that was let in, with what holds its place among the others.
struct Visitor<Io> {
    actor: Actor<Io>,
    queued: Vec<Incoming>,
    conn_id: ConnId,
    _place: Place,
    _membership: Membership,
    _visit: Option<Visit>,
    _stay: Option<Stay>,
}

impl<Io: FrameIo> Visitor<Io> {
    async fn stay(self) {
        let Self { actor, queued, conn_id, _place, _membership, _visit, _stay } = self;
        let cx = actor.cx.clone();
        actor.run(queued).await;
        note_visit(&cx.services, &cx.who, "disconnect");
        tracing::info!(conn = %conn_id, "disconnected");
    }
}

/// The handshake; `None` when it ended without a caller.
async fn let_in<Io: FrameIo>(mut io: Io, peer: Peer, mut place: Place, front: Front) -> Option<Visitor<Io>> {
    let conn_id = ConnId::random();
    let welcome = match greet(&mut io, &peer, conn_id, &front).await {
        Ok(welcome) => welcome,
        Err(parting) => {
            send_away(io, parting).await;
            return None;
        }
    };
    place.proven();
    io.raise_limit(MAX_PAYLOAD_BYTES);
    let Welcome { request_id, admitted, queued } = welcome;
    let outbound = Outbound::new(front.limits);
    let caller = admitted.caller.clone();
    match response_ok(&request_id, &hello::compose(&front, &admitted)) {
        Ok(frame) => outbound.answer(frame),
        Err(error) => {
            tracing::error!(%error, "hello-ok could not be written as JSON");
            return None;
        }
    }
    let services = front.services;
    let membership = services.hub.join(caller.clone(), outbound.clone());
    let visit = services.presence.enter(&caller);
    let stay = greet_node(&services, &caller, admitted.claims).await;
    note_visit(&services, &caller, "connect");
    tracing::info!(conn = %conn_id, peer = %peer.from, client = %caller.client.id, role = %caller.role, "connected");
    let cx = Cx { who: caller, services, after: After::default() };
    let actor = Actor::new(io, outbound, cx, front.table, front.tasks, front.limits);
    Some(Visitor { actor, queued, conn_id, _place: place, _membership: membership, _visit: visit, _stay: stay })
}

/// Ends the socket of a client that was not let in.
async fn send_away(io: impl FrameIo, parting: Parting) {
    match parting {
        Parting::Gone(why) => outlast(io, &why).await,
        Parting::Close(close) => part(io, [Outgoing::Close(close.code, close.reason)]).await,
        Parting::Refused(id, refusal) => {
            let answer = Outgoing::Text(response_error(&id, &refusal.error, None));
            part(io, [answer, Outgoing::Close(refusal.close.code, refusal.close.reason)]).await;
        }
    }
}

/// A node takes its place among the others, and is told what to listen for as soon as it is in (N-2.8).
pub(crate) async fn greet_node(services: &Services, caller: &Arc<Caller>, claims: Option<Claims>) -> Option<Stay> {
    let claims = claims?;
    voicewake::greet(services, caller.conn_id).await;
    let arrived = services.nodes.arrive(caller, claims).await;
    arrived.unwrap_or_else(|error| {
        tracing::error!(%error, "a node could not be written down; it can be seen and not asked");
        None
    })
}

/// Notes when a device was here; `clockwork` writes it down.
pub(crate) fn note_visit(services: &Services, caller: &Caller, reason: &str) {
    if let Some(device_id) = &caller.device_id {
        services.store.device_seen(device_id, reason, Some(&caller.peer.to_string()));
    }
}

struct Welcome {
    request_id: String,
    admitted: Admitted,
    queued: Vec<Incoming>,
}

async fn greet(io: &mut impl FrameIo, peer: &Peer, conn_id: ConnId, front: &Front) -> Result<Welcome, Parting> {
    let deadline = Instant::now() + front.limits.handshake_timeout;
    let challenge = Challenge {
        nonce: Uuid::new_v4().to_string(),
        ts: base::now_ms(),
        capabilities: Vec::new(),
        instance_id: Some(front.services.run.instance_id.clone()),
    };
    let payload = serde_json::to_string(&challenge).expect("strings and numbers always serialise");
    let mut hello = Some(Outgoing::Text(frame::event(events::CONNECT_CHALLENGE.name, &payload, None, None)));
    let opening = async {
        poll_fn(|cx| io.poll_send(cx, &mut |_| hello.take())).await?;
        next_message(io).await
    };
    let idle = || Parting::Close(Close::at_once(close::NORMAL, ""));
    let first = timeout_at(deadline, opening).await.map_err(|_| idle())??;
    let (request_id, params) = read_connect(&first)?;
    let (verdict, queued) =
        while_queueing(io, auth::judge(&front.services, peer, &challenge.nonce, conn_id, params)).await?;
    let admitted = verdict.map_err(|refusal| Parting::Refused(request_id.clone(), refusal))?;
    Ok(Welcome { request_id, admitted, queued })
}

async fn next_message(io: &mut impl FrameIo) -> Result<Incoming, Gone> {
    loop {
        if let Inbound::Message(message) = poll_fn(|cx| io.poll_receive(cx)).await? {
            return Ok(message);
        }
    }
}

/// The first message must be a request frame, name `connect`, and carry params that keep its closed schema.
fn read_connect(first: &Incoming) -> Result<(String, ConnectParams), Parting> {
    let request = first.text().map_or(Err(BadFrame::Unparseable), Request::parse).map_err(|bad| match bad {
        BadFrame::Unparseable => Parting::Close(Close::at_once(close::NORMAL, "")),
        BadFrame::Invalid { .. } => Parting::Close(Close::at_once(close::POLICY, "invalid request frame")),
    })?;
    let id = request.id.clone().into_owned();
    let refuse = |error| Parting::Refused(id.clone(), Refusal::policy(error));
    if request.method != "connect" {
        return Err(refuse(ErrorShape::invalid("invalid handshake: first request must be connect")));
    }
    let asked: Result<ConnectParams, _> = wire::params::decode("connect", request.params);
    let asked = asked.map(|mut params| {
        params.rename_older_app();
        params
    });
    let checked = asked.and_then(|params| match params.check() {
        Ok(()) => Ok(params),
        Err(rule) => Err(ErrorShape::invalid(format!("invalid connect params: {rule}"))),
    });
    match checked {
        Ok(params) => Ok((id, params)),
        Err(error) => match outdated(request.params) {
            Some(refusal) => Err(Parting::Refused(id, refusal)),
            None => Err(refuse(error)),
        },
    }
}

/// An older protocol had another schema: its clients are told of the level they lack, not of a field they cannot know
/// (SEED-5).
fn outdated(params: Option<&RawValue>) -> Option<Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Levels {
        min_protocol: u32,
        max_protocol: u32,
    }
    let Levels { min_protocol, max_protocol } = serde_json::from_str(params?.get()).ok()?;
    (max_protocol < wire::PROTOCOL).then(|| Refusal::protocol(min_protocol, max_protocol))
}

/// Waits for the verdict while keeping what the client pipelines behind its `connect`.
async fn while_queueing<V>(
    io: &mut impl FrameIo,
    verdict: impl Future<Output = V>,
) -> Result<(V, Vec<Incoming>), Parting> {
    let mut queued = Vec::new();
    let mut verdict = std::pin::pin!(verdict);
    loop {
        tokio::select! {
            biased;
            verdict = &mut verdict => return Ok((verdict, queued)),
            message = next_message(io) => queued.push(message?),
        }
        if queued.len() > MAX_PENDING_HANDSHAKE_FRAMES {
            return Err(Parting::Close(Close::at_once(close::POLICY, "too many pending handshake frames")));
        }
    }
}

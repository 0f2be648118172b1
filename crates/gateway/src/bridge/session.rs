//! Serves a node that is in: its calls go through the same table, its events and answers to the same places, as those of a
//! node on a WebSocket; what it is told is spelled for the Bridge on the way out (N-14.10…14.12).

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, interval_at};
use wire::bridge::{self, Answer, Call, FromNode, Grade, Happened, ToNode, grade, line_of};
use wire::frame::Request;
use wire::methods::Method;
use wire::methods::node::{AnswerParams, Event, EventParams};
use wire::{ErrorCode, ErrorShape, Role, SessionKey};

use super::door::Entered;
use super::identity;
use super::line::{Reading, Said, Writing};
use crate::conn::at_work::Started;
use crate::conn::handshake::{Front, greet_node, note_visit};
use crate::conn::limits::MAX_IN_FLIGHT;
use crate::conn::outbound::{Next, Outbound};
use crate::rpc::dispatch::{Outcome, dispatch};
use crate::rpc::staged::Reply;
use crate::rpc::{After, Caller, Cx};

/// How often a node is shown to be here still (N-9.2, N-14.12).
const BEACON_EVERY: Duration = Duration::from_secs(180);

/// A node at work.
struct Session {
    front: Front,
    node: Arc<Caller>,
    operator: Arc<Caller>,
    owner: Arc<Caller>,
    outbound: Outbound,
}

/// Serves it until either side ends it.
pub(super) async fn serve(entered: Entered, front: Front) {
    let Entered { lines, device, hello, peer, conn_id } = entered;
    let as_role = |role, owner| Arc::new(identity::caller(&device, &hello, peer, conn_id, role, owner));
    let (node, operator, owner) =
        (as_role(Role::Node, false), as_role(Role::Operator, false), as_role(Role::Operator, true));
    let outbound = Outbound::new(front.limits);
    let services = front.services.clone();
    let main = SessionKey::main(&services.config.default_agent(), &services.config.main_key()).to_string();
    let server_name = &services.run.machine.hostname;
    outbound.answer(ToNode::HelloOk { server_name, main_session_key: Some(&main) }.line());
    let _membership = services.hub.join(node.clone(), outbound.clone());
    let visit = services.presence.enter(&node);
    let known = services.store.node(&device.device_id).await.unwrap_or_else(|error| {
        tracing::error!(%error, node = %device.device_id, "what a node offered before could not be read");
        None
    });
    let claims = identity::claims(&hello, &node.client, known.as_ref());
    let _stay = greet_node(&services, &node, Some(claims)).await;
    note_visit(&services, &node, "connect");
    tracing::info!(conn = %conn_id, %peer, node = %device.device_id, "connected on the bridge");
    let session = Session { front, node, operator, owner, outbound };
    let lines = lines.raised();
    tokio::select! {
        () = session.read(lines.reading) => {}
        () = session.write(lines.writing) => {}
        () = session.beacons() => {}
    }
    note_visit(&services, &session.node, "disconnect");
    drop(visit);
    tracing::info!(conn = %conn_id, "disconnected from the bridge");
}

impl Session {
    async fn read(&self, mut reading: Reading) {
        let slots = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        loop {
            let Ok(permit) = slots.clone().acquire_owned().await else { return };
            match reading.next().await {
                Said::Line(line) => self.handle(&line, permit),
                Said::Unreadable(why) => {
                    // The writer has the line for itself; what it is told goes out before the connection ends.
                    self.refuse("INVALID_REQUEST", why);
                    self.outbound.close(crate::conn::outbound::Close::after_drain(wire::close::POLICY, why));
                    return std::future::pending().await;
                }
                Said::End => return,
            }
        }
    }

    /// Sends what waits. A reader so slow that its queue is closed is not waited for.
    async fn write(&self, mut writing: Writing) {
        while let Next::Frame(frame) = poll_fn(|cx| self.outbound.poll_next(cx)).await {
            let Some(line) = line_of(frame) else { continue };
            let ended = poll_fn(|cx| {
                self.outbound.register(cx.waker());
                if self.outbound.ends_at_once() { Poll::Ready(()) } else { Poll::Pending }
            });
            let sent = tokio::select! {
                biased;
                sent = writing.send(&line) => sent,
                () = ended => return,
            };
            if sent.is_err() {
                return;
            }
        }
        if let Err(error) = writing.close().await {
            tracing::debug!(%error, "a peer on the bridge was gone before it was told");
        }
    }

    async fn beacons(&self) {
        let mut timer = interval_at(Instant::now() + BEACON_EVERY, BEACON_EVERY);
        loop {
            timer.tick().await;
            self.front.services.presence.beacon(&self.node, "periodic");
        }
    }

    fn handle(&self, line: &str, permit: OwnedSemaphorePermit) {
        match bridge::read(line) {
            Ok(FromNode::Req(call)) => self.call(&call, permit),
            Ok(FromNode::Event(happened)) => self.happened(happened, permit),
            Ok(FromNode::InvokeRes(answer)) => self.answered(answer),
            Ok(FromNode::Ping(echo)) => self.outbound.answer(ToNode::Pong { id: &echo.id }.line()),
            Ok(FromNode::Pong(_)) => {}
            Ok(FromNode::Hello(_) | FromNode::PairRequest(_)) => {
                self.refuse("INVALID_REQUEST", "already authenticated")
            }
            Err(why) => self.refuse("INVALID_REQUEST", &why),
        }
    }

    fn refuse(&self, code: &str, message: &str) {
        self.outbound.answer(ToNode::Error { code, message }.line());
    }

    /// A method call: of the few that are let through, as the caller it takes (N-14.10).
    fn call(&self, call: &Call, permit: OwnedSemaphorePermit) {
        let reply = Reply::new(&call.id, self.outbound.clone());
        let may_own = self.front.services.config.current().bridge.allow_admin_methods;
        let who = match grade(&call.method) {
            Some(Grade::Operator) => &self.operator,
            Some(Grade::Node) => &self.node,
            Some(Grade::Owner) if may_own => &self.owner,
            Some(Grade::Owner) | None => {
                let forbidden = ErrorShape::new(ErrorCode::Forbidden, "Method not allowed");
                let shown: String = call.method.chars().take(128).collect();
                return reply.error(&forbidden.with(serde_json::json!({"method": shown})), None);
            }
        };
        let params = match call.params_json.clone().map(RawValue::from_string).transpose() {
            Ok(params) => params,
            Err(_) => return reply.error(&ErrorShape::invalid("paramsJSON is not JSON"), None),
        };
        self.start(who, &call.id, &call.method, params.as_deref(), reply, permit);
    }

    /// Something happened on the node: the same `node.event` as from elsewhere, without an answer.
    fn happened(&self, happened: Happened, permit: OwnedSemaphorePermit) {
        let Happened { event, payload_json } = happened;
        let params = match to_raw_value(&EventParams { event, payload: None, payload_json }) {
            Ok(params) => params,
            Err(error) => return tracing::error!(%error, "an event of a node could not be passed on"),
        };
        let nobody = Reply::new("event", Outbound::new(self.front.limits));
        self.start(&self.node, "event", Event::NAME, Some(&params), nobody, permit);
    }

    fn answered(&self, answer: Answer) {
        let Answer { id, ok, payload_json, error } = answer;
        let node_id = self.node.device_id.clone().unwrap_or_default();
        let payload_json = payload_json.map(Value::String);
        let answer = AnswerParams { id, node_id, ok, payload: None, payload_json, error };
        self.front.services.nodes.calls().answer(self.node.conn_id, answer);
    }

    fn start(
        &self,
        who: &Arc<Caller>,
        id: &str,
        method: &str,
        params: Option<&RawValue>,
        reply: Reply,
        permit: OwnedSemaphorePermit,
    ) {
        let cx = Cx { who: who.clone(), services: self.front.services.clone(), after: After::default() };
        let request = Request::new(id, method, params);
        if let Outcome::Runs(work) = dispatch(&self.front.table, cx, &request, reply.clone())
            && let Some(waits) = Started::new(work, reply, permit)
        {
            self.front.tasks.spawn(waits);
        }
    }
}

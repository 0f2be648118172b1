//! Owns one open connection: writes what waits, reads requests, starts their handlers, keeps the line alive.
//!
//! A handler is polled once in place, so that quick answers cost no task and keep their order; one that has to wait
//! goes on as a tracked task, and answers may then come out of order (`protocol.md` 1). A panic in a handler is one
//! failed answer, not a lost connection.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use wire::frame::{BadFrame, Request, response_error};
use wire::limits::MAX_UNAUTHORIZED_CALLS;
use wire::{ErrorShape, close};

use super::limits::{Limits, MAX_IN_FLIGHT};
use super::outbound::{Close, Next, Outbound};
use super::socket::{FrameIo, Gone, Inbound, Incoming, Outgoing, outlast, part};
use crate::rpc::dispatch::{Outcome, dispatch};
use crate::rpc::staged::Reply;
use crate::rpc::table::Work;
use crate::rpc::{After, Cx, Table};

/// An open connection.
pub(crate) struct Actor<Io> {
    /// The socket; nobody else touches it.
    pub(crate) io: Io,
    /// What waits to be sent.
    pub(crate) outbound: Outbound,
    /// Who is on the other end, and what handlers may use.
    pub(crate) cx: Cx,
    /// The methods.
    pub(crate) table: Arc<Table>,
    /// Handlers that had to wait.
    pub(crate) tasks: TaskTracker,
    /// What the line may take.
    pub(crate) limits: Limits,
}

enum Turn {
    Inbound(Inbound),
    Farewell,
    Gone(Gone),
}

impl<Io: FrameIo> Actor<Io> {
    /// Serves the connection until either side ends it; `queued` are messages that came before `hello-ok` was sent.
    pub(crate) async fn run(mut self, queued: Vec<Incoming>) {
        let slots = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        let mut refused = 0;
        for message in queued {
            let Ok(permit) = slots.clone().acquire_owned().await else { return };
            self.handle(&message, permit, &mut refused);
        }
        let mut keepalive = Keepalive::start(self.limits.ping_interval);
        // One timer for the whole connection: a new one for every message costs more than a small answer.
        let mut timer = pin!(tokio::time::sleep_until(keepalive.due));
        let mut ping = false;
        let mut permit = None;
        loop {
            permit = permit.or_else(|| slots.clone().try_acquire_owned().ok());
            let may_read = permit.is_some();
            let turn = tokio::select! {
                biased;
                turn = poll_fn(|cx| self.poll_turn(cx, may_read, &mut ping)) => turn,
                next = slots.clone().acquire_owned(), if !may_read => {
                    permit = next.ok();
                    continue;
                }
                () = timer.as_mut() => {
                    let pulse = keepalive.tick(may_read);
                    timer.as_mut().reset(keepalive.due);
                    match pulse {
                        Pulse::Ping => ping = true,
                        Pulse::Dead => {
                            tracing::info!("no pong; the connection is dropped");
                            return;
                        }
                    }
                    continue;
                }
            };
            match turn {
                Turn::Inbound(Inbound::Alive) => keepalive.heard(),
                Turn::Inbound(Inbound::Message(message)) => {
                    keepalive.heard();
                    if let Some(permit) = permit.take() {
                        self.handle(&message, permit, &mut refused);
                    }
                }
                // What only happens once, at the end, takes its room then.
                Turn::Farewell => return Box::pin(self.farewell()).await,
                Turn::Gone(why) => return Box::pin(outlast(self.io, &why)).await,
            }
        }
    }

    /// Writes first, then reads: an answer never waits for the next question.
    fn poll_turn(&mut self, cx: &mut Context<'_>, may_read: bool, ping: &mut bool) -> Poll<Turn> {
        self.outbound.register(cx.waker());
        if self.outbound.ends_at_once() {
            return Poll::Ready(Turn::Farewell);
        }
        let mut ended = false;
        let mut source = |cx: &mut Context<'_>| {
            if std::mem::take(ping) {
                return Some(Outgoing::Ping);
            }
            match self.outbound.poll_next(cx) {
                Poll::Ready(Next::Frame(text)) => Some(Outgoing::Text(text)),
                Poll::Ready(Next::Close) => {
                    ended = true;
                    None
                }
                Poll::Pending => None,
            }
        };
        match self.io.poll_send(cx, &mut source) {
            Poll::Ready(Err(why)) => return Poll::Ready(Turn::Gone(why)),
            Poll::Ready(Ok(())) | Poll::Pending if ended => return Poll::Ready(Turn::Farewell),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        if !may_read {
            return Poll::Pending;
        }
        self.io.poll_receive(cx).map(|received| received.map_or_else(Turn::Gone, Turn::Inbound))
    }

    fn handle(&mut self, message: &Incoming, permit: OwnedSemaphorePermit, refused: &mut u32) {
        // Text that is no JSON is ignored once a client has proven itself (`protocol.md` 1).
        let Some(text) = message.text() else { return };
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err(BadFrame::Unparseable) => return,
            Err(BadFrame::Invalid { id, reason }) => {
                let error = ErrorShape::invalid(format!("invalid request frame: {reason}"));
                return self.outbound.answer(response_error(&id, &error, None));
            }
        };
        let cx = Cx { after: After::default(), ..self.cx.clone() };
        let reply = Reply::new(&request.id, self.outbound.clone());
        match dispatch(&self.table, cx, &request, reply.clone()) {
            Outcome::Runs(work) => {
                *refused = 0;
                start(&self.tasks, work, reply, permit);
            }
            Outcome::Refused => *refused = 0,
            Outcome::WrongRole => {
                *refused += 1;
                if *refused > MAX_UNAUTHORIZED_CALLS {
                    self.outbound.close(Close::after_drain(close::POLICY, "repeated unauthorized calls"));
                }
            }
        }
    }

    /// Closes, behind what waits unless it must end at once.
    async fn farewell(self) {
        let Some(close) = self.outbound.ended() else { return };
        part(self.io, [Outgoing::Close(close.code, close.reason)]).await;
    }
}

/// Runs a handler: in place while it need not wait, as one of `tasks` from then on.
pub(crate) fn start(tasks: &TaskTracker, work: Work, reply: Reply, permit: OwnedSemaphorePermit) {
    let mut guarded = AssertUnwindSafe(work).catch_unwind().map(move |ended| {
        if ended.is_err() {
            tracing::error!("a handler panicked");
            reply.error(&ErrorShape::unavailable("this request failed inside the Gateway; see its log"), None);
        }
    });
    // A look without a waker: the task of one that has to wait looks again at once, with its own.
    if (&mut guarded).now_or_never().is_none() {
        tasks.spawn(async move {
            guarded.await;
            drop(permit);
        });
    }
}

/// Pings a silent peer and gives up on one that does not answer.
struct Keepalive {
    every: Duration,
    due: Instant,
    asked: bool,
}

enum Pulse {
    Ping,
    Dead,
}

impl Keepalive {
    fn start(every: Duration) -> Self {
        Self { every, due: Instant::now() + every, asked: false }
    }

    fn heard(&mut self) {
        self.asked = false;
    }

    /// While we do not read (too many requests at work), a missing pong proves nothing.
    fn tick(&mut self, reading: bool) -> Pulse {
        self.due = Instant::now() + self.every;
        if std::mem::replace(&mut self.asked, true) && reading { Pulse::Dead } else { Pulse::Ping }
    }
}

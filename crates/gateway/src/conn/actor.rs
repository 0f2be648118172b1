//! Owns one open connection: writes what waits, reads requests, starts their handlers, keeps the line alive.
//!
//! A handler is polled once in place, so that quick answers keep their order; one that has to wait goes on beside the
//! others ([`at_work`](super::at_work)), and answers may then come out of order (`protocol.md` 1).

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use wire::frame::{BadFrame, Request, response_error};
use wire::limits::MAX_UNAUTHORIZED_CALLS;
use wire::{ErrorShape, close};

use super::at_work::{AtWork, Started};
use super::limits::{Limits, MAX_IN_FLIGHT};
use super::outbound::{Close, Next, Outbound};
use super::socket::{FrameIo, Gone, Inbound, Incoming, Outgoing, outlast, part};
use crate::rpc::dispatch::{Outcome, dispatch};
use crate::rpc::staged::Reply;
use crate::rpc::{After, Cx, Table};

/// Messages that came together are taken together, and what they cause is written together: one call of the kernel
/// instead of one for each. So many at most, for an answer must not wait for as long as a client talks.
const TOGETHER_MAX: u32 = 32;

/// An open connection.
pub(crate) struct Actor<Io> {
    io: Io,
    outbound: Outbound,
    /// Who is on the other end, and what handlers may use.
    pub(super) cx: Cx,
    table: Arc<Table>,
    at_work: AtWork,
    limits: Limits,
    /// Messages that were taken since something was written.
    taken: u32,
}

enum Turn {
    Inbound(Inbound),
    Farewell,
    Gone(Gone),
}

impl<Io: FrameIo> Actor<Io> {
    /// For the socket `io`, which nobody else touches, with what waits to be sent, who is on the other end and the
    /// methods; `tasks` takes the handlers that outlast the connection.
    pub(crate) fn new(
        io: Io,
        outbound: Outbound,
        cx: Cx,
        table: Arc<Table>,
        tasks: TaskTracker,
        limits: Limits,
    ) -> Self {
        Self { io, outbound, cx, table, at_work: AtWork::new(tasks), limits, taken: 0 }
    }

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
                Turn::Gone(why) => {
                    drop(self.at_work);
                    return Box::pin(outlast(self.io, &why)).await;
                }
            }
        }
    }

    /// Goes on with the handlers, takes what has come, then writes. What is queued until the end of the turn need not
    /// wake anybody: this task looks at the queue by itself.
    fn poll_turn(&mut self, cx: &mut Context<'_>, may_read: bool, ping: &mut bool) -> Poll<Turn> {
        self.outbound.wake_nobody();
        self.at_work.poll(cx);
        if self.outbound.ends_at_once() {
            return Poll::Ready(Turn::Farewell);
        }
        let has_room = self.taken < TOGETHER_MAX;
        if may_read
            && has_room
            && let Poll::Ready(received) = self.io.poll_receive(cx)
        {
            self.taken += 1;
            return Poll::Ready(received.map_or_else(Turn::Gone, Turn::Inbound));
        }
        self.taken = 0;
        if let Some(end) = self.poll_write(cx, ping) {
            return Poll::Ready(end);
        }
        if !may_read || has_room {
            return Poll::Pending;
        }
        self.io.poll_receive(cx).map(|received| received.map_or_else(Turn::Gone, Turn::Inbound))
    }

    /// Writes what waits, as far as the line takes it; the end of the connection, when it has come.
    fn poll_write(&mut self, cx: &mut Context<'_>, ping: &mut bool) -> Option<Turn> {
        self.outbound.register(cx.waker());
        if self.outbound.ends_at_once() {
            return Some(Turn::Farewell);
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
            Poll::Ready(Err(why)) => Some(Turn::Gone(why)),
            Poll::Ready(Ok(())) | Poll::Pending => ended.then_some(Turn::Farewell),
        }
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
                if let Some(waits) = Started::new(work, reply, permit) {
                    self.at_work.push(waits);
                }
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
        let Self { io, outbound, at_work, .. } = self;
        drop(at_work);
        let Some(close) = outbound.ended() else { return };
        part(io, [Outgoing::Close(close.code, close.reason)]).await;
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

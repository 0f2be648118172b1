//! What waits to be sent on one connection, and what happens when its reader is slow. The hub numbers, this queues.
//!
//! Answers are never dropped. Events that may be dropped are, once `Limits::low_mark_bytes` wait; the number they would
//! have carried is skipped, so the client sees the gap and refetches. Above `Limits::max_buffered_bytes` the connection is
//! closed with 1008 `slow consumer`. Everybody else is unaffected: pushing never waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::task::AtomicWaker;
use wire::close;
use wire::events::EventRow;
use wire::frame::{self, StateVersion};

use super::limits::Limits;

/// What a frame costs beside its payload: names, numbers, WebSocket header.
pub(crate) const FRAME_OVERHEAD_BYTES: usize = 128;

/// How a connection ends from our side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    /// The WebSocket close code.
    pub(crate) code: u16,
    /// The reason, cut to what fits when it is sent.
    pub(crate) reason: String,
    /// Whether what already waits is sent first.
    pub(crate) drain: bool,
}

impl Close {
    /// Sends what waits, then closes.
    pub(crate) fn after_drain(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), drain: true }
    }

    /// Closes without sending what waits.
    pub(crate) fn at_once(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), drain: false }
    }
}

/// An event's payload, serialised once and shared by all its readers.
#[derive(Debug, Clone)]
pub(crate) struct SharedEvent {
    /// Its row in the event table.
    pub(crate) row: &'static EventRow,
    /// The payload as JSON.
    pub(crate) payload: Arc<str>,
    /// On `presence` and `health`.
    pub(crate) version: Option<StateVersion>,
}

#[derive(Debug)]
enum Item {
    Answer(String),
    Event { event: SharedEvent, seq: Option<u64> },
}

impl Item {
    fn cost(&self) -> usize {
        FRAME_OVERHEAD_BYTES
            + match self {
                Self::Answer(text) => text.len(),
                Self::Event { event, .. } => event.payload.len(),
            }
    }

    fn into_frame(self) -> String {
        match self {
            Self::Answer(text) => text,
            Self::Event { event, seq } => frame::event(event.row.name, &event.payload, seq, event.version),
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    close: Option<Close>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    queue: Mutex<Queue>,
    reader: AtomicWaker,
}

/// A handle to one connection's outbound queue; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Outbound(Arc<Shared>);

/// What the connection should do next.
pub(crate) enum Next {
    /// Send this frame.
    Frame(String),
    /// Close; nothing more will come.
    Close,
}

impl Outbound {
    /// An empty queue.
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared { limits, queue: Mutex::default(), reader: AtomicWaker::new() }))
    }

    /// Queues an answer.
    pub(crate) fn answer(&self, frame: String) {
        self.push(&mut self.lock(), Item::Answer(frame));
        self.0.reader.wake();
    }

    /// Queues a broadcast event under the reader's number for it, or skips that number when the reader is slow.
    pub(crate) fn broadcast(&self, event: &SharedEvent, seq: u64) {
        if event.row.droppable && self.lock().bytes > self.0.limits.low_mark_bytes {
            metrics::counter!("openclaw_events_dropped_total").increment(1);
            return;
        }
        self.again(event, seq);
    }

    /// Queues an event its reader has missed; it waited for it, so it is never dropped.
    pub(crate) fn again(&self, event: &SharedEvent, seq: u64) {
        self.push(&mut self.lock(), Item::Event { event: event.clone(), seq: Some(seq) });
        self.0.reader.wake();
    }

    /// Queues an event meant for this connection only; it carries no number.
    pub(crate) fn target(&self, event: &SharedEvent) {
        self.push(&mut self.lock(), Item::Event { event: event.clone(), seq: None });
        self.0.reader.wake();
    }

    /// Ends the connection; the first call decides how.
    pub(crate) fn close(&self, close: Close) {
        let mut queue = self.lock();
        if queue.close.as_ref().is_none_or(|already| already.drain && !close.drain) {
            queue.close = Some(close);
        }
        drop(queue);
        self.0.reader.wake();
    }

    /// The next frame or the end, in order; registers the task to be woken when there is neither.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(next) = self.take() {
            return Poll::Ready(next);
        }
        self.0.reader.register(cx.waker());
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Has the task woken when something is queued or the connection ends.
    pub(crate) fn register(&self, waker: &Waker) {
        self.0.reader.register(waker);
    }

    /// What is queued from now on wakes nobody, until somebody registers again and looks.
    pub(crate) fn wake_nobody(&self) {
        self.0.reader.take();
    }

    /// Whether the connection must end without sending what waits.
    pub(crate) fn ends_at_once(&self) -> bool {
        self.lock().close.as_ref().is_some_and(|close| !close.drain)
    }

    /// How the connection ends, once somebody has ended it.
    pub(crate) fn ended(&self) -> Option<Close> {
        self.lock().close.clone()
    }

    fn take(&self) -> Option<Next> {
        let mut queue = self.lock();
        if queue.close.as_ref().is_some_and(|close| !close.drain) {
            return Some(Next::Close);
        }
        if let Some(item) = queue.items.pop_front() {
            queue.bytes -= item.cost();
            drop(queue);
            return Some(Next::Frame(item.into_frame()));
        }
        queue.close.as_ref().map(|_| Next::Close)
    }

    fn push(&self, queue: &mut MutexGuard<'_, Queue>, item: Item) {
        if queue.close.is_some() {
            return;
        }
        queue.bytes += item.cost();
        queue.items.push_back(item);
        if queue.bytes > self.0.limits.max_buffered_bytes {
            queue.close = Some(Close::at_once(close::POLICY, "slow consumer"));
            queue.items.clear();
            queue.bytes = 0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

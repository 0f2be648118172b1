//! The handlers of one connection that had to wait. They go on inside the connection's own task, so that an answer that
//! comes is written in the same breath and no other thread is woken for it; when the connection ends before them they
//! go on as tracked tasks, since what was begun is finished whether anybody still listens or not.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::{CatchUnwind, FutureExt as _};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::TaskTracker;
use wire::ErrorShape;

use crate::rpc::staged::Reply;
use crate::rpc::table::Work;

/// A handler that was started. A panic in it is one failed answer, not a lost connection.
pub(crate) struct Started {
    work: CatchUnwind<AssertUnwindSafe<Work>>,
    reply: Reply,
    _slot: OwnedSemaphorePermit,
}

impl Started {
    /// Runs a handler as far as it goes without waiting; gives it back when it has to.
    pub(crate) fn new(work: Work, reply: Reply, slot: OwnedSemaphorePermit) -> Option<Self> {
        let mut started = Self { work: AssertUnwindSafe(work).catch_unwind(), reply, _slot: slot };
        // A look without a waker: whoever goes on with one that has to wait looks again at once, with its own.
        (&mut started).now_or_never().is_none().then_some(started)
    }
}

impl Future for Started {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.work.poll_unpin(cx)).is_err() {
            tracing::error!("a handler panicked");
            self.reply.error(&ErrorShape::unavailable("this request failed inside the Gateway; see its log"), None);
        }
        Poll::Ready(())
    }
}

/// Those that wait.
pub(super) struct AtWork {
    waiting: FuturesUnordered<Started>,
    tasks: TaskTracker,
}

impl AtWork {
    /// None yet; `tasks` takes over what is left at the end.
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self { waiting: FuturesUnordered::new(), tasks }
    }

    /// Takes one in.
    pub(super) fn push(&self, started: Started) {
        self.waiting.push(started);
    }

    /// Goes on with those that can, and has the task woken for the others.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        while !self.waiting.is_empty() {
            if self.waiting.poll_next_unpin(cx).is_pending() {
                return;
            }
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        for left in std::mem::take(&mut self.waiting) {
            self.tasks.spawn(left);
        }
    }
}

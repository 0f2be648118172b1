//! People who are asked elsewhere than at a client of this Gateway: in chats (C-2.1, N-12.11).

use futures_util::future::BoxFuture;
use wire::SessionKey;
use wire::methods::exec_approval::Decision;

/// A question as it is told there.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Its id.
    pub(crate) id: String,
    /// What is asked, and how a decision is typed.
    pub(crate) text: String,
    /// What may be said.
    pub(crate) allowed: Vec<Decision>,
    /// The session that asks.
    pub(crate) session: Option<SessionKey>,
}

/// Where they are.
pub(crate) trait Elsewhere: Send + Sync {
    /// Whether there is anybody.
    fn is_anybody(&self) -> bool;
    /// Asks them all; whoever cannot be asked is logged.
    fn ask(&self, told: Told) -> BoxFuture<'_, ()>;
    /// A question that was asked there is over.
    fn over(&self, id: String, how: String) -> BoxFuture<'static, ()>;
}

//! Who asks a node: a client, or an agent in the middle of its turn. Both pass the same policy (N-1.3).

use agent::ports::Asker;
use wire::methods::node::PROGRESS_CAP;
use wire::{ErrorShape, Scope};

use crate::approvals::Requester;
use crate::rpc::{Caller, ConnId};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    /// An operator's client.
    Client(&'a Caller),
    /// An agent.
    Agent(&'a Asker),
    /// The Gateway itself, of its own accord.
    Gateway,
}

impl By<'_> {
    /// Fails unless it may do what takes `scope`: an agent what its run's sender may, an administrator's part only for
    /// an owner.
    ///
    /// # Errors
    /// `FORBIDDEN` with `MISSING_SCOPE`.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), ErrorShape> {
        match self {
            Self::Client(who) => who.require(scope),
            Self::Agent(asker) if asker.rights.owner || scope == Scope::Read || scope == Scope::Write => Ok(()),
            Self::Agent(_) => Err(ErrorShape::missing_scope(scope)),
            Self::Gateway => Ok(()),
        }
    }

    /// An agent hears a piece of the answer, when it has room for it.
    pub(super) fn hears(&self, piece: String) {
        if let Self::Agent(asker) = self
            && let Some(progress) = &asker.progress
            && progress.try_send(piece).is_err()
        {
            tracing::trace!("a piece of a node's answer was not shown");
        }
    }

    /// Who it is to the desk of approvals; the Gateway asks nobody for itself.
    pub(super) fn requester(&self) -> Option<Requester> {
        match self {
            Self::Client(who) => Some(Requester::client(who)),
            Self::Agent(asker) => Some(Requester::run(asker)),
            Self::Gateway => None,
        }
    }

    /// The connection that wants to hear pieces of the answer.
    pub(super) fn progress_to(&self) -> Option<ConnId> {
        match self {
            Self::Client(who) => who.has_cap(PROGRESS_CAP).then_some(who.conn_id),
            Self::Agent(_) | Self::Gateway => None,
        }
    }

    /// The connection that may send more to the call (N-5.13).
    pub(super) fn conn_id(&self) -> Option<ConnId> {
        match self {
            Self::Client(who) => Some(who.conn_id),
            Self::Agent(_) | Self::Gateway => None,
        }
    }
}

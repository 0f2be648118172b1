//! What a handler knows: who asks, and the services it may use. Handlers never see a socket.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use agent::ports::Rights;
use uuid::Uuid;
use wire::connect::{AuthMethod, ClientInfo};
use wire::{ErrorShape, Role, Scope, ScopeSet};

use crate::auth::locality::Attribution;
use crate::services::Services;

/// One connection's name, `server.connId` of its `hello-ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnId(Uuid);

impl ConnId {
    /// A new name.
    pub(crate) fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl FromStr for ConnId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who is on the other end of a connection, fixed when the handshake succeeds.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The connection.
    pub(crate) conn_id: ConnId,
    /// Operator or node.
    pub(crate) role: Role,
    /// The scopes in force.
    pub(crate) scopes: ScopeSet,
    /// What the client said about itself.
    pub(crate) client: ClientInfo,
    /// The proven device, if there is one.
    pub(crate) device_id: Option<String>,
    /// Capabilities the client advertised, such as `tool-events`.
    pub(crate) caps: Vec<String>,
    /// How it was let in.
    pub(crate) auth: AuthMethod,
    /// The address rate limits and presence go by.
    pub(crate) peer: IpAddr,
    /// Whose request its upgrade was.
    pub(crate) attribution: Attribution,
    /// The page it belongs to, when it is a browser.
    pub(crate) origin: Option<String>,
}

impl Caller {
    /// Whether the client advertised `cap`.
    pub(crate) fn has_cap(&self, cap: &str) -> bool {
        self.caps.iter().any(|have| have == cap)
    }

    /// How far what it says is trusted by a run: who may do anything here is an owner.
    pub(crate) fn rights(&self) -> Rights {
        Rights { owner: self.scopes.allows(Scope::Admin), from_node: false }
    }

    /// Fails unless the caller holds `scope`; for params that need more than their method.
    ///
    /// # Errors
    /// `FORBIDDEN` with `MISSING_SCOPE`.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), ErrorShape> {
        if self.scopes.allows(scope) { Ok(()) } else { Err(ErrorShape::missing_scope(scope)) }
    }
}

/// The context of one request. Dereferences to [`Services`], so a handler writes `cx.hub`.
#[derive(Clone)]
pub(crate) struct Cx {
    /// Who asks.
    pub(crate) who: Arc<Caller>,
    /// What the handler may use.
    pub(crate) services: Arc<Services>,
    /// What to do once the answer is on its way.
    pub(crate) after: After,
}

/// Work for the moment after the answer: closing sockets, of which the caller's may be one.
#[derive(Clone, Default)]
pub(crate) struct After(Arc<Mutex<Vec<Act>>>);

type Act = Box<dyn FnOnce() + Send>;

impl After {
    /// Adds some.
    pub(crate) fn answer(&self, act: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(act));
    }

    /// Does it all.
    pub(crate) fn run(&self) {
        let acts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        acts.into_iter().for_each(|act| act());
    }
}

impl Deref for Cx {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

/// The answer when the state cannot be read or written: what a person needs is in the message and in the log.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
pub(crate) fn unavailable(error: store::StoreError) -> ErrorShape {
    tracing::error!(%error, "a request met a state that cannot be used");
    ErrorShape::unavailable(error.to_string()).retryable(true)
}

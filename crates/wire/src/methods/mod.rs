//! Every method of the protocol: its name, who may call it, and (for the ones whose types are here) its params and
//! result. The table in [`table`] knows them all, so that one that is not built yet still answers precisely.

/// Declares methods by name, params and result.
macro_rules! methods {
    ($($(#[$doc:meta])* $ident:ident = $name:literal, $params:ty => $result:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $ident;

            impl $crate::methods::Method for $ident {
                const NAME: &'static str = $name;
                type Params = $params;
                type Result = $result;
            }
        )*
    };
}

pub mod agent;
pub mod agents;
pub mod auth;
pub mod channels;
pub mod chat;
pub mod chat_history;
pub mod commands;
pub mod config;
pub mod cron;
pub mod cron_job;
pub mod dashboard;
pub mod device;
pub mod empty;
pub mod exec_approval;
pub mod gateway_identity;
pub mod health;
pub mod logs;
pub mod models;
pub mod node;
pub mod node_events;
pub mod node_pending;
pub mod outbound;
pub mod presence;
pub mod resume;
pub mod session_edit;
pub mod session_export;
pub mod sessions;
pub mod status;
pub mod table;
pub mod tools;
pub mod usage;
pub mod voicewake;
pub mod wake;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::scope::Scope;

/// The contract of one method. A Gateway joins it to a function, a client calls through it; neither spells the name.
pub trait Method {
    /// The name on the wire.
    const NAME: &'static str;
    /// What a request carries.
    type Params: DeserializeOwned + Serialize + Send;
    /// What a successful response carries.
    type Result: Serialize + DeserializeOwned + Send;
}

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Operators with this scope.
    Operator(Scope),
    /// Operators with at least this scope; some params need more, which the handler checks.
    Dynamic(Scope),
    /// Nodes only.
    Node,
    /// Nodes, and operators with this scope (N-2.9).
    Shared(Scope),
    /// Anyone who finished the handshake, even without a scope.
    Everyone,
}

/// One method of the protocol.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name on the wire.
    pub name: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Callable, but not listed in `hello-ok.features.methods`.
    pub unlisted: bool,
    /// `idempotencyKey` is a required param.
    pub idempotent: bool,
    /// Changes the Gateway itself; limited per method and caller (RATE-6).
    pub control_plane_write: bool,
}

/// The row of a method, if the protocol knows it.
pub fn find(name: &str) -> Option<&'static Row> {
    table::ALL.binary_search_by(|row| row.name.cmp(name)).ok().map(|at| &table::ALL[at])
}

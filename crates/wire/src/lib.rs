//! The Gateway protocol as types; the only place that spells a wire name.
//!
//! `wire` does no IO and knows no other crate of ours, so that a phone library, a desktop shell or a test can speak the
//! protocol with nothing else. What is here: [`frame`]s and their [`error`]s, the `connect` handshake ([`connect`],
//! [`device_auth`]), [`scope`]s, [`limits`], the table of every [`methods::Method`] with its permission, the events,
//! and the words shared by all of them ([`ids`], [`message`]).

pub mod bridge;
pub mod close;
pub mod connect;
pub mod device_auth;
pub mod discovery;
pub mod error;
pub mod events;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod media;
pub mod message;
pub mod methods;
pub mod nullable;
pub mod params;
pub mod scope;
pub mod session;
pub mod setup_code;
pub mod target;

pub use error::{ErrorCode, ErrorShape};
pub use ids::{AgentId, SessionKey};
pub use scope::{Role, Scope, ScopeSet};
pub use setup_code::SetupCode;

/// The protocol level this Gateway speaks and always answers with.
pub const PROTOCOL: u32 = 4;
/// The oldest level nodes, probes and (beyond the original) operators may offer.
pub const MIN_PROTOCOL: u32 = 3;

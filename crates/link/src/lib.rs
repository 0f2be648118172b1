//! Everything between a client and a Gateway's socket.
//!
//! A [`Target`] says where the Gateway is and who said so; a transport opens one byte stream to it; [`connect`] speaks
//! the handshake on that stream and hands back a [`Client`] and its [`Events`]. One task owns the socket, everybody
//! else holds a handle. A [`Link`] is a connection that
//! comes back: [`supervise`] decides (without IO) when to dial again, and every failure explains itself: what
//! happened, to which Gateway, and the command that mends it. `link` does not know the config: whoever calls lowers a
//! profile to a [`Target`] and [`Credentials`].

mod actor;
mod client;
pub mod discovery;
mod doctor;
mod error;
mod handshake;
mod identity;
mod join_page;
mod lasting;
mod pin;
mod pin_store;
mod pin_watch;
pub mod supervise;
mod tailnet;
mod target;
mod tls_fault;
mod tokens;
mod transports;
mod why;

pub use client::{CallError, Client, Closed, Events, Happened, Staged};
pub use error::{DialError, IdentityError};
pub use handshake::{Connect, Credentials, DEFAULT_TIMEOUT, challenge, connect, fetch_leaf};
pub use identity::Device;
pub use join_page::{PageError, setup_code_at};
pub use lasting::{Happenings, Link, LinkState};
pub use pin::{Pin, PinError, PinFileError, Pins};
pub use pin_store::PinStore;
pub use tailnet::TailnetFault;
pub use target::{PlaintextRefused, Route, Source, Target, TargetError, plaintext_rule, shown};
pub use tls_fault::{Distrust, TlsFault};
pub use tokens::{StoredToken, TokenStore};
pub use transports::ssh::{
    Caller, HostKey, HostKeys, KnownHost, Passphrase, Ran, SHARED_IDLE, SSH_PORT, Sharing, SshBackend, SshFailure,
    SshProblem, SshRoute, SshTarget, SshTargetError, run as ssh_run,
};
pub use transports::tls::Leaf;
pub use transports::{ByteStream, Streams, open as open_stream};
pub use why::{Finding, Probe, State, Told, why};

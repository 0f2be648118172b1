//! The only opener of OpenClaw's state files.
//!
//! Everything transactional lives in one SQLite database, `state/openclaw.db`: sessions and their transcripts, the
//! messages that were accepted and what became of them, paired devices and their tokens. A [`Store`] is a cheap handle
//! to it. All writes go through one thread, which puts every job that is waiting into one transaction and answers only
//! after the commit, so `kill -9` is a supported way to stop; the commit is flushed to disk first, except for the few
//! functions that say otherwise. Reads run on a small pool of connections and never wait for a writer. No SQL leaves
//! this crate.
//!
//! [`GatewayLock`] makes one process the owner of a state folder.

mod approvals;
mod chats;
mod cron;
mod dedupe;
mod devices;
mod error;
mod inbox;
mod inputs;
mod lock;
mod meta;
mod migrate;
mod node_work;
mod nodes;
mod open;
mod outbox;
mod readers;
mod sessions;
mod sql;
mod store;
mod system_events;
mod transcript;
mod usage;
mod writer;

pub use approvals::{ApprovalEnd, ApprovalQuery, ApprovalRecord, Resolver, Settled};
pub use chats::{ChatMessage, ChatPairing, ChatPeer};
pub use cron::{CronJob, CronRun};
pub use devices::{
    Approval, Device, DeviceFacts, DeviceToken, IssuedToken, NewDevice, NewPairing, PAIRING_TTL, Pairing,
    PairingRequest, Provenance, RotatedToken, SILENT_RETIREMENT_AGE, TokenCheck,
};
pub use error::StoreError;
pub use inbox::{Arrived, Cursor, NewArrival};
pub use inputs::{Accepted, Answer, Finish, Input, InputState, NewInput};
pub use lock::{GatewayLock, LOCK_WAIT, LockError, LockOwner, LockRequest};
pub use node_work::Waiting;
pub use nodes::{NodeArrival, NodeRecord, PendingSurface};
pub use outbox::{End, NewOutgoing, Outgoing, Part, PartState};
pub use sessions::{
    Archived, Change, LABEL_MAX, ModelSource, NewSession, Origin, Route, RunStatus, Session, SessionFilter,
    SessionPage, SessionPatch, SortBy, Upkeep,
};
pub use store::{Stats, Store};
pub use system_events::SystemEvent;
pub use transcript::{
    Body, Entry, ExportPage, HISTORY_MAX, HistoryPage, HistoryQuery, NewEntry, StoredMessage, Transcript, Window,
};
pub use usage::{UsageQuery, UsageRow};

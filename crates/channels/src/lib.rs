//! Channels: the chats an agent is reached through (C-14).
//!
//! A [`Channel`] is one kind of chat and one line in [`CHANNELS`]; an [`Account`] is one configured account of it; a
//! [`Transport`] is that account at work. Everything beside the vendor's own wire is common: events come in as [`Event`]s
//! and are durable before the vendor hears of it ([`Desk::take`]); what goes out is planned as [`Part`]s, each one call of the
//! vendor, and performed one by one. Who may talk is decided in [`access`], and what a failed call means in [`SendError`].
//!
//! This crate knows nothing of sessions at work: the Gateway takes events from the inbox to the lanes and the answers from
//! the outbox to the transports.

pub mod access;
mod account;
mod channel;
mod desk;
mod event;
pub mod mention;
pub mod merge;
mod outgoing;
pub mod post;
pub mod route;
mod status;
mod table;
mod telegram;
mod webhook;

pub use account::{Account, ErrorPolicy, Notify, ReplyTo, Streaming, Style, TokenSource, Unusable};
pub use channel::{
    Capabilities, Channel, Failure, Fetched, HttpCall, HttpReply, Markup, MenuEntry, Probe, Target, Transport,
};
pub use desk::Desk;
pub use event::{Chat, ChatKind, Event, Kind, Media, MediaKind, Quoted, Sender};
pub use outgoing::{Attached, AttachedFrom, Body, Button, Part, Receipt, Say, SendError, Words};
pub use status::{Snapshot, Status};
pub use table::{CHANNELS, find};

//! `chat.*`.

mod abort;
mod history;
mod inject;
mod message;
mod metadata;
mod send;
mod startup;

use wire::methods::{chat, chat_history};

use crate::rpc::Table;

pub(super) use inject::note;
pub(crate) use send::{Expects, Sending, send_message};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table
        .early::<chat::Send>(send::send)
        .on::<chat::Abort>(abort::abort)
        .on::<chat::Inject>(inject::inject)
        .on::<chat::MessageGet>(message::get)
        .on::<chat::Metadata>(metadata::metadata)
        .on::<chat_history::History>(history::history)
        .on::<chat_history::Startup>(startup::startup)
}

//! `sessions.*`.

mod abort;
mod branches;
mod create;
mod delete;
mod export;
mod get;
mod list;
mod patch;
mod preview;
mod reset;
mod resolve;
mod send;
mod subscribe;

use wire::methods::{session_edit, session_export, sessions};

use crate::rpc::Table;

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table
        .on::<sessions::List>(list::list)
        .on::<sessions::Describe>(list::describe)
        .on::<sessions::Resolve>(resolve::resolve)
        .on::<sessions::Preview>(preview::preview)
        .on::<sessions::Get>(get::get)
        .on::<sessions::BranchesList>(branches::list)
        .on::<session_export::Export>(export::export)
        .on::<sessions::Subscribe>(subscribe::all)
        .on::<sessions::MessagesSubscribe>(subscribe::one)
        .on::<sessions::MessagesUnsubscribe>(subscribe::not_one)
        .early::<session_edit::Create>(create::create)
        .on::<session_edit::Patch>(patch::patch)
        .on::<session_edit::Reset>(reset::reset)
        .on::<session_edit::Delete>(delete::delete)
        .early::<session_edit::Send>(send::send)
        .on::<session_edit::Abort>(abort::abort)
}

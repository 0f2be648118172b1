//! Every method this Gateway handles, one file a family. A row joins the contract in `wire` to a function.

mod agent;
mod agents;
mod auth;
mod channels;
mod chat;
mod chat_pairing;
mod commands;
mod config;
mod cron;
mod dashboard;
mod device;
mod empty;
mod exec_approval;
mod exec_approvals;
mod gateway_identity;
mod health;
mod logs;
mod models;
mod node;
mod outbound;
mod presence;
mod resume;
mod sessions;
mod setup_code;
mod status;
mod tools;
mod usage;
mod voicewake;
mod wake;

use wire::methods;

use crate::rpc::Table;

/// The whole table.
pub(crate) fn table() -> Table {
    let table = Table::new()
        .on::<methods::config::Apply>(config::apply)
        .on::<methods::config::Get>(config::get)
        .on::<methods::config::Patch>(config::patch)
        .on::<methods::config::Schema>(config::schema)
        .on::<methods::config::SchemaLookup>(config::schema_lookup)
        .on::<methods::config::Set>(config::set)
        .on::<methods::device::Approve>(device::approve)
        .on::<methods::device::Invite>(device::invite)
        .on::<methods::device::List>(device::list)
        .on::<methods::device::Reject>(device::reject)
        .on::<methods::device::Remove>(device::remove)
        .on::<methods::device::Rename>(device::rename)
        .on::<methods::device::Revoke>(device::revoke)
        .on::<methods::device::Rotate>(device::rotate)
        .on::<methods::gateway_identity::Get>(gateway_identity::get)
        .on::<methods::health::Health>(health::health)
        .on::<methods::logs::Tail>(logs::tail)
        .on::<methods::presence::SystemEvent>(presence::system_event)
        .on::<methods::presence::SystemPresence>(presence::system_presence)
        .early::<methods::resume::Resume>(resume::resume)
        .on::<methods::status::Status>(status::status)
        .on::<methods::status::SystemInfo>(status::system_info)
        .on::<methods::voicewake::Get>(voicewake::get)
        .on::<methods::voicewake::RoutingGet>(voicewake::routing_get)
        .on::<methods::voicewake::RoutingSet>(voicewake::routing_set)
        .on::<methods::voicewake::Set>(voicewake::set);
    let families = [
        agent::add,
        agents::add,
        auth::add,
        channels::add,
        chat::add,
        chat_pairing::add,
        commands::add,
        cron::add,
        dashboard::add,
        exec_approval::add,
        exec_approvals::add,
        models::add,
        node::add,
        outbound::add,
        sessions::add,
        setup_code::add,
        tools::add,
        usage::add,
        wake::add,
        empty::add,
    ];
    families.into_iter().fold(table, |table, add| add(table))
}

//! `node.*`: devices that offer commands (N-3…N-7).

mod event;
mod invoke;
mod list;
mod pair;
mod pending;
mod updates;

use wire::methods::{node, node_pending};

use crate::rpc::Table;

/// Adds the family.
pub(super) fn add(table: Table) -> Table {
    table
        .on::<node::List>(list::list)
        .on::<node::Describe>(list::describe)
        .on::<node::Rename>(list::rename)
        .on::<node::PairList>(pair::list)
        .on::<node::PairApprove>(pair::approve)
        .on::<node::PairReject>(pair::reject)
        .on::<node::PairRemove>(pair::remove)
        .on::<node::Invoke>(invoke::invoke)
        .on::<node::Input>(invoke::input)
        .on::<node::Answer>(invoke::answer)
        .on::<node::Progress>(invoke::progress)
        .on::<node::Event>(event::event)
        .on::<node_pending::Pull>(pending::pull)
        .on::<node_pending::Ack>(pending::ack)
        .on::<node_pending::Enqueue>(pending::enqueue)
        .on::<node_pending::Drain>(pending::drain)
        .on::<node::PluginToolsUpdate>(updates::plugin_tools)
        .on::<node::SkillsUpdate>(updates::skills)
        .on::<node::RunnerInventoryUpdate>(updates::runner_inventory)
}

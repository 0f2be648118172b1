//! `commands.list`.

use wire::ErrorShape;
use wire::methods::commands::{List, ListParams, ListResult};

use crate::rpc::{Cx, Table};
use crate::slash;

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<List>(list)
}

/// What a person may type. Every command works in every scope.
async fn list(cx: Cx, params: ListParams) -> Result<ListResult, ErrorShape> {
    cx.agents.find(params.agent_id.as_deref())?;
    Ok(ListResult { commands: slash::entries(params.include_args.unwrap_or(true)) })
}

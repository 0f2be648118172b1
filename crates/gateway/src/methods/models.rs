//! `models.list`.

use wire::ErrorShape;
use wire::methods::models::{List, ListParams, ListResult};

use crate::rpc::{Cx, Table};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<List>(list)
}

/// What can answer: the models that may be chosen, or with the views `all` and `provider-config` all that are known.
async fn list(cx: Cx, params: ListParams) -> Result<ListResult, ErrorShape> {
    cx.agents.find(params.agent_id.as_deref())?;
    let all = match params.view.as_deref() {
        None | Some("default" | "configured") => false,
        Some("all" | "provider-config") => true,
        Some(other) => {
            return Err(ErrorShape::invalid(format!(
                "invalid models.list params: at /view: must be default, configured, provider-config or all, not `{other}`"
            )));
        }
    };
    Ok(ListResult { models: cx.models.list(all).await })
}

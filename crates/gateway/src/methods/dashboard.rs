//! `dashboard.link`: a token that lets one page in, once (CON-3).

use std::time::Instant;

use serde_json::Value;
use wire::ErrorShape;
use wire::connect::Credential;
use wire::methods::dashboard::{Link, LinkResult};

use crate::auth::links::{self, Guest};
use crate::rpc::{Cx, Table};

/// Adds this family's row.
pub(super) fn add(table: Table) -> Table {
    table.on::<Link>(link)
}

async fn link(cx: Cx, _: Value) -> Result<LinkResult, ErrorShape> {
    let token = cx.gate.links(|links| links.make(Guest::Page, Instant::now()));
    tracing::info!(by = %cx.who.client.id, "made a link to the page");
    Ok(LinkResult { bootstrap_token: Credential::new(token.expose()), expires_at_ms: links::expires_at_ms() })
}

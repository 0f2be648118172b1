//! `channels.*`: how the accounts do, starting and stopping them, and who asks to talk (C-5.3, C-12).

use std::sync::Arc;
use std::time::Duration;

use channels::TokenSource;
use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::channels::{AccountParams, Logout, Start, Status, StatusParams, Stop};

use crate::chats::errand::{self, Named};
use crate::chats::{Live, look};
use crate::rpc::{Cx, Table};

/// The longest a client may have vendors asked.
const PROBE_MOST: Duration = Duration::from_secs(30);

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<Status>(status).on::<Start>(start).on::<Stop>(stop).on::<Logout>(logout)
}

async fn status(cx: Cx, params: StatusParams) -> Result<Value, ErrorShape> {
    let wanted = params.timeout_ms.map_or(look::PROBE_WITHIN, Duration::from_millis);
    let patience = params.probe.unwrap_or(false).then(|| wanted.clamp(Duration::from_millis(100), PROBE_MOST));
    let mut report = cx.chats.report(params.channel.as_deref(), patience).await;
    report["ts"] = json!(base::now_ms());
    report["eventLoop"] = cx.health.event_loop();
    Ok(report)
}

async fn start(cx: Cx, params: AccountParams) -> Result<Value, ErrorShape> {
    let live = find(&cx, &params)?;
    cx.chats.start(&live).await;
    let now = find(&cx, &params)?;
    let started = now.transport.is_some();
    let mut value = json!({"channel": params.channel, "accountId": now.account.id, "started": started});
    if let (false, Err(why)) = (started, &now.account.usable) {
        value["error"] = json!(why.why);
        value["next"] = json!([why.next]);
    }
    Ok(value)
}

async fn stop(cx: Cx, params: AccountParams) -> Result<Value, ErrorShape> {
    let live = find(&cx, &params)?;
    let stopped = cx.chats.stop(&live).await;
    Ok(json!({"channel": params.channel, "accountId": live.account.id, "stopped": stopped}))
}

/// Stops it and says where its token stands: a config is a person's, who takes the token out.
async fn logout(cx: Cx, params: AccountParams) -> Result<Value, ErrorShape> {
    let live = find(&cx, &params)?;
    cx.chats.stop(&live).await;
    let remains = live.account.token_source != TokenSource::None;
    let next = format!("openclaw channels remove {} --account {}", live.channel.id(), live.account.id);
    let mut value = json!({
        "channel": params.channel, "accountId": live.account.id, "cleared": false, "loggedOut": true,
        "tokenSource": live.account.token_source.as_str(), "envToken": live.account.token_source == TokenSource::Env,
    });
    if remains {
        value["next"] = json!([next]);
    }
    Ok(value)
}

fn find(cx: &Cx, params: &AccountParams) -> Result<Arc<Live>, ErrorShape> {
    let named = Named { channel: Some(params.channel.clone()), account: params.account_id.clone(), ..Named::default() };
    errand::account(&cx.chats, &named)
}

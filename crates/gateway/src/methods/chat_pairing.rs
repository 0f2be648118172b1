//! `channels.pairing.*`: who asks to talk in chats, and letting them (C-5.3).

use channels::access::DirectPolicy;
use serde_json::Value;
use store::{ChatPairing, Route};
use wire::ErrorShape;
use wire::methods::channels::{
    PairingAccount, PairingApprove, PairingApproveParams, PairingApproved, PairingDismiss, PairingDismissParams,
    PairingDismissed, PairingLimits, PairingList, PairingListParams, PairingListResult, PairingRequest,
};

use crate::chats::{deliver, pairing};
use crate::fault;
use crate::rpc::{Cx, Table};

/// What somebody is told who was let in.
const WELCOME: &str = "You may talk to this assistant now.";

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<PairingList>(list).on::<PairingApprove>(approve).on::<PairingDismiss>(dismiss)
}

async fn list(cx: Cx, params: PairingListParams) -> Result<PairingListResult, ErrorShape> {
    let is_meant = |channel: &str, account: &str| {
        params.channel.as_deref().is_none_or(|wanted| wanted == channel)
            && params.account_id.as_deref().is_none_or(|wanted| wanted == account)
    };
    let waiting = pairing::list(&cx, params.channel.as_deref()).await.map_err(fault::store)?;
    let waiting = waiting.iter().filter(|one| is_meant(&one.channel, &one.account));
    let accounts = cx.chats.all().into_iter().filter(|live| {
        live.account.access.direct == DirectPolicy::Pairing && is_meant(live.channel.id(), &live.account.id)
    });
    Ok(PairingListResult {
        requests: waiting.map(|one| request(&cx, one)).collect(),
        accounts: accounts
            .map(|live| PairingAccount {
                channel: live.channel.id().to_owned(),
                channel_label: live.channel.label().to_owned(),
                account_id: live.account.id.clone(),
                account_label: live.account.name.clone(),
                notify_supported: true,
            })
            .collect(),
        command_owner_configured: has_owner(&cx),
        limits: PairingLimits { pending_per_account: pairing::WAITING_MAX, ttl_ms: pairing::LIVES_MS },
    })
}

async fn approve(cx: Cx, params: PairingApproveParams) -> Result<PairingApproved, ErrorShape> {
    let PairingApproveParams { channel, account_id, request_id, notify, bootstrap_command_owner } = params;
    let had_owner = has_owner(&cx);
    let approved = pairing::approve(&cx, &channel, Some(&account_id), &request_id).await.map_err(fault::store)?;
    let approved = approved.ok_or_else(|| gone(&request_id))?;
    let owner = match (approved.is_owner, bootstrap_command_owner.unwrap_or(false)) {
        (true, _) => "configured",
        (false, false) => "not-requested",
        (false, true) if had_owner => "already-configured",
        (false, true) => "unavailable",
    };
    let notification = if notify.unwrap_or(false) { welcome(&cx, &approved.pairing).await } else { "not-requested" };
    Ok(PairingApproved {
        request_id: approved.pairing.code,
        sender_id: approved.pairing.peer,
        notification: notification.into(),
        command_owner_bootstrap: owner.into(),
    })
}

async fn dismiss(cx: Cx, params: PairingDismissParams) -> Result<PairingDismissed, ErrorShape> {
    let PairingDismissParams { channel, account_id, request_id } = params;
    let dismissed = pairing::dismiss(&cx, &channel, Some(&account_id), &request_id).await.map_err(fault::store)?;
    let dismissed = dismissed.ok_or_else(|| gone(&request_id))?;
    Ok(PairingDismissed { request_id: dismissed.code, sender_id: dismissed.peer })
}

/// Tells somebody who was let in, in the direct chat with them.
async fn welcome(cx: &Cx, pairing: &ChatPairing) -> &'static str {
    let ChatPairing { channel, account, peer, code, .. } = pairing;
    if cx.chats.find(channel, account).is_none_or(|live| live.transport.is_none()) {
        return "failed";
    }
    let route =
        Route { channel: channel.clone(), to: peer.clone(), account_id: Some(account.clone()), thread_id: None };
    let id = format!("let-in:{channel}:{account}:{peer}:{code}");
    match deliver::notice(cx, id, route, WELCOME).await {
        Ok(()) => "sent",
        Err(error) => {
            tracing::warn!(%error, "somebody who was let in could not be told");
            "failed"
        }
    }
}

fn request(cx: &Cx, one: &ChatPairing) -> PairingRequest {
    let live = cx.chats.find(&one.channel, &one.account);
    let known = |key: &str| one.meta[key].as_str().filter(|text| !text.trim().is_empty());
    let name = [known("firstName"), known("lastName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let label = match (name.is_empty(), known("username")) {
        (false, Some(handle)) => format!("{name} (@{handle})"),
        (false, None) => name,
        (true, Some(handle)) => format!("@{handle}"),
        (true, None) => one.peer.clone(),
    };
    let told = one.meta.as_object().into_iter().flatten().filter(|(_, value)| value.is_string());
    let told: serde_json::Map<String, Value> = told.map(|(key, value)| (key.clone(), value.clone())).collect();
    PairingRequest {
        request_id: one.code.clone(),
        channel: one.channel.clone(),
        channel_label: channels::find(&one.channel)
            .map_or_else(|| one.channel.clone(), |known| known.label().to_owned()),
        account_id: one.account.clone(),
        account_label: live.as_ref().and_then(|live| live.account.name.clone()),
        sender_id: one.peer.clone(),
        sender_label: label,
        metadata: (!told.is_empty()).then_some(Value::Object(told)),
        created_at: base::iso(one.created_at),
        last_seen_at: base::iso(one.last_seen_at),
        expires_at: base::iso(one.created_at + pairing::LIVES_MS),
        notify_supported: live.is_some_and(|live| live.transport.is_some()),
    }
}

fn has_owner(cx: &Cx) -> bool {
    let config = cx.config.current();
    config.commands.owner_allow_from.as_ref().is_some_and(|owners| match owners {
        Value::Array(all) => !all.is_empty(),
        Value::Null => false,
        _ => true,
    })
}

fn gone(code: &str) -> ErrorShape {
    ErrorShape::invalid(format!("nobody waits under the code {code}"))
        .with(serde_json::json!({"code": "NOT_FOUND", "next": ["openclaw pairing list"]}))
}

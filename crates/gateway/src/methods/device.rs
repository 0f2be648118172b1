//! `device.pair.*` and `device.token.*`. A caller without `operator.admin` manages only the device it is (PAIR-13), and
//! nobody is shown another device's token.

use std::time::Instant;

use serde_json::{Value, json};
use store::{Device, Provenance, StoreError};
use wire::connect::Credential;
use wire::methods::device::{
    DeviceParams, InviteResult, ListResult, RenameParams, RequestParams, RotateResult, TokenParams,
};
use wire::{ErrorShape, Role, Scope};

use crate::auth::links::{self, Guest};
use crate::pairing::pending_row;
use crate::rpc::{Caller, Cx, unavailable};

/// Longest name a person may give a device.
const LABEL_MAX_CHARS: usize = 64;

/// Makes a token that lets one new device in, as an operator, with the scopes it asks for (SSH-17).
pub(super) async fn invite(cx: Cx, _: Value) -> Result<InviteResult, ErrorShape> {
    let token = cx.gate.links(|links| links.make(Guest::Device, Instant::now()));
    tracing::info!(by = %cx.who.client.id, "made an invitation for a device");
    Ok(InviteResult { bootstrap_token: Credential::new(token.expose()), expires_at_ms: links::expires_at_ms() })
}

/// Who waits and who is paired.
pub(super) async fn list(cx: Cx, _: Value) -> Result<ListResult, ErrorShape> {
    let pending = cx.store.pairing_requests().await.map_err(unavailable)?;
    let connected = cx.hub.callers();
    let is_here = |id: &str| connected.iter().any(|who| who.device_id.as_deref() == Some(id));
    let paired = cx.store.devices().await.map_err(unavailable)?;
    let paired = paired.iter().map(|device| paired_row(device, is_here(&device.device_id))).collect();
    Ok(ListResult { pending: pending.iter().map(pending_row).collect(), paired })
}

/// Says yes to a waiting request.
pub(super) async fn approve(cx: Cx, params: RequestParams) -> Result<Value, ErrorShape> {
    let request = cx.store.pairing_request(&params.request_id).await.map_err(unavailable)?;
    let request = request.ok_or_else(unknown_request)?;
    // Nobody may hand out what they do not hold.
    if request.role == Role::Operator && !cx.who.scopes.covers(&request.scopes) {
        cx.who.require(Scope::Admin)?;
    }
    let approved = cx.pairing.approve(&params.request_id, Provenance::Owner).await;
    let device = approved.map_err(unavailable)?.ok_or_else(unknown_request)?;
    Ok(json!({"requestId": params.request_id, "device": paired_row(&device, false)}))
}

/// Says no to one.
pub(super) async fn reject(cx: Cx, params: RequestParams) -> Result<Value, ErrorShape> {
    let request = cx.pairing.reject(&params.request_id).await.map_err(unavailable)?.ok_or_else(unknown_request)?;
    Ok(json!({"requestId": request.request_id, "deviceId": request.device_id}))
}

/// Forgets a device and closes its sockets.
pub(super) async fn remove(cx: Cx, params: DeviceParams) -> Result<Value, ErrorShape> {
    own_or_admin(&cx.who, &params.device_id, "device removal denied")?;
    let removed = cx.store.remove_device(&params.device_id).await.map_err(unavailable)?;
    let device = removed.ok_or_else(|| ErrorShape::invalid("unknown deviceId"))?;
    cx.pairing.changed();
    close_after_answer(&cx, device.device_id.clone());
    Ok(json!({"deviceId": device.device_id}))
}

/// Gives a device a person's name.
pub(super) async fn rename(cx: Cx, params: RenameParams) -> Result<Value, ErrorShape> {
    let label = params.label.trim();
    if label.is_empty() || label.chars().count() > LABEL_MAX_CHARS {
        return Err(ErrorShape::invalid("invalid device.pair.rename params: at /label: must have 1 to 64 characters"));
    }
    own_or_admin(&cx.who, &params.device_id, "device rename denied")?;
    let renamed = cx.store.rename_device(&params.device_id, Some(label)).await.map_err(unavailable)?;
    let device = renamed.ok_or_else(|| ErrorShape::invalid("unknown deviceId"))?;
    cx.pairing.changed();
    Ok(json!({"deviceId": device.device_id, "label": label}))
}

/// Replaces a token and closes the sockets made with the old one. The new one goes to the device itself only; others
/// leave it to be fetched with the shared secret.
pub(super) async fn rotate(cx: Cx, params: TokenParams) -> Result<RotateResult, ErrorShape> {
    let denied = || ErrorShape::invalid("device token rotation denied");
    let role = Role::parse(&params.role).ok_or_else(denied)?;
    own_or_admin(&cx.who, &params.device_id, "device token rotation denied")?;
    if let Some(scopes) = &params.scopes
        && !cx.who.scopes.covers(scopes)
    {
        cx.who.require(Scope::Admin)?;
    }
    let rotated = match cx.store.rotate_token(&params.device_id, role, params.scopes.as_ref()).await {
        Err(StoreError::NotApproved { .. }) => return Err(denied()),
        rotated => rotated.map_err(unavailable)?.ok_or_else(denied)?,
    };
    let is_self = cx.who.device_id.as_deref() == Some(&params.device_id)
        && cx.who.auth == wire::connect::AuthMethod::DeviceToken
        && cx.who.role == role;
    close_after_answer(&cx, params.device_id.clone());
    Ok(RotateResult {
        device_id: params.device_id,
        role,
        scopes: rotated.scopes,
        rotated_at_ms: rotated.rotated_at_ms,
        token: is_self.then(|| rotated.token.expose().to_owned()),
        token_delivery: if is_self { "in-band" } else { "withheld-cross-device" }.into(),
    })
}

/// Takes a token away and closes the sockets made with it.
pub(super) async fn revoke(cx: Cx, params: TokenParams) -> Result<Value, ErrorShape> {
    let denied = || ErrorShape::invalid("device token revocation denied");
    let role = Role::parse(&params.role).ok_or_else(denied)?;
    own_or_admin(&cx.who, &params.device_id, "device token revocation denied")?;
    let revoked = cx.store.revoke_token(&params.device_id, role).await.map_err(unavailable)?.ok_or_else(denied)?;
    close_after_answer(&cx, params.device_id.clone());
    Ok(json!({"deviceId": params.device_id, "role": role, "revokedAtMs": revoked}))
}

/// The caller may be one of the sockets that close.
fn close_after_answer(cx: &Cx, device_id: String) {
    let pairing = cx.pairing.clone();
    cx.after.answer(move || pairing.close_sockets(&device_id));
}

fn unknown_request() -> ErrorShape {
    ErrorShape::invalid("unknown requestId")
}

fn own_or_admin(who: &Caller, device_id: &str, denied: &str) -> Result<(), ErrorShape> {
    // Without a device identity it was the shared secret, which is the owner's.
    let is_owner = who.device_id.is_none() || who.scopes.allows(Scope::Admin);
    if is_owner || who.device_id.as_deref() == Some(device_id) { Ok(()) } else { Err(ErrorShape::invalid(denied)) }
}

fn paired_row(device: &Device, connected: bool) -> Value {
    let facts = &device.facts;
    let tokens = device.tokens.iter().filter(|token| token.revoked_at_ms.is_none()).map(|token| {
        without_nulls(json!({
            "role": token.role, "scopes": token.scopes, "createdAtMs": token.created_at_ms,
            "rotatedAtMs": token.rotated_at_ms, "lastUsedAtMs": token.last_used_at_ms,
        }))
    });
    without_nulls(json!({
        "deviceId": device.device_id, "publicKey": device.public_key,
        "displayName": facts.display_name, "label": device.label, "platform": facts.platform,
        "deviceFamily": facts.device_family, "clientId": facts.client_id, "clientMode": facts.client_mode,
        "role": device.role, "roles": device.roles, "scopes": device.scopes,
        "approvedVia": device.approved_via, "createdAtMs": device.created_at_ms, "approvedAtMs": device.approved_at_ms,
        "lastSeenAtMs": device.last_seen_at_ms, "lastSeenReason": device.last_seen_reason,
        "connected": connected, "tokens": tokens.collect::<Vec<_>>(),
    }))
}

fn without_nulls(mut row: Value) -> Value {
    if let Value::Object(map) = &mut row {
        map.retain(|_, value| !value.is_null());
    }
    row
}

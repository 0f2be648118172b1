//! Commands about paired devices: their names, their tokens, and forgetting them.

use serde_json::{Value, json};
use wire::methods::{self, Method as _};

use super::{Clear, One, Rename, Revoke, Rotate, Unlock, connect, find};
use crate::app::App;
use crate::args::Rpc;
use crate::cmd::waiting::rows;
use crate::exit::Failure;
use crate::rpc;

/// Calls `method` for the one device whose id begins with `prefix`, with `more` params; the id, and the answer.
fn about(app: &App, rpc: &Rpc, prefix: &str, method: &str, more: Value) -> Result<(String, Value), Failure> {
    rpc::block_on(async {
        let connection = connect(app, rpc).await?;
        let all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
        let id = find(rows(&all, "paired"), "deviceId", prefix)?.to_owned();
        let mut params = more;
        params["deviceId"] = json!(id);
        let answer = connection.call(method, Some(params)).await?;
        connection.client.close().await;
        Ok((id, answer))
    })
}

pub(super) fn remove(app: &App, args: &One) -> Result<(), Failure> {
    let (id, answer) = about(app, &args.rpc, &args.id, methods::device::Remove::NAME, json!({}))?;
    app.out.either(&answer, || format!("Removed {id}."));
    Ok(())
}

pub(super) fn rename(app: &App, args: &Rename) -> Result<(), Failure> {
    let more = json!({"label": args.name});
    let (id, answer) = about(app, &args.rpc, &args.device, methods::device::Rename::NAME, more)?;
    app.out.either(&answer, || format!("Renamed {id} to {}.", args.name));
    Ok(())
}

pub(super) fn rotate(app: &App, args: &Rotate) -> Result<(), Failure> {
    let mut more = json!({"role": args.role});
    if args.no_scopes || !args.scopes.is_empty() {
        more["scopes"] = json!(args.scopes);
    }
    let (id, answer) = about(app, &args.rpc, &args.device, methods::device::Rotate::NAME, more)?;
    app.out.either(&answer, || match answer["token"].as_str() {
        Some(token) => format!("New {} token of {id} (shown once):\n{token}", args.role),
        None => format!("Rotated the {} token of {id}; the device gets it when it next connects.", args.role),
    });
    Ok(())
}

pub(super) fn revoke(app: &App, args: &Revoke) -> Result<(), Failure> {
    let more = json!({"role": args.role});
    let (id, answer) = about(app, &args.rpc, &args.device, methods::device::Revoke::NAME, more)?;
    app.out.either(&answer, || format!("Revoked the {} token of {id}.", args.role));
    Ok(())
}

/// RATE-8.
pub(super) fn unlock(app: &App, args: &Unlock) -> Result<(), Failure> {
    let answer = rpc::call_once(app, &args.rpc, methods::auth::Unlock::NAME, Some(json!({"key": args.key})))?;
    app.out.either(&answer, || match answer["cleared"].as_u64() {
        None | Some(0) => format!("{} was not locked out.", args.key),
        Some(_) => format!("{} is let in again.", args.key),
    });
    Ok(())
}

pub(super) fn clear(app: &App, args: &Clear) -> Result<(), Failure> {
    if !args.yes {
        return Err(Failure::usage("this forgets every paired device; say --yes").run("openclaw devices clear --yes"));
    }
    rpc::block_on(async {
        let connection = connect(app, &args.rpc).await?;
        let all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
        let (mut removed, mut rejected) = (0, 0);
        for row in rows(&all, "paired") {
            connection.call(methods::device::Remove::NAME, Some(json!({"deviceId": row["deviceId"]}))).await?;
            removed += 1;
        }
        for row in rows(&all, "pending").iter().filter(|_| args.pending) {
            connection.call(methods::device::Reject::NAME, Some(json!({"requestId": row["requestId"]}))).await?;
            rejected += 1;
        }
        connection.client.close().await;
        let value = json!({"ok": true, "removed": removed, "rejected": rejected});
        app.out.either(&value, || format!("Removed {removed} devices, refused {rejected} requests."));
        Ok(())
    })
}

//! `devices approve` and `reject`: devices that wait for a person.

use std::time::Duration;

use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{self, Method as _};

use super::list::{name, roles};
use super::local::Desk;
use super::{Approve, One, connect, connect_with, find, rows};
use crate::app::App;
use crate::cmd::system::text;
use crate::exit::Failure;
use crate::out;
use crate::rpc;

/// Between two looks with `--watch`, when no event came.
const WATCH: Duration = Duration::from_secs(2);

pub(super) fn approve(app: &App, args: &Approve) -> Result<(), Failure> {
    let (id, answer) = match rpc::block_on(by_the_gateway(app, args)) {
        Ok(done) => done,
        Err(failure) => {
            let desk = Desk::instead_of(app, &args.rpc, failure)?;
            rpc::block_on(async {
                let all = desk.list().await?;
                let id = chosen(&all, args)?.to_owned();
                Ok((id.clone(), desk.approve(&id).await?))
            })?
        }
    };
    app.out.either(&answer, || format!("Approved {id}."));
    Ok(())
}

async fn by_the_gateway(app: &App, args: &Approve) -> Result<(String, Value), Failure> {
    let mut connection = connect(app, &args.rpc).await?;
    let mut all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
    if args.watch && rows(&all, "pending").is_empty() {
        out::complain("waiting for a device to ask");
    }
    while args.watch && rows(&all, "pending").is_empty() {
        // Every request is announced; the poll only covers an announcement that was lost.
        let _announced = tokio::time::timeout(WATCH, connection.events.next()).await;
        connection.renew();
        all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
    }
    let id = chosen(&all, args)?.to_owned();
    connection.client.close().await;
    // Nobody hands out what they do not hold, so this asks for just that.
    let scopes = [vec![Scope::Pairing], asked_scopes(rows(&all, "pending"), &id)].concat();
    let connection = connect_with(app, &args.rpc, scopes).await?;
    let answer = connection.call(methods::device::Approve::NAME, Some(json!({"requestId": id}))).await?;
    connection.client.close().await;
    Ok((id, answer))
}

/// The scopes the request `id` asks for.
fn asked_scopes(pending: &[Value], id: &str) -> Vec<Scope> {
    let row = pending.iter().find(|row| row["requestId"] == id);
    let names = row.and_then(|row| row["scopes"].as_array()).into_iter().flatten();
    names.filter_map(|name| Scope::ALL.into_iter().find(|scope| scope.as_str() == name)).collect()
}

fn chosen<'a>(all: &'a Value, args: &Approve) -> Result<&'a str, Failure> {
    let pending = rows(all, "pending");
    match &args.id {
        Some(prefix) => find(pending, "requestId", prefix),
        None => newest(pending, args.yes),
    }
}

pub(super) fn reject(app: &App, args: &One) -> Result<(), Failure> {
    let asked = rpc::block_on(async {
        let connection = connect(app, &args.rpc).await?;
        let all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
        let id = find(rows(&all, "pending"), "requestId", &args.id)?.to_owned();
        let answer = connection.call(methods::device::Reject::NAME, Some(json!({"requestId": id}))).await?;
        connection.client.close().await;
        Ok((id, answer))
    });
    let (id, answer) = match asked {
        Ok(done) => done,
        Err(failure) => {
            let desk = Desk::instead_of(app, &args.rpc, failure)?;
            rpc::block_on(async {
                let all = desk.list().await?;
                let id = find(rows(&all, "pending"), "requestId", &args.id)?.to_owned();
                Ok((id.clone(), desk.reject(&id).await?))
            })?
        }
    };
    app.out.either(&answer, || format!("Rejected {id}."));
    Ok(())
}

/// Without an id nothing is approved by accident: the newest request is shown with the exact command, unless it is the
/// only one and `--yes` was said.
fn newest(pending: &[Value], yes: bool) -> Result<&str, Failure> {
    let Some(row) = pending.iter().max_by_key(|row| row["ts"].as_i64()) else {
        return Err(Failure::new("NOT_FOUND", "no device is waiting to be approved"));
    };
    let id = text(row, "requestId");
    if yes && pending.len() == 1 {
        return Ok(id);
    }
    let from = format!("{} ({}, {}) from {}", name(row), roles(row), text(row, "platform"), text(row, "remoteIp"));
    Err(Failure::new("APPROVAL_NEEDS_ID", format!("newest request: {id}, {from}"))
        .run(format!("openclaw devices approve {id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_request_is_shown_with_its_command_and_approved_only_when_alone() {
        let list = [json!({"requestId": "old", "ts": 1}), json!({"requestId": "new", "ts": 2})];
        let failure = newest(&list, true).unwrap_err();
        assert_eq!((failure.exit, failure.next[0].text()), (1, "openclaw devices approve new"));
        assert_eq!(newest(&list[..1], true).unwrap(), "old");
        assert_eq!(newest(&list[..1], false).unwrap_err().exit, 1);
    }
}

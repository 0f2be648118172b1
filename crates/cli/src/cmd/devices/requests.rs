//! `devices approve` and `reject`: devices that wait for a person.

use std::time::Duration;

use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{self, Method as _};

use super::list::{name, roles};
use super::{Approve, One, connect, connect_with, find};
use crate::app::App;
use crate::cmd::system::text;
use crate::cmd::waiting::{newest, rows};
use crate::desk::Desk;
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
                let all = desk.devices().await?;
                let id = chosen(&all, args)?.to_owned();
                Ok((id.clone(), desk.approve_device(&id).await?))
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
        None => newest(pending, args.yes, "device", about),
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
                let all = desk.devices().await?;
                let id = find(rows(&all, "pending"), "requestId", &args.id)?.to_owned();
                Ok((id.clone(), desk.reject_device(&id).await?))
            })?
        }
    };
    app.out.either(&answer, || format!("Rejected {id}."));
    Ok(())
}

/// Who asks, for a person to recognise.
fn about(row: &Value) -> String {
    format!("{} ({}, {}) from {}", name(row), roles(row), text(row, "platform"), text(row, "remoteIp"))
}

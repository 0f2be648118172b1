//! `devices list`.

use serde_json::{Value, json};
use wire::methods::{self, Method as _};

use crate::app::App;
use crate::args::Rpc;
use crate::cmd::system::text;
use crate::cmd::waiting::rows;
use crate::desk::Desk;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

pub(super) fn list(app: &App, rpc: &Rpc) -> Result<(), Failure> {
    let answer = match rpc::call_once(app, rpc, methods::device::List::NAME, Some(json!({}))) {
        Ok(answer) => answer,
        Err(failure) => {
            let desk = Desk::instead_of(app, rpc, failure)?;
            rpc::block_on(desk.devices())?
        }
    };
    app.out.either(&answer, || listing(app, &answer));
    Ok(())
}

fn listing(app: &App, answer: &Value) -> String {
    let (pending, paired) = (rows(answer, "pending"), rows(answer, "paired"));
    if pending.is_empty() && paired.is_empty() {
        return "No device pairing entries.".into();
    }
    let now = base::now_ms();
    let mut listing = String::new();
    if !pending.is_empty() {
        let rows = pending.iter().map(|row| {
            let age = row["ts"].as_i64().map(|at| table::age(at, now)).unwrap_or_default();
            vec![text_of(row, "requestId"), name(row), roles(row), text_of(row, "remoteIp"), age]
        });
        listing += &format!(
            "{}\n{}\n\n",
            app.out.bold("Pending"),
            table::table(&["REQUEST", "DEVICE", "ROLE", "FROM", "AGE"], rows)
        );
    }
    if !paired.is_empty() {
        let rows = paired.iter().map(|row| {
            let id: String = text(row, "deviceId").chars().take(12).collect();
            let online = if row["connected"] == true { "online" } else { "" };
            vec![id, name(row), roles(row), text_of(row, "platform"), online.to_owned()]
        });
        listing += &format!(
            "{}\n{}\n",
            app.out.bold("Paired"),
            table::table(&["DEVICE", "NAME", "ROLE", "PLATFORM", ""], rows)
        );
    }
    listing
}

fn text_of(row: &Value, key: &str) -> String {
    text(row, key).to_owned()
}

pub(super) fn name(row: &Value) -> String {
    let known = ["label", "displayName", "clientId"].iter().find_map(|key| row[*key].as_str());
    known.unwrap_or("-").to_owned()
}

pub(super) fn roles(row: &Value) -> String {
    let roles: Vec<&str> = row["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if roles.is_empty() { text_of(row, "role") } else { roles.join(",") }
}

//! `channels list`: what the config has; no Gateway is asked.

use channels::{Account, Channel};
use serde_json::{Value, json};

use crate::app::App;
use crate::exit::Failure;
use crate::out::table::table;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also channels that are not set up
    #[arg(long)]
    all: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let config = &app.config()?.config;
    let mut rows = Vec::new();
    for channel in channels::CHANNELS {
        let accounts = channel.accounts(config, &app.env);
        if accounts.is_empty() && args.all {
            rows.push(
                json!({"channel": channel.id(), "label": channel.label(), "configured": false, "enabled": false}),
            );
        }
        rows.extend(accounts.iter().map(|account| row(*channel, account)));
    }
    let value = json!({"channels": rows});
    app.out.either(&value, || text(&rows));
    Ok(())
}

/// One account, as the config has it.
pub(super) fn row(channel: &dyn Channel, account: &Account) -> Value {
    let mut row = json!({
        "channel": channel.id(), "label": channel.label(), "accountId": account.id, "enabled": account.enabled,
        "configured": account.usable.is_ok(), "tokenSource": account.token_source.as_str(),
    });
    if let Some(name) = &account.name {
        row["name"] = json!(name);
    }
    if let Err(why) = &account.usable {
        row["lastError"] = json!(why.why);
        row["next"] = json!(why.next);
    }
    row
}

/// The rows as a table, with what mends the first that is amiss.
pub(super) fn text(rows: &[Value]) -> String {
    if rows.is_empty() {
        return "No channel is set up.\n\nopenclaw channels add telegram".into();
    }
    let lines = rows.iter().map(|row| {
        let state = if row["accountId"].is_null() {
            "not set up".to_owned()
        } else if row["enabled"] == false {
            "disabled".to_owned()
        } else {
            row["lastError"].as_str().map_or_else(|| "ready".to_owned(), str::to_owned)
        };
        vec![super::cell(&row["channel"]), super::cell(&row["accountId"]), super::cell(&row["tokenSource"]), state]
    });
    let shown = table(&["CHANNEL", "ACCOUNT", "TOKEN", "STATE"], lines);
    match rows.iter().find_map(|row| row["next"].as_str()) {
        Some(next) => format!("{shown}\n\n{next}"),
        None => shown,
    }
}

//! After an account was written: wait until the Gateway has it at work, let its owner in, and say hello.

use std::time::{Duration, Instant};

use channels::Channel;
use inquire::Confirm;
use serde_json::{Value, json};
use wire::Scope;
use wire::methods::Method as _;
use wire::methods::channels::{PairingApprove, PairingList, Status};
use wire::methods::outbound::Send;

use super::cell;
use crate::app::App;
use crate::args::Reach;
use crate::exit::Failure;
use crate::rpc::{self, Connection, Want};

/// How long the account may take until the vendor answers it.
const CONNECTS_WITHIN: Duration = Duration::from_secs(20);
/// How long a person may take to write to the bot.
const WRITES_WITHIN: Duration = Duration::from_secs(300);
/// Between two looks; the protocol has no event for either.
const LOOK: Duration = Duration::from_millis(700);
/// The whole of it; a call has its own limit.
const ALL: Duration = Duration::from_secs(420);

/// What is to be done.
pub(super) struct Wanted<'a> {
    pub(super) channel: &'static dyn Channel,
    pub(super) account: &'a str,
    /// Who owns the assistant, when that is known.
    pub(super) owner: Option<&'a str>,
    /// Whether there is somebody to ask.
    pub(super) asks: bool,
    /// Whether somebody is let in.
    pub(super) pairs: bool,
    /// The bot's handle.
    pub(super) bot: Option<String>,
}

/// Goes as far as it can; answers what is left to do.
pub(super) async fn go_on(app: &App, wanted: &Wanted<'_>, value: &mut Value) -> Result<Vec<String>, Failure> {
    let scopes = vec![Scope::Read, Scope::Write, Scope::Pairing, Scope::Admin];
    let want = Want { scopes, ..Want::of(Status::NAME, ALL) };
    let connection = match rpc::open(app, &Reach::default(), None, &want).await {
        Ok(connection) => connection,
        Err(_) => return Ok(without_a_gateway(wanted, value)),
    };
    let done = with_a_gateway(app, wanted, &connection, value).await;
    connection.client.close().await;
    done
}

fn without_a_gateway(wanted: &Wanted<'_>, value: &mut Value) -> Vec<String> {
    value["gatewayReachable"] = json!(false);
    let mut next = vec!["openclaw gateway run".to_owned()];
    if wanted.pairs && wanted.owner.is_none() && wanted.channel.id() != "webhook" {
        let bot = wanted.bot.as_deref().map_or_else(|| "the bot".to_owned(), |bot| format!("@{bot}"));
        next.push(format!("write to {bot}; it answers with a code"));
        next.push("openclaw pairing list".to_owned());
    }
    next
}

async fn with_a_gateway(
    app: &App,
    wanted: &Wanted<'_>,
    connection: &Connection,
    value: &mut Value,
) -> Result<Vec<String>, Failure> {
    let connected = connects(app, wanted, connection).await?;
    value["gatewayReachable"] = json!(true);
    value["connected"] = json!(connected);
    if !connected {
        return Ok(vec![format!("openclaw channels status --probe --channel {}", wanted.channel.id())]);
    }
    let mine = match wanted.owner {
        Some(owner) => wanted.channel.peer(owner),
        None if wanted.pairs && wanted.asks && wanted.channel.id() != "webhook" => {
            first(app, wanted, connection).await?
        }
        None => None,
    };
    let Some(mine) = mine else {
        return Ok(vec!["openclaw pairing list".to_owned(), "openclaw channels status".to_owned()]);
    };
    value["owner"] = json!(mine);
    value["greeted"] = json!(greet(app, wanted, connection, &mine).await);
    Ok(vec!["openclaw channels status".to_owned()])
}

/// Waits until the Gateway has taken the account over and its vendor answers.
async fn connects(app: &App, wanted: &Wanted<'_>, connection: &Connection) -> Result<bool, Failure> {
    let spinner = app.out.spinner("waiting for the Gateway to take it over");
    let until = Instant::now() + CONNECTS_WITHIN;
    let is_at_work = loop {
        let answer = connection.call(Status::NAME, Some(json!({"channel": wanted.channel.id()}))).await?;
        let accounts = answer["channelAccounts"][wanted.channel.id()].as_array().cloned().unwrap_or_default();
        let mine = accounts.iter().find(|one| one["accountId"] == wanted.account);
        if mine.is_some_and(|one| one["connected"] == true) {
            break true;
        }
        if Instant::now() >= until {
            break false;
        }
        tokio::time::sleep(LOOK).await;
    };
    drop(spinner);
    Ok(is_at_work)
}

/// The first who writes and has the code that a person at this terminal sees, too.
async fn first(app: &App, wanted: &Wanted<'_>, connection: &Connection) -> Result<Option<String>, Failure> {
    let bot = wanted.bot.as_deref().map_or_else(|| "your bot".to_owned(), |bot| format!("@{bot} (https://t.me/{bot})"));
    app.out.note(&format!("Now write anything to {bot}. It answers with a code."));
    let spinner = app.out.spinner("waiting for your message");
    let until = Instant::now() + WRITES_WITHIN;
    let mut refused: Vec<String> = Vec::new();
    loop {
        let params = json!({"channel": wanted.channel.id(), "accountId": wanted.account});
        let all = connection.call(PairingList::NAME, Some(params)).await?;
        let waiting = all["requests"].as_array().cloned().unwrap_or_default();
        let new = waiting.iter().find(|row| !refused.iter().any(|code| row["requestId"] == *code));
        if let Some(row) = new {
            spinner.hide();
            if is_me(row)? {
                let params = json!({"channel": row["channel"], "accountId": row["accountId"],
                    "requestId": row["requestId"], "bootstrapCommandOwner": all["commandOwnerConfigured"] == false});
                connection.call(PairingApprove::NAME, Some(params)).await?;
                return Ok(row["senderId"].as_str().map(str::to_owned));
            }
            refused.push(cell(&row["requestId"]));
        }
        if Instant::now() >= until {
            app.out.note("Nobody wrote in time; openclaw pairing list shows who does.");
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_me(row: &Value) -> Result<bool, Failure> {
    let question = format!(
        "{} (user id {}) wrote. Is that you, and is the code in your chat {}?",
        cell(&row["senderLabel"]),
        cell(&row["senderId"]),
        cell(&row["requestId"]),
    );
    Confirm::new(&question).with_default(false).prompt().map_err(|_| Failure::interrupted())
}

/// The first message. Whether it arrived; a bot may not write to whom never wrote to it.
async fn greet(app: &App, wanted: &Wanted<'_>, connection: &Connection, to: &str) -> bool {
    let params = json!({"channel": wanted.channel.id(), "accountId": wanted.account, "to": to,
        "message": "Hello, this is your OpenClaw. Write to me here.",
        "idempotencyKey": format!("hello-{}-{}-{to}", wanted.channel.id(), wanted.account)});
    match connection.call(Send::NAME, Some(params)).await {
        Ok(_) => {
            app.out.note("It said hello in your chat.");
            true
        }
        Err(failure) => {
            app.out.warn(&format!("the first message did not arrive ({}); press Start in its chat", failure.message));
            false
        }
    }
}

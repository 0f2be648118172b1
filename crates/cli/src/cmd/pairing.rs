//! `openclaw pairing`: who asks to talk in chats, and letting them (C-5.3).

use clap::Subcommand;
use serde_json::{Value, json};
use wire::Scope;
use wire::methods::Method as _;
use wire::methods::channels::{PairingApprove, PairingDismiss, PairingList};

use crate::app::App;
use crate::args::Rpc;
use crate::desk::{Desk, explained, gone};
use crate::exit::Failure;
use crate::out::table::{age, table};
use crate::rpc::{self, Connection, Want};

/// How long a code is good for, in milliseconds (C-5.2).
const LIVES_MS: i64 = 3_600_000;
const LIST: &str = "openclaw pairing list";

/// Let people talk who asked to in a chat
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// One line per command.
#[derive(Debug, Subcommand)]
enum Action {
    /// List who asks to talk
    List(List),
    /// Let somebody talk
    Approve(Decide),
    /// Take a request away without letting anybody in
    #[command(visible_alias = "reject")]
    Dismiss(Decide),
}

#[derive(Debug, clap::Args)]
struct List {
    /// One channel only
    #[arg(value_name = "CHANNEL")]
    channel: Option<String>,
    /// The same
    #[arg(long = "channel", value_name = "CHANNEL", conflicts_with = "channel")]
    channel_flag: Option<String>,
    /// One account of ours only
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Decide {
    /// The channel and the code; a code alone will do
    #[arg(value_name = "CHANNEL CODE", num_args = 1..=2, required = true)]
    words: Vec<String>,
    /// The channel
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// The account of ours they wrote to
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Tell them
    #[arg(long)]
    notify: bool,
    #[command(flatten)]
    rpc: Rpc,
}

impl Decide {
    fn code(&self) -> &str {
        self.words.last().map_or("", |code| code.trim())
    }

    fn channel(&self) -> Option<&str> {
        self.channel.as_deref().or_else(|| self.words.first().filter(|_| self.words.len() == 2).map(String::as_str))
    }

    /// The request that is meant.
    fn find<'r>(&self, requests: &'r [Value]) -> Result<&'r Value, Failure> {
        let is_it = |row: &&Value| {
            row["requestId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(self.code()))
                && self.channel().is_none_or(|channel| row["channel"] == channel)
                && self.account.as_deref().is_none_or(|account| row["accountId"] == account)
        };
        requests.iter().find(is_it).ok_or_else(|| gone(self.code(), LIST))
    }
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::List(args) => list(app, args),
        Action::Approve(args) => approve(app, args),
        Action::Dismiss(args) => dismiss(app, args),
    }
}

fn list(app: &App, args: &List) -> Result<(), Failure> {
    let channel = args.channel.as_ref().or(args.channel_flag.as_ref());
    let mut params = json!({});
    if let Some(channel) = channel {
        params["channel"] = json!(channel);
    }
    if let Some(account) = &args.account {
        params["accountId"] = json!(account);
    }
    let mut answer = match rpc::call_once(app, &args.rpc, PairingList::NAME, Some(params)) {
        Ok(answer) => answer,
        Err(failure) => {
            let desk = Desk::instead_of(app, &args.rpc, failure)?;
            rpc::block_on(desk.chat_requests())?
        }
    };
    if let Some(rows) = answer["requests"].as_array_mut() {
        rows.retain(|row| channel.is_none_or(|channel| row["channel"] == *channel));
        rows.retain(|row| args.account.as_ref().is_none_or(|account| row["accountId"] == *account));
    }
    app.out.either(&answer, || text(&answer, base::now_ms()));
    Ok(())
}

fn text(answer: &Value, now: i64) -> String {
    let requests = answer["requests"].as_array().map_or(&[][..], Vec::as_slice);
    let Some(first) = requests.first() else { return "Nobody asks to talk.".into() };
    let ago = |row: &Value| {
        let at = row["createdAt"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        at.map_or_else(|| "-".into(), |at| age(at.as_millisecond(), now))
    };
    let rows = requests.iter().map(|row| {
        let account = cell(row, "accountId");
        let at =
            if account == "default" { cell(row, "channel") } else { format!("{} ({account})", cell(row, "channel")) };
        vec![cell(row, "requestId"), at, cell(row, "senderId"), cell(row, "senderLabel"), ago(row)]
    });
    let hint = format!("openclaw pairing approve {} {}", cell(first, "channel"), cell(first, "requestId"));
    format!("{}\n\n{hint}", table(&["CODE", "CHANNEL", "USER ID", "CALLS THEMSELVES", "AGO"], rows))
}

fn approve(app: &App, args: &Decide) -> Result<(), Failure> {
    let answer = match rpc::block_on(by_the_gateway(app, args)) {
        Ok(answer) => answer,
        Err(failure) => {
            let desk = Desk::instead_of(app, &args.rpc, failure)?;
            let answer = rpc::block_on(async {
                let all = desk.chat_requests().await?;
                let row = args.find(all["requests"].as_array().map_or(&[][..], Vec::as_slice))?.clone();
                desk.decide_chat(&row, true).await
            })?;
            app.out.note("note: nobody was made the owner; openclaw config set commands.ownerAllowFrom does that");
            answer
        }
    };
    app.out.either(&answer, || {
        let owner = if answer["commandOwnerBootstrap"] == "configured" {
            " They own this assistant from now on: their commands count."
        } else {
            ""
        };
        format!("{} may talk.{owner}", cell(&answer, "senderId"))
    });
    Ok(())
}

async fn by_the_gateway(app: &App, args: &Decide) -> Result<Value, Failure> {
    let connection = connect(app, &args.rpc).await?;
    let all = connection.call(PairingList::NAME, Some(json!({}))).await?;
    let row = args.find(all["requests"].as_array().map_or(&[][..], Vec::as_slice))?;
    let params = json!({
        "channel": row["channel"], "accountId": row["accountId"], "requestId": row["requestId"], "notify": args.notify,
        "bootstrapCommandOwner": all["commandOwnerConfigured"] == false,
    });
    let answer = connection.call(PairingApprove::NAME, Some(params)).await;
    connection.client.close().await;
    answer
}

fn dismiss(app: &App, args: &Decide) -> Result<(), Failure> {
    let asked = rpc::block_on(async {
        let connection = connect(app, &args.rpc).await?;
        let all = connection.call(PairingList::NAME, Some(json!({}))).await?;
        let row = args.find(all["requests"].as_array().map_or(&[][..], Vec::as_slice))?;
        let params = json!({"channel": row["channel"], "accountId": row["accountId"], "requestId": row["requestId"]});
        let answer = connection.call(PairingDismiss::NAME, Some(params)).await;
        connection.client.close().await;
        answer
    });
    let answer = match asked {
        Ok(answer) => answer,
        Err(failure) => {
            let desk = Desk::instead_of(app, &args.rpc, failure)?;
            rpc::block_on(async {
                let all = desk.chat_requests().await?;
                let row = args.find(all["requests"].as_array().map_or(&[][..], Vec::as_slice))?.clone();
                desk.decide_chat(&row, false).await
            })?
        }
    };
    app.out.either(&answer, || format!("The request of {} is gone.", cell(&answer, "senderId")));
    Ok(())
}

async fn connect(app: &App, rpc: &Rpc) -> Result<Connection, Failure> {
    // Making the first one the owner takes more than letting them in.
    let want = Want {
        scopes: vec![Scope::Pairing, Scope::Admin],
        ..Want::of(PairingList::NAME, rpc.timeout_or(rpc::TIMEOUT))
    };
    rpc::open(app, &rpc.reach, None, &want).await
}

impl Desk {
    /// As the Gateway lists them.
    async fn chat_requests(&self) -> Result<Value, Failure> {
        let waiting = self.store().chat_pairings(base::now_ms() - LIVES_MS).await.map_err(explained)?;
        let rows: Vec<Value> = waiting
            .iter()
            .map(|one| {
                let label = ["firstName", "username"]
                    .iter()
                    .find_map(|key| one.meta[*key].as_str().filter(|name| !name.is_empty()));
                json!({"requestId": one.code, "channel": one.channel, "accountId": one.account, "senderId": one.peer,
                "senderLabel": label.unwrap_or(&one.peer), "createdAt": base::iso(one.created_at),
                "lastSeenAt": base::iso(one.last_seen_at), "expiresAt": base::iso(one.created_at + LIVES_MS)})
            })
            .collect();
        Ok(json!({"requests": rows}))
    }

    /// Says yes or no; it counts when they next write.
    async fn decide_chat(self, row: &Value, allow: bool) -> Result<Value, Failure> {
        let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let (channel, account, code) = (word("channel"), word("accountId"), word("requestId"));
        let since = base::now_ms() - LIVES_MS;
        let done = self.store().decide_chat(&channel, Some(&account), &code, since, allow).await.map_err(explained)?;
        self.close().await;
        let done = done.ok_or_else(|| gone(&code, LIST))?;
        Ok(json!({"requestId": done.code, "senderId": done.peer, "notification": "not-requested",
            "commandOwnerBootstrap": "unavailable"}))
    }
}

/// A member as text that a terminal shows and does not obey: strangers choose their names.
fn cell(row: &Value, key: &str) -> String {
    let text = row[key].as_str().filter(|text| !text.trim().is_empty()).unwrap_or("-");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-5.3
    #[test]
    fn who_asks_is_shown_with_the_way_to_let_them_in() {
        let answer = json!({"requests": [{"requestId": "ABCD2345", "channel": "telegram", "accountId": "default",
            "senderId": "42", "senderLabel": "Eve\u{1b}[2J", "createdAt": "1970-01-01T00:00:00Z"}]});
        let text = text(&answer, 120_000);
        assert!(text.contains("ABCD2345") && text.contains("2m") && !text.contains('\u{1b}'), "{text}");
        assert!(text.ends_with("openclaw pairing approve telegram ABCD2345"), "{text}");
    }
}

//! Starting, stopping and taking out accounts.

use config::edit::{self, Change};
use inquire::Confirm;
use serde_json::{Value, json};
use wire::methods::Method as _;
use wire::methods::channels as rpcs;

use super::{Named, cell, guide};
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Stop {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Logout {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Login {
    #[command(flatten)]
    named: Named,
}

#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    #[command(flatten)]
    named: Named,
    /// Take its part of the config out, token and all; without it, it is only disabled
    #[arg(long)]
    delete: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn start(app: &App, args: &Start) -> Result<(), Failure> {
    let answer = ask(app, &args.rpc, &args.named, rpcs::Start::NAME)?;
    if answer["started"] != true {
        let why = answer["error"].as_str().unwrap_or("openclaw channels status says why");
        let failure = Failure::new("CHANNEL_NOT_STARTED", format!("it did not start: {}", cell(&json!(why))));
        return Err(match answer["next"][0].as_str() {
            Some(next) => failure.run(next),
            None => failure.run("openclaw channels status --probe"),
        });
    }
    app.out.either(&answer, || format!("{} {} is started.", cell(&answer["channel"]), cell(&answer["accountId"])));
    Ok(())
}

pub(super) fn stop(app: &App, args: &Stop) -> Result<(), Failure> {
    let answer = ask(app, &args.rpc, &args.named, rpcs::Stop::NAME)?;
    app.out.either(&answer, || match answer["stopped"] == true {
        true => format!(
            "{} {} is stopped, until it or the Gateway is started.",
            cell(&answer["channel"]),
            cell(&answer["accountId"])
        ),
        false => {
            format!("{} {} was told to stop and is still at it.", cell(&answer["channel"]), cell(&answer["accountId"]))
        }
    });
    Ok(())
}

pub(super) fn logout(app: &App, args: &Logout) -> Result<(), Failure> {
    let answer = ask(app, &args.rpc, &args.named, rpcs::Logout::NAME)?;
    app.out.either(&answer, || {
        let stopped = format!("{} {} is stopped.", cell(&answer["channel"]), cell(&answer["accountId"]));
        match answer["next"][0].as_str() {
            Some(next) => format!("{stopped} Its token is still there; this takes it out:\n  {next} --delete"),
            None => stopped,
        }
    });
    Ok(())
}

/// Channels by a token have nothing to log in to; that is said, with what to do instead.
pub(super) fn login(app: &App, args: &Login) -> Result<(), Failure> {
    let channel = args.named.channel()?;
    let next = format!("openclaw channels add {}", channel.id());
    let text =
        format!("{} has no login; it works by a secret.\n\n{}\n\n{next}", channel.label(), guide::of(channel.id()));
    app.out.either(&json!({"channel": channel.id(), "login": "token", "next": [next]}), || text);
    Ok(())
}

pub(super) fn remove(app: &App, args: &Remove) -> Result<(), Failure> {
    let (channel, account) = (args.named.channel()?, args.named.account());
    let known = channel.accounts(&app.config()?.config, &app.env);
    if !known.iter().any(|one| one.id == account) {
        let ids: Vec<_> = known.iter().map(|one| one.id.as_str()).collect();
        let has = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
        return Err(Failure::new("NOT_FOUND", format!("{} has no account `{account}`; it has {has}", channel.id()))
            .run("openclaw channels list"));
    }
    if args.delete && !args.yes {
        sure(app, channel.id(), account)?;
    }
    let patch = patch(app, channel.id(), account, args.delete);
    let loaded = config::load(app.config_file(), &app.env)?;
    edit::apply(app.config_file(), &app.env, loaded.hash.as_deref(), Change::MergePatch(patch))?;
    let value = json!({"ok": true, "channel": channel.id(), "accountId": account, "deleted": args.delete});
    app.out.either(&value, || {
        let what = if args.delete { "is taken out of the config" } else { "is disabled" };
        format!("{} {account} {what}. A running Gateway stops it at once.", channel.id())
    });
    Ok(())
}

fn sure(app: &App, channel: &str, account: &str) -> Result<(), Failure> {
    let asks = !app.out.json && app.out.is_terminal && std::io::IsTerminal::is_terminal(&std::io::stdin());
    if !asks {
        return Err(Failure::usage("without questions --delete needs --yes"));
    }
    match Confirm::new(&format!("Take {channel} {account} out of the config, token and all?"))
        .with_default(false)
        .prompt()
    {
        Ok(true) => Ok(()),
        _ => Err(Failure::new("NOT_CONFIRMED", "nothing was changed")),
    }
}

/// The change of the config. The account at the root goes with the section when it stands alone.
fn patch(app: &App, channel: &str, account: &str, delete: bool) -> Value {
    let section = app.config().ok().and_then(|loaded| loaded.source.pointer(&format!("/channels/{channel}")).cloned());
    let section = section.unwrap_or_default();
    let has_own_key = section["accounts"][account].is_object();
    let others = section["accounts"].as_object().is_some_and(|accounts| !accounts.is_empty());
    match (has_own_key, delete) {
        (true, true) => json!({"channels": {channel: {"accounts": {account: null}}}}),
        (true, false) => json!({"channels": {channel: {"accounts": {account: {"enabled": false}}}}}),
        (false, true) if !others => json!({"channels": {channel: null}}),
        (false, true) => {
            json!({"channels": {channel: {"botToken": null, "tokenFile": null, "secret": null, "url": null}}})
        }
        (false, false) => json!({"channels": {channel: {"enabled": false}}}),
    }
}

fn ask(app: &App, rpc: &Rpc, named: &Named, method: &str) -> Result<Value, Failure> {
    let mut params = json!({"channel": named.channel()?.id()});
    if let Some(account) = &named.account {
        params["accountId"] = json!(account);
    }
    let rpc = Rpc { timeout: Some(rpc.timeout_or(std::time::Duration::from_secs(30))), ..rpc.clone() };
    rpc::call_once(app, &rpc, method, Some(params))
}

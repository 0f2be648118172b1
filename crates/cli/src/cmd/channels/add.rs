//! `channels add`: from nothing to a chat that answers. What it writes is checked with the vendor before it is written.

mod secret;

use std::path::PathBuf;
use std::time::Duration;

use channels::{Account, Channel, Probe};
use config::edit::{self, Change};
use inquire::Confirm;
use serde_json::{Value, json};

use super::{Named, guide, pair};
use crate::app::App;
use crate::exit::Failure;
use crate::rpc;

/// How long the vendor may take to say who we are.
const PROBE_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
    /// A name for it, for people
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    secret: secret::Flags,
    /// Where the Bot API is, when it is not Telegram's own
    #[arg(long, value_name = "URL")]
    api_root: Option<String>,
    /// Where a webhook is posted what is answered
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The user id over there that owns this assistant; without it, the first who shows the right code
    #[arg(long, value_name = "ID")]
    owner: Option<String>,
    /// Write it without asking the vendor whether it is right
    #[arg(long)]
    no_check: bool,
    /// Let nobody in yet
    #[arg(long, conflicts_with = "owner")]
    no_pair: bool,
    /// Ask nothing
    #[arg(long)]
    non_interactive: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    add(app, args.named.channel()?, args)
}

/// Offers it at the end of onboarding; a no is fine.
pub(in crate::cmd) fn offer(app: &App) -> Result<(), Failure> {
    let Ok(telegram) = super::find("telegram") else { return Ok(()) };
    match Confirm::new("Reach the agent by Telegram, too?").with_default(false).prompt() {
        Ok(true) => {}
        _ => return Ok(()),
    }
    let named = Named { channel: Some("telegram".into()), channel_flag: None, account: None };
    let args = Args {
        named,
        name: None,
        secret: secret::Flags::default(),
        api_root: None,
        url: None,
        owner: None,
        no_check: false,
        no_pair: false,
        non_interactive: false,
    };
    add(&app.afresh(), telegram, &args)
}

fn add(app: &App, channel: &'static dyn Channel, args: &Args) -> Result<(), Failure> {
    let is_terminal = app.out.is_terminal && std::io::IsTerminal::is_terminal(&std::io::stdin());
    let asks = !args.non_interactive && !app.out.json && is_terminal;
    let account = args.named.account();
    if !account.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) || account.is_empty() {
        return Err(Failure::usage(format!("`{account}` is no account name; use letters, digits, - and _")));
    }
    if asks {
        app.out.note(guide::of(channel.id()));
    }
    let patch = patch(app, channel, args, asks)?;
    let made = checked(app, channel, account, &patch, args)?;
    let loaded = config::load(app.config_file(), &app.env)?;
    edit::apply(app.config_file(), &app.env, loaded.hash.as_deref(), Change::MergePatch(patch))?;
    let app = &app.afresh();
    let mut value = json!({"ok": true, "channel": channel.id(), "accountId": account, "path": app.config_file(),
        "checked": made.probe.is_some(), "bot": made.probe.as_ref().map(|probe| probe.bot.clone())});
    if let Some(door) = made.door {
        value["webhookPath"] = json!(door);
    }
    app.out.note(&format!("{} {account} is in {}.", channel.label(), app.config_file().display()));
    let wait =
        pair::Wanted { channel, account, owner: args.owner.as_deref(), asks, pairs: !args.no_pair, bot: made.bot };
    let next = rpc::block_on(pair::go_on(app, &wait, &mut value))?;
    value["next"] = json!(next);
    app.out.either(&value, || format!("Next: {}", next.join("\n      ")));
    Ok(())
}

/// What the config shall say.
fn patch(app: &App, channel: &dyn Channel, args: &Args, asks: bool) -> Result<Value, Failure> {
    let mut own = json!({"enabled": true});
    for (key, value) in secret::of(app, channel.id(), args.named.account(), &args.secret, asks)? {
        own[key] = json!(value);
    }
    let rest = [("name", &args.name), ("apiRoot", &args.api_root), ("url", &args.url)];
    for (key, value) in rest.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
        own[key] = json!(value);
    }
    let account = args.named.account();
    let source = &app.config()?.source;
    let mut patch = json!({});
    if let Some(owner) = &args.owner {
        let id = channel
            .peer(owner)
            .ok_or_else(|| Failure::usage(format!("`{owner}` is no user id of {}", channel.id())))?;
        let at = if account == "default" {
            format!("/channels/{}", channel.id())
        } else {
            format!("/channels/{}/accounts/{account}", channel.id())
        };
        own["allowFrom"] = with(source.pointer(&format!("{at}/allowFrom")), &id);
        patch["commands"]["ownerAllowFrom"] =
            with(source.pointer("/commands/ownerAllowFrom"), &format!("{}:{id}", channel.id()));
    }
    match account {
        "default" => patch["channels"][channel.id()] = own,
        _ => patch["channels"][channel.id()]["accounts"][account] = own,
    }
    Ok(patch)
}

/// A list with one more entry.
fn with(list: Option<&Value>, entry: &str) -> Value {
    let mut list = list.and_then(Value::as_array).cloned().unwrap_or_default();
    if !list.iter().any(|known| known == entry) {
        list.push(json!(entry));
    }
    Value::Array(list)
}

/// An account that can work.
struct Made {
    probe: Option<Probe>,
    /// The bot's handle.
    bot: Option<String>,
    /// Where the Gateway is called.
    door: Option<String>,
}

/// Makes the account as the Gateway would, and has the vendor say who it is.
fn checked(app: &App, channel: &dyn Channel, account: &str, patch: &Value, args: &Args) -> Result<Made, Failure> {
    let prepared = edit::prepare(app.config_file(), &app.env, None, Change::MergePatch(patch.clone()))?;
    let Some(loaded) = prepared.loaded else {
        return Err(
            Failure::new("CONFIG_INVALID", "the config has problems of its own").run("openclaw config validate")
        );
    };
    let known: Vec<Account> = channel.accounts(&loaded.config, &app.env);
    let Some(made) = known.into_iter().find(|one| one.id == account) else {
        return Err(Failure::new(
            "CHANNEL_UNUSABLE",
            format!("the config has no {} account `{account}`", channel.id()),
        ));
    };
    if let Err(why) = &made.usable {
        return Err(Failure::new("CHANNEL_UNUSABLE", why.why.clone()).advise(why.next.clone()));
    }
    let transport =
        channel.open(&made).map_err(|error| Failure::new("CHANNEL_UNUSABLE", error.why).advise(error.next))?;
    let door = transport.door();
    if args.no_check {
        return Ok(Made { probe: None, bot: None, door });
    }
    let spinner = app.out.spinner(&format!("asking {} who this is", channel.label()));
    let probe = rpc::block_on(async { Ok::<_, Failure>(transport.probe(PROBE_WITHIN).await) })?;
    drop(spinner);
    if !probe.ok {
        return Err(refused(channel, &probe));
    }
    let bot = probe.bot["username"].as_str().map(str::to_owned);
    if let Some(bot) = &bot {
        app.out.note(&format!("{} knows it as @{bot}.", channel.label()));
    }
    Ok(Made { probe: Some(probe), bot, door })
}

fn refused(channel: &dyn Channel, probe: &Probe) -> Failure {
    let why = probe.error.clone().unwrap_or_else(|| "it did not say why".into());
    match probe.status {
        Some(401 | 403 | 404) => {
            Failure::refused("TOKEN_REFUSED", format!("{} refuses the token: {why}", channel.label()))
                .advise("nothing was written; get the token again from @BotFather with /token")
        }
        _ => Failure::new("VENDOR_UNREACHABLE", format!("{} could not be asked: {why}", channel.label()))
            .advise("nothing was written; --no-check writes it without asking"),
    }
}

/// A path as the config keeps it.
fn absolute(path: &std::path::Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::usage(format!("`{}`: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gets_an_entry_once() {
        assert_eq!(with(None, "5"), json!(["5"]));
        assert_eq!(with(Some(&json!(["5"])), "5"), json!(["5"]));
        assert_eq!(with(Some(&json!(["4"])), "5"), json!(["4", "5"]));
    }
}

//! From `channels.telegram` to accounts: the root's keys under the account's own (C-2.3), the token from where it is kept
//! (C-2.2), and what keeps an account from being used, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use base::{Env, Secret};
use config::Config;
use config::telegram::{self as written, TelegramAccount, TelegramGroup, TelegramTopic};
use serde_json::{Map, Value, json};

use super::target::peer;
use crate::access::{Access, DirectPolicy, Group, GroupPolicy};
use crate::{Account, ErrorPolicy, Notify, ReplyTo, Streaming, Style, TokenSource, Unusable};

/// The account at the root of the section.
const DEFAULT: &str = "default";
/// Longest file with a token; a token has 46 characters.
const TOKEN_FILE_BYTES: u64 = 4096;
/// Telegram's own limit of a message, in UTF-16 units.
const TEXT_LIMIT: usize = 4096;
const MB: f64 = 1024.0 * 1024.0;

/// Every account the config has.
pub(super) fn accounts(config: &Config, env: &Env) -> Vec<Account> {
    let Some(root) = config.channels.get(super::ID).and_then(Value::as_object) else { return Vec::new() };
    let none = Map::new();
    let named = root.get("accounts").and_then(Value::as_object).unwrap_or(&none);
    let root_has_token = ["botToken", "tokenFile"].iter().any(|key| root.contains_key(*key));
    let mut ids: Vec<&str> = named.keys().map(String::as_str).filter(|id| *id != DEFAULT).collect();
    if named.is_empty() || root_has_token || named.contains_key(DEFAULT) {
        ids.insert(0, DEFAULT);
    }
    let own = |id: &str| named.get(id).and_then(Value::as_object).unwrap_or(&none).clone();
    let mut accounts: Vec<Account> = ids.iter().map(|id| account(config, env, id, root, &own(id))).collect();
    refuse_doubles(&mut accounts);
    for account in &mut accounts {
        account.mark = mark(account);
    }
    accounts
}

fn account(config: &Config, env: &Env, id: &str, root: &Map<String, Value>, own: &Map<String, Value>) -> Account {
    let mut merged = root.clone();
    merged.remove("accounts");
    merged.extend(own.clone());
    if id != DEFAULT {
        // A bot is one account's: the root's token is the default account's alone.
        for key in ["botToken", "tokenFile"].into_iter().filter(|key| !own.contains_key(*key)) {
            merged.remove(key);
        }
    }
    let settings = Value::Object(merged);
    let typed = serde_json::from_value::<TelegramAccount>(settings.clone());
    let enabled = |keys: &Map<String, Value>| keys.get("enabled") != Some(&Value::Bool(false));
    let (enabled, keys) = (enabled(root) && enabled(own), typed.as_ref().cloned().unwrap_or_default());
    let found = token(config, env, id, &keys);
    let usable = match (typed, &found) {
        (Err(error), _) => Err(unusable(id, &format!("cannot be read: {error}"), "openclaw config validate")),
        (_, Err(unusable)) => Err(unusable.clone()),
        (Ok(keys), Ok(_)) => reachable(id, &keys),
    };
    let (token, token_source) = found.map_or((None, TokenSource::None), |(token, source)| (Some(token), source));
    Account {
        channel: super::ID,
        id: id.to_owned(),
        name: keys.name.clone(),
        enabled,
        usable,
        token_source,
        token,
        access: access(&keys, root),
        style: style(config, &keys),
        settings,
        mark: String::new(),
    }
}

/// `tokenFile`, then `botToken`, then for the default account the environment (C-2.2). One that is written and cannot be
/// had is not replaced by another (CRED-7).
fn token(config: &Config, env: &Env, id: &str, keys: &TelegramAccount) -> Result<(Secret, TokenSource), Unusable> {
    if let Some(file) = &keys.token_file {
        return match read_token(file) {
            Ok(token) => Ok((token, TokenSource::File)),
            Err(why) => Err(unusable(id, &format!("has no token: {why}"), "openclaw config get channels.telegram")),
        };
    }
    let place = if id == DEFAULT { "channels.telegram".into() } else { format!("channels.telegram.accounts.{id}") };
    let places = [format!("{place}.botToken"), format!("channels.telegram.accounts.{id}.botToken")];
    if let Some(error) = places.iter().find_map(|place| config.secrets.check(place).err()) {
        return Err(unusable(id, &error.to_string(), "openclaw config validate"));
    }
    if let Some(token) = &keys.bot_token {
        return Ok((token.0.clone(), TokenSource::Config));
    }
    match env.raw("TELEGRAM_BOT_TOKEN").filter(|_| id == DEFAULT) {
        Some(token) => Ok((Secret::new(token), TokenSource::Env)),
        None => Err(unusable(id, "has no token", &format!("openclaw config set {place}.botToken <token>"))),
    }
}

/// A regular file and no link: a link could be made to point at any file of ours.
fn read_token(file: &Path) -> Result<Secret, String> {
    let shown = file.display();
    let about = std::fs::symlink_metadata(file).map_err(|error| format!("`{shown}`: {error}"))?;
    if !about.is_file() {
        return Err(format!("`{shown}` is no regular file (links are not followed)"));
    }
    if about.len() > TOKEN_FILE_BYTES {
        return Err(format!("`{shown}` is too large to be a token"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("`{shown}`: {error}"))?;
    match text.trim() {
        "" => Err(format!("`{shown}` is empty")),
        token => Ok(Secret::new(token)),
    }
}

/// What can be known to be wrong before anything is called.
fn reachable(id: &str, keys: &TelegramAccount) -> Result<(), Unusable> {
    if let Some(root) = &keys.api_root {
        config::telegram::api_root(root).map_err(|why| {
            unusable(id, &format!("cannot be reached: {why}"), "openclaw config get channels.telegram.apiRoot")
        })?;
    }
    if keys.webhook_url.is_some() && keys.webhook_secret.is_none() {
        let next = "openclaw config set channels.telegram.webhookSecret <secret>";
        return Err(unusable(id, "has a `webhookUrl` and no `webhookSecret`", next));
    }
    Ok(())
}

fn unusable(id: &str, why: &str, next: &str) -> Unusable {
    Unusable { why: format!("the Telegram account `{id}` {why}"), next: next.to_owned() }
}

/// One bot is read by one account only: two would take each other's messages away (C-2.4).
fn refuse_doubles(accounts: &mut [Account]) {
    let mut seen: Vec<(Secret, String)> = Vec::new();
    for account in accounts.iter_mut().filter(|account| account.enabled) {
        let Some(token) = account.token.clone() else { continue };
        if let Some((_, first)) = seen.iter().find(|(known, _)| known.matches(token.expose())) {
            let why = format!("has the same token as `{first}`; one bot is one account");
            account.usable = Err(unusable(&account.id, &why, "openclaw config get channels.telegram.accounts"));
        } else {
            seen.push((token, account.id.clone()));
        }
    }
}

/// What a restart is for (C-2.6): who may talk is not. How text is cut is settled when the account is opened.
fn mark(account: &Account) -> String {
    const KEYS: &[&str] = &[
        "apiRoot",
        "proxy",
        "network",
        "timeoutSeconds",
        "pollingStallThresholdMs",
        "webhookUrl",
        "webhookSecret",
        "webhookPath",
        "webhookHost",
        "webhookPort",
        "webhookCertPath",
        "customCommands",
        "commands",
        "textChunkLimit",
        "streaming",
        "chunkMode",
        "replyToMode",
        "markdown",
    ];
    let keys: Vec<&Value> = KEYS.iter().map(|key| &account.settings[*key]).collect();
    let token = account.token.as_ref().map(|token| token.expose().to_owned());
    let why = account.usable.as_ref().err().map(|unusable| &unusable.why);
    let all = json!([account.enabled, token, why, keys]).to_string();
    base::sha256_hex(all.as_bytes()).expect("what is in memory can be read")
}

fn access(keys: &TelegramAccount, root: &Map<String, Value>) -> Access {
    let allow = narrowed(ids(keys.allow_from.as_deref()), root.get("allowFrom"));
    let anybody = allow.iter().any(|id| id == "*");
    let direct = match keys.dm_policy {
        None | Some(written::DmPolicy::Pairing) => DirectPolicy::Pairing,
        Some(written::DmPolicy::Allowlist) => DirectPolicy::Allowlist,
        // Open needs the star beside it (C-5.4); without, only who is named may talk.
        Some(written::DmPolicy::Open) if anybody => DirectPolicy::Open,
        Some(written::DmPolicy::Open) => DirectPolicy::Allowlist,
        Some(written::DmPolicy::Disabled) => DirectPolicy::Disabled,
    };
    Access {
        direct,
        allow,
        group: keys.group_policy.map(group_policy).unwrap_or_default(),
        group_allow: keys.group_allow_from.as_deref().map(|list| ids(Some(list))),
        groups: keys
            .groups
            .as_ref()
            .map(|groups| groups.iter().map(|(id, group)| (id.clone(), of_group(group))).collect()),
    }
}

fn ids(written: Option<&[String]>) -> Vec<String> {
    written.unwrap_or_default().iter().filter_map(|entry| peer(entry)).collect()
}

/// `*` of an account does not widen a root that names people (C-2.3).
fn narrowed(own: Vec<String>, root: Option<&Value>) -> Vec<String> {
    let entries = root.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |entry: &Value| entry.as_str().map_or_else(|| entry.to_string(), str::to_owned);
    let above: Vec<String> = entries.iter().filter_map(|entry| peer(&text(entry))).collect();
    if above.is_empty() || above.iter().any(|id| id == "*") || !own.iter().any(|id| id == "*") {
        return own;
    }
    let together: BTreeSet<String> = own.into_iter().chain(above).filter(|id| id != "*").collect();
    together.into_iter().collect()
}

const fn group_policy(policy: written::GroupPolicy) -> GroupPolicy {
    match policy {
        written::GroupPolicy::Open => GroupPolicy::Open,
        written::GroupPolicy::Allowlist => GroupPolicy::Allowlist,
        written::GroupPolicy::Disabled => GroupPolicy::Disabled,
    }
}

fn of_group(group: &TelegramGroup) -> Group {
    Group {
        enabled: group.enabled,
        require_mention: group.require_mention,
        policy: group.group_policy.map(group_policy),
        allow: group.allow_from.as_deref().map(|list| ids(Some(list))),
        agent: group.agent_id.clone(),
        system_prompt: group.system_prompt.clone(),
        tools: group.tools.clone(),
        tools_by_sender: group.tools_by_sender.clone(),
        topics: group.topics.iter().map(|(id, topic)| (id.clone(), of_topic(topic))).collect(),
    }
}

fn of_topic(topic: &TelegramTopic) -> Group {
    Group {
        enabled: topic.enabled,
        require_mention: topic.require_mention,
        policy: topic.group_policy.map(group_policy),
        allow: topic.allow_from.as_deref().map(|list| ids(Some(list))),
        agent: topic.agent_id.clone(),
        system_prompt: topic.system_prompt.clone(),
        tools: topic.tools.clone(),
        tools_by_sender: topic.tools_by_sender.clone(),
        topics: BTreeMap::new(),
    }
}

fn style(config: &Config, keys: &TelegramAccount) -> Style {
    let usual = Style::default();
    Style {
        text_limit: keys.text_chunk_limit.unwrap_or(usual.text_limit).clamp(1, TEXT_LIMIT),
        cut_at_blank_lines: keys.cut() == Some(written::ChunkMode::Newline),
        reply_to: match keys.reply_to_mode {
            None | Some(written::ReplyToMode::Off) => ReplyTo::Off,
            Some(written::ReplyToMode::First | written::ReplyToMode::Batched) => ReplyTo::First,
            Some(written::ReplyToMode::All) => ReplyTo::All,
        },
        streaming: keys.streaming_mode().map_or(usual.streaming, |mode| [streaming(mode); 2]),
        media_max: keys.media_max_mb.map_or(usual.media_max, bytes),
        history: keys.history_limit.or(config.messages.group_chat.history_limit).unwrap_or(usual.history),
        direct_history: keys.dm_history_limit.unwrap_or(usual.direct_history),
        ack_reaction: keys.ack_reaction.clone().or_else(|| config.messages.ack_reaction.clone()),
        reactions: match keys.reaction_notifications {
            Some(written::ReactionNotifications::Off) => Notify::Off,
            None | Some(written::ReactionNotifications::Own) => Notify::Own,
            Some(written::ReactionNotifications::All) => Notify::All,
        },
        errors: match keys.error_policy {
            None | Some(written::ErrorPolicy::Always) => ErrorPolicy::Always,
            Some(written::ErrorPolicy::Once) => ErrorPolicy::Once,
            Some(written::ErrorPolicy::Silent) => ErrorPolicy::Silent,
        },
        config_writes: keys.config_writes.unwrap_or(usual.config_writes),
        debounce: debounce(config).unwrap_or(usual.debounce),
    }
}

const fn streaming(mode: written::StreamingMode) -> Streaming {
    match mode {
        written::StreamingMode::Off => Streaming::Off,
        written::StreamingMode::Partial => Streaming::Partial,
        written::StreamingMode::Block => Streaming::Block,
        written::StreamingMode::Progress => Streaming::Progress,
    }
}

/// `messages.inbound.byChannel.telegram`, then `messages.inbound.debounceMs` (C-7.2).
fn debounce(config: &Config) -> Option<Duration> {
    let inbound = config.messages.inbound.as_ref()?;
    let millis = inbound["byChannel"][super::ID].as_u64().or_else(|| inbound["debounceMs"].as_u64())?;
    Some(Duration::from_millis(millis))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size in MB, zero or more; `as` stops at the largest"
)]
fn bytes(megabytes: f64) -> u64 {
    (megabytes * MB) as u64
}

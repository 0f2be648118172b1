//! Who owns this assistant: whom `commands.ownerAllowFrom` names. The first one an owner's terminal lets in by a
//! code becomes it when there is none (C-5.3); that is written where everybody can read it, into the config.

use channels::Channel;
use config::edit::{self, Change};
use config::{Config, Restart};
use serde_json::Value;

use crate::reload;
use crate::rpc::After;
use crate::services::Services;

/// Where owners are named.
const KEY: &str = "commands.ownerAllowFrom";

/// Whether `sender`, by the channel's id, owns this assistant. `*` names nobody: an owner is a person.
pub(crate) fn is_owner(config: &Config, channel: &dyn Channel, sender: &str) -> bool {
    entries(config.commands.owner_allow_from.as_ref()).iter().any(|entry| names(entry, channel, sender))
}

/// Whether an entry that may name any channel (`telegram:5`, or just `5`) means this one's `sender`.
pub(super) fn names(entry: &str, channel: &dyn Channel, sender: &str) -> bool {
    let entry = entry.trim();
    let own = entry.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case(channel.id()));
    let id = own.map_or(entry, |(_, id)| id);
    id != "*" && (id == sender || channel.peer(id).is_some_and(|id| id == sender))
}

/// The texts of a list of ids, numbers among them.
pub(super) fn entries(list: Option<&Value>) -> Vec<String> {
    let one = |entry: &Value| match entry {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match list {
        Some(Value::Array(all)) => all.iter().filter_map(one).collect(),
        Some(alone) => one(alone).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Makes somebody the owner if there is none. Whether they are it now; a config that cannot be written is logged.
pub(super) async fn become_first(services: &Services, channel: &str, peer: &str) -> bool {
    if !entries(services.config.current().commands.owner_allow_from.as_ref()).is_empty() {
        return false;
    }
    let value = Value::from(vec![format!("{channel}:{peer}")]);
    match write(services, KEY, value).await {
        Ok(()) => true,
        Err(why) => {
            tracing::warn!(why, channel, "nobody became the owner; set commands.ownerAllowFrom");
            false
        }
    }
}

async fn write(services: &Services, key: &str, value: Value) -> Result<(), String> {
    let path = key.parse().map_err(|_| format!("`{key}` is no path"))?;
    change(services, Change::Set { path, value }).await
}

/// Changes the config file and takes over what can apply live.
pub(super) async fn change(services: &Services, change: Change) -> Result<(), String> {
    let (file, env) = (services.config.paths().config_file.clone(), services.config.env().clone());
    let written = tokio::task::spawn_blocking(move || edit::apply(&file, &env, None, change));
    let applied = written.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    if applied.restart != Restart::None
        && let Some(loaded) = applied.loaded
    {
        let after = After::default();
        reload::apply(services, &after, loaded).map_err(|error| error.to_string())?;
        after.run();
    }
    Ok(())
}

//! The menu of commands (C-10.5): the built-in ones and those of the owner, for direct chats and for groups.

use frankenstein::methods::{DeleteMyCommandsParams, SetMyCommandsParams};
use frankenstein::types::{BotCommand, BotCommandScope};

use super::Bot;
use super::api::ApiError;
use crate::{Desk, MenuEntry};

/// Telegram's limits.
const ENTRIES: usize = 100;
const NAME: usize = 32;
const DESCRIPTION: usize = 256;
/// How much of a menu that is still too large stays.
const STAYS: (usize, usize) = (4, 5);

/// Offers the menu. That it cannot be offered is no reason not to listen.
pub(super) async fn offer(bot: &Bot, desk: &Desk) {
    let scopes = [BotCommandScope::Default, BotCommandScope::AllGroupChats];
    for scope in &scopes {
        let params = DeleteMyCommandsParams::builder().scope(scope.clone()).build();
        let taken_back = bot.api.call::<bool>("deleteMyCommands", &params).await;
        if let Err(error) = taken_back {
            tracing::warn!(account = desk.account(), %error, "the old menu of commands could not be taken back");
        }
    }
    let own = bot.keys.custom_commands.iter().map(|own| (own.command.as_str(), own.description.as_str()));
    let native = bot.keys.commands.native != Some(serde_json::Value::Bool(false));
    let entries = commands(if native { desk.menu() } else { &[] }, own);
    for scope in &scopes {
        let set = set(bot, scope, entries.clone()).await;
        if let Err(error) = set {
            tracing::warn!(account = desk.account(), %error, "the menu of commands could not be offered");
        }
    }
}

/// Sets it, a smaller one while it is too large.
async fn set(bot: &Bot, scope: &BotCommandScope, mut entries: Vec<BotCommand>) -> Result<(), ApiError> {
    loop {
        if entries.is_empty() {
            return Ok(());
        }
        let params = SetMyCommandsParams::builder().commands(entries.clone()).scope(scope.clone()).build();
        match bot.api.call::<bool>("setMyCommands", &params).await {
            Err(ApiError::Refused { description, .. }) if description.contains("BOT_COMMANDS_TOO_MUCH") => {
                entries.truncate(entries.len() * STAYS.0 / STAYS.1);
            }
            done => return done.map(|_| ()),
        }
    }
}

/// What Telegram takes of it: each name once, and none it would refuse the whole menu for.
fn commands<'o>(menu: &'o [MenuEntry], own: impl Iterator<Item = (&'o str, &'o str)>) -> Vec<BotCommand> {
    let built_in = menu.iter().map(|entry| (entry.name.as_str(), entry.description.as_str()));
    let mut entries: Vec<BotCommand> = Vec::new();
    for (name, description) in built_in.chain(own) {
        let name = name.trim().trim_start_matches('/').to_ascii_lowercase().replace('-', "_");
        let is_name = (1..=NAME).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let description: String = description.trim().chars().take(DESCRIPTION).collect();
        if !is_name || description.is_empty() || entries.iter().any(|known| known.command == name) {
            continue;
        }
        entries.push(BotCommand::builder().command(name).description(description).build());
    }
    entries.truncate(ENTRIES);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-10.5
    #[test]
    fn the_menu_holds_what_telegram_takes_and_each_name_once() {
        let entry = |name: &str, description: &str| MenuEntry { name: name.into(), description: description.into() };
        let long = "x".repeat(300);
        let menu =
            [entry("new", "a new session"), entry("dock-telegram", &long), entry("naïve", "no"), entry("empty", "")];
        let own = [("/Backup", "saves"), ("new", "taken already"), (&*"n".repeat(33), "too long a name")];
        let commands = commands(&menu, own.into_iter());
        let names: Vec<&str> = commands.iter().map(|command| command.command.as_str()).collect();
        assert_eq!(names, ["new", "dock_telegram", "backup"]);
        assert_eq!(commands[1].description.chars().count(), 256);
        let many: Vec<MenuEntry> = (0..150).map(|n| entry(&format!("c{n}"), "d")).collect();
        assert_eq!(super::commands(&many, std::iter::empty()).len(), 100);
    }
}

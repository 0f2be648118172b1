//! Keys and words of older versions in a config text, each with the change that says the same today.
//!
//! Only what the file itself says is looked at: what an included file says is for whoever keeps that file.

use serde_json::Value;

use crate::edit::Change;
use crate::legacy::{IDLE, WORDS, is_place};
use crate::path::Path;
use crate::problem::Problem;
use crate::text::{Kind, Node, SourceId, scan};

/// Keys that have another place today.
const MOVED: &[(&str, &str)] = &[
    ("gateway.token", "gateway.auth.token"),
    ("gateway.password", "gateway.auth.password"),
    ("gateway.nodes.allowCommands", "gateway.nodes.commands.allow"),
    ("gateway.nodes.denyCommands", "gateway.nodes.commands.deny"),
    ("agent.model", "agents.defaults.model"),
    ("agent.workspace", "agents.defaults.workspace"),
    ("routing.queue", "messages.queue"),
    ("discord", "channels.discord"),
    ("imessage", "channels.imessage"),
    ("signal", "channels.signal"),
    ("slack", "channels.slack"),
    ("telegram", "channels.telegram"),
    ("whatsapp", "channels.whatsapp"),
];

/// Keys of a Telegram account that have another place in it today (C-2.1).
const OF_TELEGRAM: &[(&str, &str)] = &[
    ("streamMode", "streaming.mode"),
    ("chunkMode", "streaming.chunkMode"),
    ("blockStreaming", "streaming.block.enabled"),
    ("blockStreamingCoalesce", "streaming.block.coalesce"),
    ("draftChunk", "streaming.preview.chunk"),
    ("groupMentionsOnly", "groups.*.requireMention"),
];

/// Sections that are gone, once what was in them has its new place.
const EMPTIED: &[&str] = &["agent", "routing"];

/// An idle key that says something to the daemon all the same: it refuses to serve with it.
const NOT_OURS_TO_DROP: &str = "gateway.roles";

/// A key or word of an older version.
#[derive(Debug, Clone)]
pub struct Outdated {
    /// Where it stands.
    pub path: String,
    /// What has become of it, with no value in it.
    pub message: String,
    /// It does nothing any more, and does no harm either.
    pub is_idle: bool,
    /// What brings it up to date; `None` when the new place is taken, so that a person has to choose.
    pub change: Option<Change>,
}

/// Everything in `text` that an older version would have written otherwise; nothing for a text that cannot be read.
pub fn outdated(text: &str) -> Vec<Outdated> {
    let Ok(root) = scan(text, SourceId::default()) else { return Vec::new() };
    let top = Path::root();
    let mut found: Vec<Outdated> = MOVED.iter().filter_map(|(from, to)| moved(&root, &top, from, to)).collect();
    for account in telegram_accounts(&root) {
        found.extend(OF_TELEGRAM.iter().filter_map(|(from, to)| moved(&root, &account, from, to)));
    }
    found.extend(IDLE.iter().filter(|(path, _)| *path != NOT_OURS_TO_DROP).filter_map(|row| idle(&root, row)));
    found.extend(EMPTIED.iter().filter_map(|section| emptied(&root, section)));
    words(&root, &Path::root(), &mut found);
    found
}

/// The change that `problem` suggests: another spelling of a key, or of a word where only some are taken.
pub fn suggested(text: &str, problem: &Problem) -> Option<Change> {
    let suggestion = problem.suggestion.as_ref()?;
    let root = scan(text, SourceId::default()).ok()?;
    match &problem.unknown {
        Some(unknown) => renamed(&root, unknown, &suggestion.parse().ok()?),
        None if !problem.allowed.is_empty() => {
            let path: Path = problem.path.parse().ok()?;
            at(&root, &path)?;
            Some(Change::Set { path, value: Value::String(suggestion.clone()) })
        }
        None => None,
    }
}

/// The root of the section, and every account in it.
fn telegram_accounts(root: &Node) -> Vec<Path> {
    let section = dotted("channels.telegram");
    let accounts = section.key("accounts");
    let named = at(root, &accounts).and_then(Node::members).unwrap_or_default();
    let named: Vec<Path> = named.iter().map(|member| accounts.key(&member.key)).collect();
    std::iter::once(section).chain(named).collect()
}

fn moved(root: &Node, within: &Path, from: &str, to: &str) -> Option<Outdated> {
    let (old, new) = (below(within, from), below(within, to));
    at(root, &old)?;
    let change = renamed(root, &old, &new);
    let message = match change {
        Some(_) => format!("is called `{new}` today"),
        None => format!("is called `{new}` today, which is set as well; keep one of the two"),
    };
    Some(Outdated { path: old.to_string(), message, is_idle: false, change })
}

/// Takes a value from one place to another that is free.
fn renamed(root: &Node, from: &Path, to: &Path) -> Option<Change> {
    let value = at(root, from)?.to_value();
    if at(root, to).is_some() {
        return None;
    }
    let set = Change::Set { path: to.clone(), value };
    Some(Change::Batch(vec![Change::Unset { path: from.clone() }, set]))
}

fn idle(root: &Node, (path, why): &(&str, &str)) -> Option<Outdated> {
    let place = dotted(path);
    at(root, &place)?;
    let change = Some(Change::Unset { path: place });
    Some(Outdated { path: (*path).to_owned(), message: (*why).to_owned(), is_idle: true, change })
}

fn emptied(root: &Node, section: &str) -> Option<Outdated> {
    let path = dotted(section);
    let is_empty = at(root, &path)?.members().is_some_and(<[_]>::is_empty);
    let message = "is empty, and no section of this version";
    let change = Some(Change::Unset { path });
    is_empty.then(|| Outdated { path: section.to_owned(), message: message.into(), is_idle: true, change })
}

fn words(node: &Node, path: &Path, found: &mut Vec<Outdated>) {
    match &node.kind {
        Kind::Object(members) => members.iter().for_each(|member| words(&member.value, &path.key(&member.key), found)),
        Kind::String(text) => {
            let name = path.to_string();
            let Some((_, old, new)) = WORDS.iter().find(|(place, old, _)| old == text && is_place(place, &name)) else {
                return;
            };
            let change = Some(Change::Set { path: path.clone(), value: Value::from(*new) });
            let message = format!("says `{old}`, which is called `{new}` today");
            found.push(Outdated { path: name, message, is_idle: true, change });
        }
        _ => {}
    }
}

fn at<'n>(root: &'n Node, path: &Path) -> Option<&'n Node> {
    path.steps().iter().try_fold(root, |node, step| match step {
        crate::path::Step::Key(key) => node.get(key),
        crate::path::Step::Index(index) => node.at(*index),
    })
}

/// A path of plain keys.
fn dotted(text: &str) -> Path {
    below(&Path::root(), text)
}

fn below(path: &Path, text: &str) -> Path {
    text.split('.').fold(path.clone(), |path, key| path.key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DOC-5
    #[test]
    fn what_has_another_place_goes_there_unless_it_is_taken() {
        let found =
            outdated("{gateway: {token: 'a', password: 'b', auth: {password: 'c'}}, telegram: {enabled: true}}");
        let rows: Vec<_> = found.iter().map(|one| (one.path.as_str(), one.change.is_some())).collect();
        assert_eq!(rows, [("gateway.token", true), ("gateway.password", false), ("telegram", true)]);
        assert!(found.iter().all(|one| !one.message.contains("'a'")));
    }

    /// C-2.1
    #[test]
    fn flat_keys_of_telegram_go_into_their_groups_in_every_account() {
        let text =
            "{channels: {telegram: {streamMode: 'off', groupMentionsOnly: true, streaming: {chunkMode: 'length'},
            chunkMode: 'newline', accounts: {work: {blockStreaming: true}}}}}";
        let found = outdated(text);
        let rows: Vec<_> = found.iter().map(|one| (one.path.as_str(), one.change.is_some())).collect();
        let telegram = |key: &str| format!("channels.telegram.{key}");
        let expected = [("streamMode", true), ("chunkMode", false), ("groupMentionsOnly", true)];
        let mut expected: Vec<_> = expected.map(|(key, free)| (telegram(key), free)).into();
        expected.push((telegram("accounts.work.blockStreaming"), true));
        assert_eq!(rows, expected.iter().map(|(path, free)| (path.as_str(), *free)).collect::<Vec<_>>());
        assert!(found[0].message.contains("channels.telegram.streaming.mode"));
    }

    /// DOC-5
    #[test]
    fn todays_config_is_not_outdated_and_a_broken_one_is_left_alone() {
        assert!(outdated("{gateway: {auth: {token: 'a'}, reload: {mode: 'hybrid'}, roles: {a: []}}}").is_empty());
        assert!(outdated("{gateway: ").is_empty());
    }
}

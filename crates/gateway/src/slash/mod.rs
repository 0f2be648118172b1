//! Commands a person types after a slash. They are answered at once, without a model and without waiting for
//! their session's lane.

mod answer;
mod approve;
mod asker;
mod directives;
mod pair;

use channels::MenuEntry;
use wire::Scope;
use wire::methods::commands::{CommandArg, CommandEntry};

pub(crate) use answer::{ACTIVATION, Answer, answer};
pub(crate) use asker::{Asker, ChatPerson, Who};
pub(crate) use directives::{Directives, directives};

/// Words that, alone, stop a session at work.
const STOP_WORDS: [&str; 6] = ["stop", "esc", "abort", "wait", "exit", "interrupt"];

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Lists the commands.
    Help,
    /// Says how the session stands.
    Status,
    /// Says who is asking.
    WhoAmI,
    /// Begins anew.
    New,
    /// Begins anew.
    Reset,
    /// Stops the session's runs.
    Stop,
    /// Shows or chooses the model.
    Model,
    /// Lists the models.
    Models,
    /// Shows or chooses how hard to think.
    Think,
    /// Lists the tools.
    Tools,
    /// Decides a question.
    Approve,
    /// Shows who asks to talk in chats, and decides about them.
    Pair,
    /// Shows or chooses when a group is answered.
    Activation,
    /// Shows or chooses what happens to messages while a run is at work.
    Queue,
}

/// One command.
pub(crate) struct Row {
    name: &'static str,
    aliases: &'static [&'static str],
    description: &'static str,
    category: &'static str,
    arg: Option<(&'static str, &'static str)>,
    action: Action,
}

const fn row(
    name: &'static str,
    aliases: &'static [&'static str],
    category: &'static str,
    description: &'static str,
    action: Action,
) -> Row {
    Row { name, aliases, description, category, arg: None, action }
}

impl Row {
    const fn takes(mut self, name: &'static str, description: &'static str) -> Self {
        self.arg = Some((name, description));
        self
    }
}

/// Every command, in the order they are shown.
pub(crate) const TABLE: &[Row] = &[
    row("help", &["commands"], "status", "Show what can be typed here.", Action::Help),
    row("status", &[], "status", "Show the model, the session and how full its window is.", Action::Status),
    row("whoami", &["id"], "status", "Show how this connection is known.", Action::WhoAmI),
    row("tools", &[], "status", "List the tools the agent can use.", Action::Tools),
    row("approve", &[], "status", "Decide about a command that waits for approval.", Action::Approve)
        .takes("decision", "An id, then `allow-once`, `allow-always` or `deny`"),
    row("pair", &[], "status", "Show who asks to talk in chats, and let them in.", Action::Pair)
        .takes("decision", "`approve CODE` or `deny CODE`"),
    row("new", &[], "session", "Begin a new conversation.", Action::New).takes("model", "A model for it"),
    row("reset", &[], "session", "Begin a new conversation.", Action::Reset),
    row("stop", &[], "session", "Stop what is running in this session.", Action::Stop),
    row("model", &[], "options", "Show or choose the model of this session.", Action::Model)
        .takes("model", "provider/model, an alias, or `default`"),
    row("models", &[], "options", "List the models that can be chosen.", Action::Models),
    row("think", &["thinking"], "options", "Show or choose how hard the model thinks.", Action::Think)
        .takes("level", "A level the model has, or `default`"),
    row("activation", &[], "options", "Show or choose when a group is answered.", Action::Activation)
        .takes("mode", "`mention`, `always` or `default`"),
    row("queue", &[], "options", "Show or choose what happens to messages while a run is at work.", Action::Queue)
        .takes("mode", "`steer`, `followup`, `collect`, `interrupt` or `default`"),
];

impl Action {
    /// Whether it must not wait behind what its conversation is busy with.
    pub(crate) const fn is_control(self) -> bool {
        matches!(
            self,
            Self::Stop | Self::Status | Self::WhoAmI | Self::Help | Self::Approve | Self::Tools | Self::Models
        )
    }
}

/// A command with what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// What to do.
    pub(crate) action: Action,
    /// The rest of the message, trimmed.
    pub(crate) argument: String,
}

impl Command {
    /// What its sender must hold beyond what a message takes; in a chat, owners hold all of it.
    pub(crate) const fn takes(&self) -> Option<Scope> {
        match self.action {
            // It discards a conversation.
            Action::New | Action::Reset => Some(Scope::Admin),
            Action::Approve => Some(Scope::Approvals),
            Action::Pair => Some(Scope::Pairing),
            _ => None,
        }
    }
}

/// The command in `text`, if the whole message is one. `busy` says whether the session is at work, when a bare `stop`
/// counts too; otherwise that is a word for the agent.
pub(crate) fn parse(text: &str, busy: bool) -> Option<Command> {
    let text = text.trim();
    if busy && STOP_WORDS.contains(&text.to_lowercase().trim_end_matches(['.', '!'])) {
        return Some(Command { action: Action::Stop, argument: String::new() });
    }
    let line = text.strip_prefix('/')?;
    if line.contains('\n') {
        return None;
    }
    let (name, argument) = line.split_once([' ', ':']).unwrap_or((line, ""));
    let name = name.to_lowercase();
    let row = TABLE.iter().find(|row| row.name == name || row.aliases.contains(&name.as_str()))?;
    let argument = argument.trim();
    (argument.is_empty() || row.arg.is_some()).then(|| Command { action: row.action, argument: argument.into() })
}

/// The commands as a channel's own menu lists them (C-10.5).
pub(crate) fn menu() -> Vec<MenuEntry> {
    let entry = |row: &Row| MenuEntry { name: row.name.into(), description: row.description.into() };
    TABLE.iter().map(entry).collect()
}

/// The commands as clients list them.
pub(crate) fn entries(with_args: bool) -> Vec<CommandEntry> {
    TABLE.iter().map(|row| row.entry(with_args)).collect()
}

impl Row {
    fn entry(&self, with_args: bool) -> CommandEntry {
        let aliases = std::iter::once(&self.name).chain(self.aliases);
        let arg = self.arg.filter(|_| with_args).map(|(name, description)| CommandArg {
            name: name.into(),
            description: description.into(),
            kind: "string".into(),
            required: false,
        });
        CommandEntry {
            name: self.name.into(),
            native_name: self.name.into(),
            text_aliases: aliases.map(|alias| format!("/{alias}")).collect(),
            description: self.description.into(),
            category: self.category.into(),
            source: "native".into(),
            scope: "both".into(),
            accepts_args: self.arg.is_some(),
            args: arg.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for name in TABLE.iter().flat_map(|row| std::iter::once(&row.name).chain(row.aliases)) {
            assert!(seen.insert(*name), "{name}");
        }
    }

    ///
    #[test]
    fn a_command_is_the_whole_message() {
        let cases = [
            ("/status", Some((Action::Status, ""))),
            (" /STATUS ", Some((Action::Status, ""))),
            ("/model demo/offline", Some((Action::Model, "demo/offline"))),
            ("/think: low", Some((Action::Think, "low"))),
            ("/status please tell me", None),
            ("/etc/hosts is a file", None),
            ("/unknown", None),
            ("/new\nand then", None),
            ("stop", None),
            ("hello", None),
        ];
        for (text, expected) in cases {
            let parsed = parse(text, false);
            let expected = expected.map(|(action, argument)| Command { action, argument: argument.into() });
            assert_eq!(parsed, expected, "{text:?}");
        }
    }

    ///
    #[test]
    fn a_bare_stop_word_counts_only_while_something_runs() {
        assert_eq!(parse("Stop!", true).map(|command| command.action), Some(Action::Stop));
        assert_eq!(parse("wait", false), None);
        assert_eq!(parse("wait for me", true), None);
    }
}

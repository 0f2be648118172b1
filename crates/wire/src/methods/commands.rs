//! `commands.list`: what a person may type after a slash.

use serde::{Deserialize, Serialize};

use super::Method;

/// `commands.list`
pub struct List;

impl Method for List {
    const NAME: &'static str = "commands.list";
    type Params = ListParams;
    type Result = ListResult;
}

/// Which commands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListParams {
    /// For which agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// For which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// `text`, `native` or `both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Whether to describe arguments; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_args: Option<bool>,
}

/// What a person may type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListResult {
    /// In the order to show them.
    pub commands: Vec<CommandEntry>,
}

/// One command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandEntry {
    /// Its name without the slash.
    pub name: String,
    /// The same, for menus of chat apps.
    pub native_name: String,
    /// Everything that means it, with the slash.
    pub text_aliases: Vec<String>,
    /// One sentence.
    pub description: String,
    /// `session`, `options`, `status`, `management`, `media`, `tools`.
    pub category: String,
    /// `native`: ours.
    pub source: String,
    /// `text`, `native` or `both`.
    pub scope: String,
    /// Whether anything may follow it.
    pub accepts_args: bool,
    /// What may follow it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<CommandArg>,
}

/// What may follow a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandArg {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// `string`, `number` or `boolean`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether the command needs it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

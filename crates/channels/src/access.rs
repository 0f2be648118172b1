//! Who may talk to an account (C-5). Only the vendor's ids count; names and handles are what strangers choose.

use std::collections::BTreeMap;

/// Who may talk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Access {
    /// In direct chats.
    pub direct: DirectPolicy,
    /// Ids that may, in direct chats; `*` for everybody.
    pub allow: Vec<String>,
    /// In groups.
    pub group: GroupPolicy,
    /// Ids that may, in groups; `allow` when absent (C-5.6).
    pub group_allow: Option<Vec<String>>,
    /// The groups by id, `*` for any; `None` when the config has none (C-5.6).
    pub groups: Option<BTreeMap<String, Group>>,
}

/// Who may talk in direct chats (C-5.1, C-5.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DirectPolicy {
    /// Whom an owner lets in by a code.
    #[default]
    Pairing,
    /// Whom the config names.
    Allowlist,
    /// Everybody.
    Open,
    /// Nobody.
    Disabled,
}

/// Who may talk in groups (C-5.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the config")]
pub enum GroupPolicy {
    Open,
    #[default]
    Allowlist,
    Disabled,
}

/// What holds in a group or topic; absent is what holds around it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Whether it is heard at all.
    pub enabled: Option<bool>,
    /// Whether we must be spoken to (C-6.1).
    pub require_mention: Option<bool>,
    /// Who may talk here.
    pub policy: Option<GroupPolicy>,
    /// Ids that may.
    pub allow: Option<Vec<String>>,
    /// The agent that answers here.
    pub agent: Option<String>,
    /// Added to the prompt of turns here.
    pub system_prompt: Option<String>,
    /// The tool policy here, as the config writes it.
    pub tools: Option<serde_json::Value>,
    /// The same by sender.
    pub tools_by_sender: Option<serde_json::Value>,
    /// The topics, `*` for any.
    pub topics: BTreeMap<String, Self>,
}

//! `tools.catalog` and `tools.effective`: what the model can do.

use serde::{Deserialize, Serialize};

use super::Method;

/// `tools.catalog`: every tool there is.
pub struct Catalog;

impl Method for Catalog {
    const NAME: &'static str = "tools.catalog";
    type Params = CatalogParams;
    type Result = CatalogResult;
}

/// For which agent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CatalogParams {
    /// The default one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// Every tool there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogResult {
    /// The agent asked about.
    pub agent_id: String,
    /// The named selections.
    pub profiles: Vec<Profile>,
    /// The tools by group.
    pub groups: Vec<Group>,
}

/// A named selection of tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// `minimal`, `coding`, `messaging`, `full`.
    pub id: String,
    /// For people.
    pub label: String,
}

/// A group of tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// `fs`, `runtime`, …
    pub id: String,
    /// For people.
    pub label: String,
    /// `core`.
    pub source: String,
    /// Its tools.
    pub tools: Vec<Entry>,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The name the model calls it by.
    pub id: String,
    /// For people.
    pub label: String,
    /// What the model reads about it.
    pub description: String,
    /// `core`.
    pub source: String,
    /// The profiles that include it.
    pub default_profiles: Vec<String>,
}

/// `tools.effective`: the tools a session's runs get.
pub struct Effective;

impl Method for Effective {
    const NAME: &'static str = "tools.effective";
    type Params = EffectiveParams;
    type Result = EffectiveResult;
}

/// For which session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveParams {
    /// The session.
    pub session_key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// The tools a session's runs get.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveResult {
    /// The agent.
    pub agent_id: String,
    /// The profile they come from.
    pub profile: String,
    /// One group, `core`.
    pub groups: Vec<EffectiveGroup>,
}

/// A group of tools by where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveGroup {
    /// `core`.
    pub id: String,
    /// For people.
    pub label: String,
    /// `core`.
    pub source: String,
    /// The tools.
    pub tools: Vec<EffectiveEntry>,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveEntry {
    /// The name the model calls it by.
    pub id: String,
    /// For people.
    pub label: String,
    /// For people.
    pub description: String,
    /// What the model reads about it.
    pub raw_description: String,
    /// `core`.
    pub source: String,
}

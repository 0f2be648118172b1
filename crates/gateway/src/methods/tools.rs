//! `tools.catalog` and `tools.effective`.

use agent::providers::ToolSpec;
use wire::ErrorShape;
use wire::methods::tools::{
    Catalog, CatalogParams, CatalogResult, Effective, EffectiveEntry, EffectiveGroup, EffectiveParams, EffectiveResult,
    Entry, Group, Profile,
};

use crate::rpc::{Cx, Table};

/// The groups of that have a tool here, with their tools.
const GROUPS: [(&str, &str, &[&str]); 2] =
    [("fs", "Files", &["read", "write", "edit"]), ("runtime", "Commands", &["exec", "process"])];

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<Catalog>(catalog).on::<Effective>(effective)
}

/// Every tool there is, by group.
async fn catalog(cx: Cx, params: CatalogParams) -> Result<CatalogResult, ErrorShape> {
    let agent = cx.agents.find(params.agent_id.as_deref())?;
    let specs = cx.toolbox.specs();
    let mut groups: Vec<Group> = GROUPS.iter().map(|(id, label, _)| group(id, label, &specs)).collect();
    groups.push(group("other", "Other", &specs));
    groups.retain(|group| !group.tools.is_empty());
    let profiles = [("coding", "Coding"), ("full", "Full")];
    Ok(CatalogResult {
        agent_id: agent.to_string(),
        profiles: profiles.map(|(id, label)| Profile { id: id.into(), label: label.into() }).into(),
        groups,
    })
}

/// The tools a session's runs get.
async fn effective(cx: Cx, params: EffectiveParams) -> Result<EffectiveResult, ErrorShape> {
    let key = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    let (own, all) = (cx.toolbox.specs(), cx.toolbox.with_published().specs());
    let mut groups = vec![effective_group("core", "Core", &own)];
    if let Some(published) = all.get(own.len()..).filter(|published| !published.is_empty()) {
        groups.push(effective_group("nodes", "Nodes", published));
    }
    Ok(EffectiveResult { agent_id: key.agent().to_string(), profile: "full".into(), groups })
}

fn effective_group(id: &str, label: &str, specs: &[ToolSpec]) -> EffectiveGroup {
    let tools = specs.iter().map(|spec| EffectiveEntry {
        id: spec.name.clone().into(),
        label: spec.name.clone().into(),
        description: spec.description.clone().into(),
        raw_description: spec.description.clone().into(),
        source: id.into(),
    });
    EffectiveGroup { id: id.into(), label: label.into(), source: id.into(), tools: tools.collect() }
}

fn group(id: &str, label: &str, specs: &[ToolSpec]) -> Group {
    let tools = specs.iter().filter(|spec| group_of(&spec.name) == id).map(|spec| Entry {
        id: spec.name.clone().into(),
        label: spec.name.clone().into(),
        description: spec.description.clone().into(),
        source: "core".into(),
        default_profiles: vec!["coding".into(), "full".into()],
    });
    Group { id: id.into(), label: label.into(), source: "core".into(), tools: tools.collect() }
}

fn group_of(tool: &str) -> &'static str {
    GROUPS.iter().find(|(_, _, tools)| tools.contains(&tool)).map_or("other", |(id, _, _)| id)
}

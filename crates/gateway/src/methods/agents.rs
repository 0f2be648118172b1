//! `agents.list`.

use wire::methods::agents::{AgentModel, AgentSummary, List, ListParams, ListResult};
use wire::{AgentId, ErrorShape};

use crate::agents::Agents;
use crate::models::{ModelFacts, ModelTable};
use crate::rpc::{Cx, Table};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<List>(list)
}

/// Who there is, the default agent first.
async fn list(cx: Cx, _params: ListParams) -> Result<ListResult, ErrorShape> {
    let models = cx.models.now().await;
    Ok(ListResult {
        default_id: cx.agents.default_id().to_string(),
        ownership: "sole".into(),
        selection_required: false,
        main_key: cx.agents.main_key(),
        scope: cx.config.session_scope().into(),
        agents: cx.agents.ids().iter().map(|id| summary(&cx, &models, id)).collect(),
    })
}

fn summary(cx: &Cx, models: &ModelTable, id: &AgentId) -> AgentSummary {
    let workspace = cx.agents.workspace(id);
    let model = models.default_of(id);
    let levels = model.as_ref().map(ModelFacts::thinking_levels).unwrap_or_default();
    let fallbacks = cx.agents.model(id).map(|choice| choice.fallbacks).unwrap_or_default();
    AgentSummary {
        id: id.to_string(),
        kind: "agent".into(),
        name: cx.agents.entry(id).and_then(|entry| entry.name),
        workspace_git: Agents::is_git(&workspace),
        workspace: workspace.display().to_string(),
        thinking_options: levels.iter().map(|level| level.id.clone()).collect(),
        thinking_levels: levels,
        thinking_default: model.as_ref().map_or("off", ModelFacts::thinking_default).into(),
        model: model.map(|model| AgentModel { primary: model.reference(), fallbacks }),
    }
}

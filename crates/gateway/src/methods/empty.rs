//! Families that have nothing to show yet: each answers in the right shape that there is nothing.

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::empty;

use crate::rpc::{Cx, Table};

/// Adds them.
pub(super) fn add(table: Table) -> Table {
    table
        .on::<empty::DiagnosticsStability>(diagnostics_stability)
        .on::<empty::MentionsList>(mentions_list)
        .on::<empty::OpenclawApprovalList>(bare_list)
        .on::<empty::PluginApprovalList>(bare_list)
        .on::<empty::PluginsControlUiList>(plugins_control_ui_list)
        .on::<empty::ProjectsList>(projects_list)
        .on::<empty::QuestionList>(question_list)
        .on::<empty::SkillsStatus>(skills_status)
        .on::<empty::TaskSuggestionsList>(task_suggestions_list)
        .on::<empty::TasksList>(tasks_list)
        .on::<empty::UpdateStatus>(update_status)
        .on::<empty::UsageStatus>(usage_status)
        .on::<empty::UsersPrefsGet>(users_prefs_get)
        .on::<empty::UsersSelf>(users_self)
}

type Answer = Result<Value, ErrorShape>;

/// Released clients read these as bare arrays, not as objects.
async fn bare_list(_: Cx, _: Value) -> Answer {
    Ok(json!([]))
}

async fn diagnostics_stability(_: Cx, _: Value) -> Answer {
    Ok(json!({
        "generatedAt": base::iso(base::now_ms()), "capacity": 1000, "count": 0, "dropped": 0, "events": [],
        "summary": {"byType": {}},
    }))
}

async fn mentions_list(cx: Cx, _: Value) -> Answer {
    Ok(json!({"gatewayInstanceId": cx.run.boot_id, "revision": 0, "items": []}))
}

async fn plugins_control_ui_list(_: Cx, _: Value) -> Answer {
    Ok(json!({"revision": "0", "plugins": [], "diagnostics": []}))
}

async fn projects_list(_: Cx, _: Value) -> Answer {
    Ok(json!({"projects": [], "recents": []}))
}

async fn question_list(_: Cx, _: Value) -> Answer {
    Ok(json!({"questions": []}))
}

async fn skills_status(cx: Cx, _: Value) -> Answer {
    let paths = cx.config.paths();
    let workspace = paths.workspace(cx.config.default_agent().as_str());
    Ok(json!({"workspaceDir": workspace, "managedSkillsDir": paths.state_dir.join("skills"), "skills": []}))
}

async fn task_suggestions_list(_: Cx, _: Value) -> Answer {
    Ok(json!({"suggestions": []}))
}

async fn tasks_list(_: Cx, _: Value) -> Answer {
    Ok(json!({"tasks": []}))
}

async fn update_status(_: Cx, _: Value) -> Answer {
    Ok(json!({
        "sentinel": null, "updateAvailable": null, "effectiveChannel": "stable",
        "schedule": {"channel": "stable", "autoEnabled": false},
    }))
}

async fn usage_status(_: Cx, _: Value) -> Answer {
    Ok(json!({"updatedAt": base::now_ms(), "providers": []}))
}

async fn users_prefs_get(_: Cx, _: Value) -> Answer {
    Ok(json!({"status": "ok", "entries": {}}))
}

async fn users_self(_: Cx, _: Value) -> Answer {
    Ok(json!({"profile": {"id": "gateway-owner", "displayName": "Owner", "role": "owner"}}))
}

//! Methods of families that have nothing to show yet: each answers in the right shape that there is nothing.

use serde_json::Value;

use super::Method;

macro_rules! empty {
    ($($ident:ident = $name:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            #[derive(Debug)]
            pub struct $ident;

            impl Method for $ident {
                const NAME: &'static str = $name;
                type Params = Value;
                type Result = Value;
            }
        )*
    };
}

empty! {
    DiagnosticsStability = "diagnostics.stability";
    MentionsList = "mentions.list";
    OpenclawApprovalList = "openclaw.approval.list";
    PluginApprovalList = "plugin.approval.list";
    PluginsControlUiList = "plugins.controlUi.list";
    ProjectsList = "projects.list";
    QuestionList = "question.list";
    SkillsStatus = "skills.status";
    TaskSuggestionsList = "taskSuggestions.list";
    TasksList = "tasks.list";
    UpdateStatus = "update.status";
    UsageStatus = "usage.status";
    UsersPrefsGet = "users.prefs.get";
    UsersSelf = "users.self";
}

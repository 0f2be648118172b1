//! A session as lists, descriptions and events show it.

use store::{RunStatus, Session};
use wire::AgentId;
use wire::session::{Defaults, SessionRow};

use crate::agents::Agents;
use crate::lanes::Runs;
use crate::models::{ModelFacts, ModelTable, Models};

/// Longest title and preview in a row.
const LINE_MAX: usize = 120;
/// What happens to a message while a run is under way: it waits for its turn.
const QUEUE_MODE: &str = "followup";

/// Makes rows; cheap to clone.
#[derive(Clone)]
pub(crate) struct Rows {
    runs: Runs,
    agents: Agents,
    models: Models,
}

/// What a list may ask for besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    /// A title from the first message.
    pub(crate) title: bool,
    /// The last visible text.
    pub(crate) last_message: bool,
}

impl Rows {
    /// Rows over these runs, agents and models.
    pub(crate) fn new(runs: Runs, agents: Agents, models: Models) -> Self {
        Self { runs, agents, models }
    }

    /// A maker of rows that all see the same models.
    pub(crate) async fn now(&self) -> RowsNow {
        RowsNow {
            runs: self.runs.clone(),
            main_key: self.agents.main_key(),
            default: self.agents.default_id(),
            models: self.models.now().await,
        }
    }

    /// One session as it is now.
    pub(crate) async fn row(&self, session: &Session) -> SessionRow {
        self.now().await.row(session)
    }
}

/// Makes rows of one moment.
pub(crate) struct RowsNow {
    runs: Runs,
    main_key: String,
    default: AgentId,
    models: ModelTable,
}

impl RowsNow {
    /// The session as it is now.
    pub(crate) fn row(&self, session: &Session) -> SessionRow {
        let model = self.models.of(session);
        let classification = classify(&session.key, &self.main_key);
        let is_main = classification == "main";
        let active = self.runs.of(&session.key);
        let running = active.iter().any(|run| run.started_at().is_some());
        let levels = model.as_ref().map(ModelFacts::thinking_levels);
        SessionRow {
            key: session.key.to_string(),
            session_id: Some(session.session_id.clone()),
            agent_id: session.agent.to_string(),
            kind: kind(session, classification).into(),
            classification: classification.into(),
            is_main,
            is_background: matches!(classification, "cron" | "hook" | "subagent" | "node"),
            chat_type: session.chat_type.clone().unwrap_or_else(|| "direct".into()),
            visibility: "shared".into(),
            label: session.label.clone(),
            display_name: display_name(session, is_main),
            channel: session.channel.clone(),
            spawned_by: session.spawned_by.as_ref().map(ToString::to_string),
            created_at: Some(session.created_at),
            updated_at: Some(session.updated_at),
            last_interaction_at: session.last_interaction_at,
            last_activity_at: Some(session.last_activity_at),
            archived: session.archived_at.is_some(),
            archived_at: session.archived_at,
            pinned: session.pinned_at.is_some(),
            pinned_at: session.pinned_at,
            unread: is_unread(session),
            last_read_at: session.last_read_at,
            marked_unread_at: session.marked_unread_at,
            status: status(session, running, !active.is_empty()),
            has_active_run: !active.is_empty(),
            active_run_ids: active.iter().map(|run| run.id.clone()).collect(),
            started_at: session.started_at,
            ended_at: session.ended_at.filter(|_| !running),
            runtime_ms: session.ended_at.zip(session.started_at).map(|(end, start)| end - start),
            last_run_id: session.last_run_id.clone(),
            last_run_error: session.last_run_error.clone(),
            aborted_last_run: session.aborted_last_run,
            context_tokens: session.context_tokens.or(model.as_ref().and_then(|model| model.context_window)),
            thinking_default: model.as_ref().map(|model| model.thinking_default().into()),
            thinking_options: levels.as_ref().map(|levels| levels.iter().map(|level| level.id.clone()).collect()),
            thinking_levels: levels,
            model: model.as_ref().map(|model| model.model.clone()),
            model_provider: model.map(|model| model.provider),
            model_override_source: session.model_override.as_ref().map(|_| "user".into()),
            thinking_level: session.thinking_level.clone(),
            verbose_level: session.verbose_level.clone(),
            reasoning_level: session.reasoning_level.clone(),
            effective_queue_mode: QUEUE_MODE.into(),
            input_tokens: session.input_tokens,
            output_tokens: session.output_tokens,
            total_tokens: session.total_tokens,
            total_tokens_fresh: session.total_tokens.is_some(),
            system_sent: session.started_at.is_some(),
            session_started_at: Some(session.started_session_at),
            effective_fast_mode_source: "default".into(),
            effective_response_usage: "off".into(),
            snapshot_at: Some(base::now_ms()),
            ..SessionRow::default()
        }
    }

    /// The session with what a list asked for besides.
    pub(crate) fn row_with(&self, session: &Session, wants: Wants) -> SessionRow {
        let line = |text: &Option<String>| text.as_deref().map(|text| super::text::one_line(text, LINE_MAX));
        let mut row = self.row(session);
        if wants.title {
            row.derived_title = line(&session.derived_title);
        }
        if wants.last_message {
            row.last_message_preview = line(&session.last_message);
        }
        row
    }

    /// What a new session of the default agent starts with.
    pub(crate) fn defaults(&self) -> Defaults {
        let model = self.models.default_of(&self.default);
        let levels = model.as_ref().map(ModelFacts::thinking_levels).unwrap_or_default();
        Defaults {
            context_tokens: model.as_ref().and_then(|model| model.context_window),
            thinking_options: levels.iter().map(|level| level.id.clone()).collect(),
            thinking_levels: levels,
            thinking_default: model.as_ref().map_or("off", |model| model.thinking_default()).into(),
            model: model.as_ref().map(|model| model.model.clone()),
            model_provider: model.map(|model| model.provider),
            model_selection_target: "session".into(),
        }
    }
}

/// What sort of session a key names.
pub(crate) fn classify(key: &wire::SessionKey, main_key: &str) -> &'static str {
    let rest = key.rest();
    let mut parts = rest.split(':');
    let first = parts.next().unwrap_or_default();
    match first {
        _ if rest == main_key => "main",
        "global" => "global",
        "cron" => "cron",
        "hook" => "hook",
        "subagent" => "subagent",
        "explicit" => "explicit",
        _ if first.starts_with("node-") => "node",
        _ if parts.any(|part| part == "group" || part == "channel") => "group",
        _ => "direct",
    }
}

fn kind(session: &Session, classification: &str) -> &'static str {
    match (session.chat_type.as_deref(), classification) {
        (Some("group" | "channel"), _) | (_, "group") => "group",
        (_, "global") => "global",
        _ => "direct",
    }
}

fn display_name(session: &Session, is_main: bool) -> Option<String> {
    let named = session.display_name.clone().or_else(|| session.label.clone());
    named.or_else(|| (!is_main).then(|| session.key.rest().to_owned()))
}

/// Something was said since a person last looked, or they marked it.
fn is_unread(session: &Session) -> bool {
    let said = session.ended_at.is_some_and(|ended| session.last_read_at.is_none_or(|read| read < ended));
    session.marked_unread_at.is_some() || said
}

fn status(session: &Session, running: bool, waiting: bool) -> Option<String> {
    let word = match session.status {
        _ if running => "running",
        _ if waiting => "queued",
        RunStatus::Idle => return None,
        // Nothing runs here now: the process that ran it died, and its message is not resumed yet.
        RunStatus::Running => "queued",
        other => other.as_str(),
    };
    Some(word.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::SessionKey;

    ///
    #[test]
    fn keys_say_what_sort_of_session_they_name() {
        let cases = [
            ("main", "main"),
            ("telegram:dm:5", "direct"),
            ("telegram:group:-100:topic:3", "group"),
            ("slack:channel:c1:thread:9", "group"),
            ("cron:job", "cron"),
            ("hook:1", "hook"),
            ("subagent:1", "subagent"),
            ("node-abc", "node"),
            ("explicit:cap-1", "explicit"),
            ("acp-bridge:1", "direct"),
            ("global", "global"),
        ];
        for (rest, sort) in cases {
            let key = SessionKey::canonical(rest, &AgentId::main(), "main");
            assert_eq!(classify(&key, "main"), sort, "{rest}");
        }
    }
}

//! What `sessions.patch` may change.

use serde_json::{Map, Value};

use super::{ModelSource, Route, Session};

/// What happens to one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T: Clone> Change<T> {
    fn apply(&self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value.clone()),
        }
    }

    const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T> From<Option<T>> for Change<T> {
    /// `Some` sets, `None` clears.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }
}

/// A change of a session; everything not named stays.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each field is the one of `Session` with the same name")]
pub struct SessionPatch {
    pub label: Change<String>,
    pub display_name: Change<String>,
    pub thinking_level: Change<String>,
    pub verbose_level: Change<String>,
    pub reasoning_level: Change<String>,
    pub model_override: Change<String>,
    pub provider_override: Change<String>,
    pub model_override_source: Change<ModelSource>,
    pub queue_mode: Change<String>,
    pub chat_type: Change<String>,
    pub channel: Change<String>,
    pub route: Change<Route>,
    pub archived_at: Change<i64>,
    pub pinned_at: Change<i64>,
    pub last_read_at: Change<i64>,
    pub marked_unread_at: Change<i64>,
    /// Merged into [`Session::extra`]; `null` removes a name.
    pub extra: Map<String, Value>,
}

impl SessionPatch {
    /// Changes `session`. Marks of reading and pinning leave `updated_at` alone, so that looking at a session does not
    /// move it in the list.
    pub(super) fn apply(&self, session: &mut Session, now: i64) {
        if !self.is_only_marks() {
            session.updated_at = now;
        }
        self.label.apply(&mut session.label);
        self.display_name.apply(&mut session.display_name);
        self.thinking_level.apply(&mut session.thinking_level);
        self.verbose_level.apply(&mut session.verbose_level);
        self.reasoning_level.apply(&mut session.reasoning_level);
        self.model_override.apply(&mut session.model_override);
        self.provider_override.apply(&mut session.provider_override);
        self.model_override_source.apply(&mut session.model_override_source);
        self.queue_mode.apply(&mut session.queue_mode);
        self.chat_type.apply(&mut session.chat_type);
        self.channel.apply(&mut session.channel);
        self.route.apply(&mut session.route);
        self.archived_at.apply(&mut session.archived_at);
        self.pinned_at.apply(&mut session.pinned_at);
        self.last_read_at.apply(&mut session.last_read_at);
        self.marked_unread_at.apply(&mut session.marked_unread_at);
        for (name, value) in &self.extra {
            if value.is_null() {
                session.extra.remove(name);
            } else {
                session.extra.insert(name.clone(), value.clone());
            }
        }
    }

    fn is_only_marks(&self) -> bool {
        let without_marks = Self {
            pinned_at: Change::Keep,
            last_read_at: Change::Keep,
            marked_unread_at: Change::Keep,
            ..self.clone()
        };
        let marks = !(self.pinned_at.is_keep() && self.last_read_at.is_keep() && self.marked_unread_at.is_keep());
        marks && without_marks == Self::default()
    }
}

//! The types of transcript entries.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wire::message::Message;

use crate::StoreError;
use crate::sql::{from_json, to_json};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Body {
    /// Something somebody said.
    Message {
        /// It.
        message: Message,
    },
    /// Another model from here on.
    ModelChange {
        /// Its provider.
        provider: String,
        /// Its id there.
        model_id: String,
    },
    /// Another thinking level from here on.
    ThinkingLevelChange {
        /// The level.
        thinking_level: String,
    },
    /// What came before is replaced, in the model's eyes, by a summary.
    Compaction {
        /// The summary.
        summary: String,
        /// The oldest entry the model still sees.
        first_kept_entry_id: String,
        /// How large the conversation was.
        tokens_before: u64,
        /// What only programs see.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
    },
    /// What came before is out of the model's sight.
    Reset {
        /// The oldest entry the model still sees; nothing when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_kept_entry_id: Option<String>,
    },
    /// A branch that was left, in short.
    BranchSummary {
        /// Where it began.
        from_id: String,
        /// What happened there.
        summary: String,
    },
    /// Data of a part of the product; never shown to a model.
    Custom {
        /// Whose.
        custom_type: String,
        /// It.
        #[serde(default)]
        data: Value,
    },
    /// Text of a part of the product that the model sees.
    CustomMessage {
        /// Whose.
        custom_type: String,
        /// A text or content blocks.
        content: Value,
        /// Whether people see it too.
        #[serde(default)]
        display: bool,
    },
    /// A person's mark on an entry.
    Label {
        /// The entry.
        target_id: String,
        /// The mark; none takes it off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    /// The session's name.
    SessionInfo {
        /// The name.
        name: String,
    },
}

impl Body {
    /// The type's name.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Message { .. } => "message",
            Self::ModelChange { .. } => "model_change",
            Self::ThinkingLevelChange { .. } => "thinking_level_change",
            Self::Compaction { .. } => "compaction",
            Self::Reset { .. } => "reset",
            Self::BranchSummary { .. } => "branch_summary",
            Self::Custom { .. } => "custom",
            Self::CustomMessage { .. } => "custom_message",
            Self::Label { .. } => "label",
            Self::SessionInfo { .. } => "session_info",
        }
    }

    /// Everything but the type.
    pub fn payload(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(mut fields)) => {
                fields.remove("type");
                fields
            }
            _ => Map::new(),
        }
    }

    /// The whole body as JSON text, type included.
    pub(super) fn to_text(&self) -> String {
        to_json(self)
    }

    pub(super) fn from_text(text: &str) -> Result<Self, StoreError> {
        from_json("a transcript entry", text)
    }
}

//! The opaque `deltaCursor` of `chat.history`: which transcript, and up to which entry a client has it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// How far a client has read a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cursor {
    version: u32,
    /// The transcript.
    pub(crate) session_id: String,
    /// The last entry's number.
    pub(crate) last_seq: u64,
}

impl Cursor {
    /// Up to and including `last_seq`.
    pub(crate) fn new(session_id: &str, last_seq: u64) -> Self {
        Self { version: 1, session_id: session_id.into(), last_seq }
    }

    /// The cursor as text.
    pub(crate) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("a struct of strings and numbers always serialises"))
    }

    /// The cursor back from text; `None` for anything that is not one of ours.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let cursor: Self = serde_json::from_slice(&bytes).ok()?;
        (cursor.version == 1).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_trip_and_foreign_text_is_none() {
        let cursor = Cursor::new("s", 12);
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        for foreign in ["", "!!", "eyJhIjoxfQ", &URL_SAFE_NO_PAD.encode(r#"{"version":2,"sessionId":"s","lastSeq":1}"#)]
        {
            assert_eq!(Cursor::decode(foreign), None, "{foreign}");
        }
    }
}

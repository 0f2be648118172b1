//! `voice.transcript`: what somebody said to a listening device (N-7.2). It becomes a run like a typed message.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use wire::ErrorShape;

use super::begin::{Wish, begin};
use super::{Heard, given, named, read};
use crate::intake::RunOptions;
use crate::nodes::Live;
use crate::services::Services;
use crate::voicewake;

/// Longest transcript.
const TEXT_MAX_CHARS: usize = 20_000;
/// How long a repetition is not news.
const ECHO: Duration = Duration::from_millis(1_500);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transcript {
    text: String,
    session_key: Option<String>,
    /// The word that woke the device, when it says.
    trigger: Option<String>,
    event_id: Option<String>,
    provider_event_id: Option<String>,
    transcript_id: Option<String>,
    call_id: Option<String>,
    sequence: Option<Value>,
    timestamp: Option<Value>,
}

impl Transcript {
    /// What makes two reports one: its id, else its place in a call, else its time, else its words.
    fn fingerprint(&self) -> Vec<String> {
        let id = [&self.event_id, &self.provider_event_id, &self.transcript_id].into_iter().find_map(given);
        if let Some(id) = id {
            return vec!["id".into(), id.into()];
        }
        let (sequence, time) =
            (self.sequence.as_ref().map(Value::to_string), self.timestamp.as_ref().map(Value::to_string));
        match (given(&self.call_id), sequence, time) {
            (Some(call), Some(sequence), _) => vec!["sequence".into(), call.into(), sequence],
            (Some(call), None, Some(time)) => vec!["time".into(), call.into(), time],
            (None, _, Some(time)) => vec!["said".into(), time, self.text.trim().into()],
            (_, _, None) => vec!["text".into(), self.text.trim().into()],
        }
    }
}

pub(super) async fn hear(services: &Services, _node: &Live, details: Value) -> Result<Heard, ErrorShape> {
    let Some(said) = read::<Transcript>(details) else { return Ok(Heard::ignored("invalid_payload")) };
    let text = said.text.trim();
    if text.is_empty() {
        return Ok(Heard::ignored("empty_text"));
    }
    if text.chars().nth(TEXT_MAX_CHARS).is_some() {
        return Ok(Heard::ignored("text_too_long"));
    }
    let session = match given(&said.session_key) {
        Some(key) => match named(services, key) {
            Some(session) => session,
            None => return Ok(Heard::ignored("unknown_session")),
        },
        None => voicewake::place(services, given(&said.trigger)).await?,
    };
    let fingerprint = said.fingerprint();
    let parts: Vec<&str> = [session.as_str()].into_iter().chain(fingerprint.iter().map(String::as_str)).collect();
    if services.nodes.echoes().repeats(Instant::now(), &parts, ECHO) {
        return Ok(Heard::done("duplicate"));
    }
    let wish = Wish {
        run_id: format!("voice-{}", Uuid::new_v4()),
        session,
        text: text.to_owned(),
        attachments: Vec::new(),
        options: RunOptions { thinking: Some("low".into()), ..RunOptions::default() },
        source: "voice",
        answer: None,
    };
    begin(services, wish).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// N-7.2
    #[test]
    fn two_reports_are_one_by_id_then_place_then_time_then_words() {
        let print = |details: Value| read::<Transcript>(details).unwrap().fingerprint();
        let same = |one: Value, other: Value| print(one) == print(other);
        assert!(same(json!({"text": "a", "eventId": "1"}), json!({"text": "b", "eventId": "1", "sequence": 2})));
        assert!(same(json!({"text": "a", "transcriptId": "1"}), json!({"text": "b", "eventId": "1"})));
        assert!(same(
            json!({"text": "a", "callId": "c", "sequence": 1}),
            json!({"text": "b", "callId": "c", "sequence": 1})
        ));
        assert!(!same(
            json!({"text": "a", "callId": "c", "sequence": 1}),
            json!({"text": "a", "callId": "c", "sequence": 2})
        ));
        assert!(same(
            json!({"text": "a", "callId": "c", "timestamp": 5}),
            json!({"text": "b", "callId": "c", "timestamp": 5})
        ));
        assert!(!same(json!({"text": "a", "timestamp": 5}), json!({"text": "b", "timestamp": 5})));
        assert!(same(json!({"text": " a"}), json!({"text": "a "})));
    }
}

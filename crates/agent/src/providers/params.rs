//! What a person adds to every call of one model: `agents.defaults.models.<ref>.params`.
//!
//! Names are taken as the config writes them (`topP`) or as vendors do (`top_p`), and sent under the name of the
//! dialect; what a dialect does not know is not sent. Values are the person's: a vendor that refuses one says so itself.

use serde_json::{Map, Value};

/// Each parameter: its name here, in chat completions, in Anthropic's messages.
const KNOWN: &[(&str, &str, Option<&str>)] = &[
    ("temperature", "temperature", Some("temperature")),
    ("topp", "top_p", Some("top_p")),
    ("topk", "top_k", Some("top_k")),
    ("minp", "min_p", None),
    ("stop", "stop", Some("stop_sequences")),
    ("seed", "seed", None),
    ("frequencypenalty", "frequency_penalty", None),
    ("presencepenalty", "presence_penalty", None),
    ("paralleltoolcalls", "parallel_tool_calls", None),
    ("servicetier", "service_tier", Some("service_tier")),
];
/// The output limit, which every dialect writes in a way of its own.
const MAX_TOKENS: &str = "maxtokens";
/// Fields to send as they are, for servers with switches nobody else has.
const EXTRA_BODY: &str = "extrabody";
/// Fields that are the conversation itself; not even `extraBody` replaces them.
const OURS: &[&str] = &["model", "messages", "system", "tools", "stream"];

/// The parameters of one model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params {
    known: Vec<(&'static str, Option<&'static str>, Value)>,
    extra: Map<String, Value>,
    /// Most tokens to write.
    pub max_tokens: Option<u64>,
    /// Names nobody here knows.
    pub unknown: Vec<String>,
}

impl Params {
    /// As the config writes them.
    pub fn of<'a>(written: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Self {
        let mut params = Self::default();
        for (name, value) in written.into_iter().filter(|(_, value)| !value.is_null()) {
            let plain = name.to_lowercase().replace(['_', '-'], "");
            match (KNOWN.iter().find(|(known, ..)| *known == plain), plain.as_str(), value) {
                (Some((_, chat, messages)), _, _) => params.known.push((chat, *messages, value.clone())),
                (None, MAX_TOKENS, value) => params.max_tokens = value.as_u64().filter(|tokens| *tokens > 0),
                (None, EXTRA_BODY, Value::Object(fields)) => params.extra.extend(fields.clone()),
                _ => params.unknown.push(name.clone()),
            }
        }
        params
    }

    /// Adds them to a chat-completions request.
    pub(super) fn add_to_chat(&self, body: &mut Map<String, Value>) {
        body.extend(self.known.iter().map(|(name, _, value)| ((*name).to_owned(), value.clone())));
        self.add_extra(body);
    }

    /// Adds them to a request for Anthropic's messages. A model that thinks takes no temperature.
    pub(super) fn add_to_messages(&self, body: &mut Map<String, Value>) {
        let thinks = body.contains_key("thinking");
        for (_, name, value) in &self.known {
            let Some(name) = name.filter(|name| !(thinks && ["temperature", "top_k"].contains(name))) else { continue };
            let value = match value {
                // A list there, where others take one text too.
                Value::String(stop) if name == "stop_sequences" => vec![stop.clone()].into(),
                other => other.clone(),
            };
            body.insert(name.to_owned(), value);
        }
        self.add_extra(body);
    }

    fn add_extra(&self, body: &mut Map<String, Value>) {
        let theirs = self.extra.iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
        body.extend(theirs.map(|(name, value)| (name.clone(), value.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    ///
    #[test]
    fn a_model_that_thinks_gets_no_temperature() {
        let written: Map<String, Value> =
            serde_json::from_value(json!({"temperature": 0.5, "topK": 3, "topP": 0.9, "seed": null})).unwrap();
        let params = Params::of(&written);
        let sent = |body: Value| {
            let Value::Object(mut body) = body else { panic!("an object") };
            params.add_to_messages(&mut body);
            Value::Object(body)
        };
        assert_eq!(sent(json!({})), json!({"temperature": 0.5, "top_k": 3, "top_p": 0.9}));
        assert_eq!(sent(json!({"thinking": {}})), json!({"thinking": {}, "top_p": 0.9}));
        assert!(params.unknown.is_empty() && params.max_tokens.is_none());
    }
}

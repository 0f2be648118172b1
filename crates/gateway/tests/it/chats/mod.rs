//! From a chat to the agent and back, with a Bot API and a model vendor that live in the test.

mod groups;
mod inbound;
mod people;

use kit::FakeTelegram;
use serde_json::{Value, json};

use crate::work::Desk;

/// The person the config lets in.
const ANN: i64 = 42;
/// A stranger.
const BOB: i64 = 77;
const GROUP: i64 = -100;

/// A Gateway with this `telegram` section beside what the bot needs.
async fn desk(telegram: &FakeTelegram, section: Value) -> Desk {
    desk_with(telegram, section, |_| {}).await
}

async fn desk_with(telegram: &FakeTelegram, section: Value, change: impl FnOnce(&mut Value)) -> Desk {
    let mut channels = telegram.channels(ANN);
    channels["telegram"].as_object_mut().unwrap().extend(section.as_object().unwrap().clone());
    Desk::changed(|config| {
        config["channels"] = channels;
        config["messages"] = json!({"inbound": {"debounceMs": 0}});
        change(config);
    })
    .await
}

/// The newest message of a request to the model, all its text.
fn newest(body: &Value) -> String {
    let last = body["messages"].as_array().unwrap().last().unwrap();
    match &last["content"] {
        Value::Array(blocks) => blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n"),
        text => text.as_str().unwrap_or_default().to_owned(),
    }
}

/// The names of the tools in a request to the model.
fn tools(body: &Value) -> Vec<&str> {
    let tools = body["tools"].as_array().into_iter().flatten();
    tools.filter_map(|tool| tool["function"]["name"].as_str()).collect()
}

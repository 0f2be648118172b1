//! What the original knows of people in chats, taken over once: who asked to talk, and who may.

use std::path::Path;

use serde_json::{Value, json};
use store::{ChatPairing, ChatPeer, Store, StoreError};

use super::{DEFAULT_ACCOUNT, pairing};

/// That it was done.
const DONE: &str = "chats-imported";
/// Larger files are none of these.
const FILE_MAX_BYTES: u64 = 4 << 20;
const PAIRING: &str = "-pairing.json";
const ALLOWED: &str = "-allowFrom.json";

/// Takes over what `folder` holds, unless that was done before.
///
/// # Errors
/// When the store cannot be read or written. Files that cannot be read are logged and left.
pub(super) async fn run(store: &Store, folder: &Path) -> Result<(), StoreError> {
    if store.meta_get(DONE).await?.is_some() {
        return Ok(());
    }
    for (name, value) in files(folder) {
        if let Some(channel) = name.strip_suffix(PAIRING) {
            for request in value["requests"].as_array().into_iter().flatten() {
                ask(store, channel, request).await?;
            }
        } else if let Some(start) = name.strip_suffix(ALLOWED) {
            let (channel, account) = start.split_once('-').unwrap_or((start, DEFAULT_ACCOUNT));
            for peer in value["allowFrom"].as_array().into_iter().flatten().filter_map(text) {
                let (channel, account) = (channel.to_owned(), account.to_owned());
                let added_at = base::now_ms();
                store.allow_chat(ChatPeer { channel, account, peer, meta: json!({}), added_at }).await?;
            }
        }
    }
    store.meta_set(DONE, &Value::Bool(true)).await
}

async fn ask(store: &Store, channel: &str, request: &Value) -> Result<(), StoreError> {
    let (Some(peer), Some(code)) = (text(&request["id"]), text(&request["code"])) else { return Ok(()) };
    let at = |key: &str| {
        let written = request[key].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        written.map_or_else(base::now_ms, jiff::Timestamp::as_millisecond)
    };
    let (created_at, last_seen_at) = (at("createdAt"), at("lastSeenAt"));
    if created_at < base::now_ms() - pairing::LIVES_MS {
        return Ok(());
    }
    let account = text(&request["meta"]["accountId"]).unwrap_or_else(|| DEFAULT_ACCOUNT.into());
    let (channel, meta) = (channel.to_owned(), request["meta"].clone());
    let new = ChatPairing { channel, account, peer, code, meta, created_at, last_seen_at };
    store.ask_to_chat(new, pairing::LIVES_MS, usize::MAX).await.map(drop)
}

/// The files it may be in, by name.
fn files(folder: &Path) -> Vec<(String, Value)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let named = entries.flatten().filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry)));
    let ours = named.filter(|(name, _)| name.ends_with(PAIRING) || name.ends_with(ALLOWED));
    let read = ours.filter_map(|(name, entry)| {
        let fits = entry.metadata().is_ok_and(|found| found.is_file() && found.len() <= FILE_MAX_BYTES);
        let bytes = if fits { std::fs::read(entry.path()).ok()? } else { return None };
        let value = serde_json::from_slice(&bytes);
        let value = value.inspect_err(|error| tracing::warn!(name, %error, "an older list of chats cannot be read"));
        Some((name, value.ok()?))
    });
    read.collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text != "*"),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Env, StatePaths};

    /// C-5.3
    #[tokio::test]
    async fn what_the_original_knew_is_known_and_taken_over_once() {
        let home = tempfile::tempdir().unwrap();
        let env = Env::of([("HOME", home.path().to_str().unwrap())]);
        let paths = StatePaths::resolve(&env, None).unwrap();
        let store = Store::open(&paths).unwrap();
        let folder = paths.credentials();
        std::fs::create_dir_all(&folder).unwrap();
        let now = base::iso(base::now_ms());
        let asked = json!({"version": 1, "requests": [
            {"id": "7", "code": "ABCD2345", "createdAt": now, "lastSeenAt": now, "meta": {"username": "ann"}},
            {"id": "8", "code": "OLD22222", "createdAt": "2020-01-01T00:00:00Z"},
        ]});
        std::fs::write(folder.join("telegram-pairing.json"), asked.to_string()).unwrap();
        std::fs::write(folder.join("telegram-allowFrom.json"), r#"{"version":1,"allowFrom":["5","*"]}"#).unwrap();
        std::fs::write(folder.join("telegram-work-allowFrom.json"), r#"{"allowFrom":[6]}"#).unwrap();
        std::fs::write(folder.join("broken-allowFrom.json"), "{").unwrap();
        run(&store, &folder).await.unwrap();
        let peers = store.chat_peers().await.unwrap();
        let mut known: Vec<_> = peers.iter().map(|peer| (peer.account.as_str(), peer.peer.as_str())).collect();
        known.sort_unstable();
        assert_eq!(known, [("default", "5"), ("work", "6")]);
        let waiting = store.chat_pairings(0).await.unwrap();
        assert_eq!(waiting.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["ABCD2345"]);
        store.disallow_chat("telegram", "default", "5").await.unwrap();
        run(&store, &folder).await.unwrap();
        assert_eq!(store.chat_peers().await.unwrap().len(), 1, "not a second time");
    }
}

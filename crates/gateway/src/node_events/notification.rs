//! `notifications.changed`: a notification came or went on a device (N-7.4). The next turn is told in one line.

use serde::Deserialize;
use serde_json::Value;
use wire::ErrorShape;

use super::{Heard, cut, given, named, read, wake};
use crate::nodes::Live;
use crate::rpc::unavailable;
use crate::services::Services;

/// Longest title and text that are told.
const WORDS_MAX_CHARS: usize = 120;
/// Longest key.
const KEY_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    change: Change,
    key: String,
    package_name: Option<String>,
    title: Option<String>,
    text: Option<String>,
    session_key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Posted,
    Removed,
}

impl Changed {
    fn line(&self, node_id: &str) -> String {
        let what = if self.change == Change::Posted { "posted" } else { "removed" };
        let node: String = node_id.chars().take(12).collect();
        let mut line = format!("Notification {what} on node {node}");
        if let Some(package) = given(&self.package_name) {
            line.push_str(&format!(" by {}", cut(package, WORDS_MAX_CHARS)));
        }
        let words: Vec<String> =
            [&self.title, &self.text].into_iter().filter_map(given).map(|text| cut(text, WORDS_MAX_CHARS)).collect();
        if !words.is_empty() {
            line.push_str(&format!(": {}", words.join(" - ")));
        }
        line
    }
}

pub(super) async fn hear(services: &Services, node: &Live, details: Value) -> Result<Heard, ErrorShape> {
    let Some(changed) = read::<Changed>(details) else { return Ok(Heard::ignored("invalid_payload")) };
    if changed.key.trim().is_empty() || changed.key.len() > KEY_MAX {
        return Ok(Heard::ignored("invalid_payload"));
    }
    let node_id = node.caller.device_id.as_deref().unwrap_or_default();
    let session = wake::existing(services, given(&changed.session_key).and_then(|key| named(services, key))).await?;
    let about = format!("notification:{}", changed.key.trim());
    services.store.note_event(&session, &about, &changed.line(node_id)).await.map_err(unavailable)?;
    if wake::beats(services) {
        wake::wake(services, &session).await?;
    }
    Ok(Heard::done("noted"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// N-7.4
    #[test]
    fn a_notification_is_one_short_line() {
        let line = |details: Value| read::<Changed>(details).unwrap().line("0123456789abcdef");
        let posted =
            json!({"change": "posted", "key": "k", "packageName": "mail", "title": "a\nb", "text": "x".repeat(500)});
        assert_eq!(
            line(posted),
            format!("Notification posted on node 0123456789ab by mail: a b - {}", "x".repeat(120))
        );
        assert_eq!(line(json!({"change": "removed", "key": "k"})), "Notification removed on node 0123456789ab");
    }
}

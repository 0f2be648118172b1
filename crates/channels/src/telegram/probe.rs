//! Who we are over there, and whether Telegram calls us (C-12.4).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::api::{Api, ApiError};
use crate::Probe;

/// Asks both.
pub(super) async fn probe(api: &Api, patience: Duration) -> Probe {
    let began = Instant::now();
    let me = api.call_within::<Value>("getMe", &json!({}), patience).await;
    let left = patience.saturating_sub(began.elapsed());
    let mut webhook = Value::Null;
    if me.is_ok() {
        let info = api.call_within::<Value>("getWebhookInfo", &json!({}), left).await;
        webhook = info.as_ref().map(webhook_of).unwrap_or_default();
    }
    let (status, error) = match &me {
        Ok(_) => (Some(200), None),
        Err(error @ ApiError::Refused { code, .. }) => (Some(*code), Some(error.to_string())),
        Err(error) => (None, Some(error.to_string())),
    };
    let bot = me.as_ref().map(bot_of).unwrap_or_default();
    Probe { ok: me.is_ok(), status, error, elapsed: began.elapsed(), bot, webhook }
}

fn bot_of(me: &Value) -> Value {
    json!({
        "id": me["id"],
        "username": me["username"],
        "firstName": me["first_name"],
        "canJoinGroups": me["can_join_groups"],
        "canReadAllGroupMessages": me["can_read_all_group_messages"],
        "supportsInlineQueries": me["supports_inline_queries"],
        "hasTopicsEnabled": me["has_topics_enabled"],
    })
}

fn webhook_of(info: &Value) -> Value {
    json!({
        "url": info["url"],
        "hasCustomCert": info["has_custom_certificate"],
        "pendingUpdateCount": info["pending_update_count"],
        "lastError": info["last_error_message"],
    })
}

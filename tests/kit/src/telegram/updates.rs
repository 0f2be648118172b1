//! What waits for the bot: polled, or brought to its webhook.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Shared;
use super::methods::Refusal;

const TERMINATED: &str =
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
const WEBHOOK_ACTIVE: &str =
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
/// How soon a webhook that did not take an update is called again.
const AGAIN: Duration = Duration::from_millis(100);

/// Updates, and how they get to the bot.
#[derive(Default)]
pub(super) struct Updates {
    next: i64,
    /// Not confirmed, in the order they are handed out.
    waiting: Vec<Value>,
    /// Every one there ever was.
    all: Vec<Value>,
    /// Whether the offset is not looked at.
    forgetful: bool,
    /// Counts polls: a newer one ends an older.
    polls: u64,
    webhook: Option<Webhook>,
    /// Counts webhooks that were set: one that was replaced is called no more.
    webhooks: u64,
}

#[derive(Clone)]
struct Webhook {
    url: String,
    secret: Option<String>,
    last_error: Option<String>,
}

impl Updates {
    pub(super) fn push(&mut self, mut update: Value) -> i64 {
        let id = update["update_id"].as_i64().unwrap_or_else(|| self.next_id());
        if update.is_object() {
            update["update_id"] = id.into();
        }
        self.next = id + 1;
        self.all.push(update.clone());
        self.waiting.push(update);
        id
    }

    pub(super) fn next_id(&self) -> i64 {
        if self.next == 0 { 1000 } else { self.next }
    }

    pub(super) fn number_from(&mut self, id: i64) {
        (self.next, self.forgetful) = (id, true);
    }

    pub(super) fn repeat(&mut self, id: i64) {
        let again: Vec<Value> =
            self.all.iter().rfind(|update| update["update_id"] == id).cloned().into_iter().collect();
        self.waiting.extend(again);
        self.forgetful = true;
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn webhook_url(&self) -> Option<String> {
        self.webhook.as_ref().map(|webhook| webhook.url.clone())
    }

    pub(super) fn delete_webhook(&mut self, params: &Value) -> Value {
        self.webhook = None;
        self.webhooks += 1;
        if params["drop_pending_updates"] == true {
            self.waiting.clear();
        }
        Value::Bool(true)
    }

    pub(super) fn webhook_info(&self) -> Value {
        let mut info = json!({"url": "", "has_custom_certificate": false, "pending_update_count": self.waiting.len()});
        if let Some(webhook) = &self.webhook {
            info["url"] = webhook.url.clone().into();
            if let Some(error) = &webhook.last_error {
                info["last_error_message"] = error.clone().into();
                info["last_error_date"] = 1_700_000_000.into();
            }
        }
        info
    }

    /// What a poll gets now. An offset confirms everything below it (a negative one is not supported).
    fn batch(&mut self, params: &Value) -> Vec<Value> {
        let offset = params["offset"].as_i64().unwrap_or_default();
        let limit = params["limit"].as_u64().map_or(100, |limit| limit.clamp(1, 100)) as usize;
        if self.forgetful {
            let count = limit.min(self.waiting.len());
            return self.waiting.drain(..count).collect();
        }
        self.waiting.retain(|update| update["update_id"].as_i64() >= Some(offset));
        self.waiting.iter().take(limit).cloned().collect()
    }
}

/// `getUpdates`.
pub(super) async fn long_poll(shared: &Arc<Shared>, params: &Value) -> Result<Value, Refusal> {
    let mut changed = shared.changed.subscribe();
    let mine = {
        let updates = &mut shared.state().updates;
        if updates.webhook.is_some() {
            return Err(Refusal::new(409, WEBHOOK_ACTIVE));
        }
        updates.polls += 1;
        updates.polls
    };
    shared.news();
    let seconds = params["timeout"].as_u64().unwrap_or_default().min(50);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds);
    loop {
        changed.mark_unchanged();
        let batch = {
            let updates = &mut shared.state().updates;
            if updates.polls != mine {
                return Err(Refusal::new(409, TERMINATED));
            }
            updates.batch(params)
        };
        let waited =
            if batch.is_empty() { tokio::time::timeout_at(deadline, changed.changed()).await } else { Ok(Ok(())) };
        if !batch.is_empty() || waited.is_err() {
            return Ok(Value::Array(batch));
        }
    }
}

/// `setWebhook`: from now on updates are brought.
pub(super) fn set_webhook(shared: &Arc<Shared>, params: &Value) -> Result<Value, Refusal> {
    let url = params["url"].as_str().unwrap_or_default().to_owned();
    let mut state = shared.state();
    if url.is_empty() {
        return Ok(state.updates.delete_webhook(params));
    }
    let secret = params["secret_token"].as_str().map(str::to_owned);
    if secret.as_ref().is_some_and(|secret| !is_secret_token(secret)) {
        return Err(Refusal::new(400, "Bad Request: secret token contains unallowed characters"));
    }
    state.updates.webhooks += 1;
    state.updates.webhook = Some(Webhook { url, secret, last_error: None });
    let mine = state.updates.webhooks;
    drop(state);
    tokio::spawn(bring(Arc::downgrade(shared), mine));
    Ok(Value::Bool(true))
}

fn is_secret_token(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Brings one update after the other, each until it was taken.
async fn bring(shared: std::sync::Weak<Shared>, mine: u64) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build();
    let client = client.expect("a plain client can be made");
    loop {
        let Some(here) = shared.upgrade() else { return };
        let mut changed = here.changed.subscribe();
        let next = {
            let updates = &here.state().updates;
            match &updates.webhook {
                Some(webhook) if updates.webhooks == mine => {
                    updates.waiting.first().cloned().map(|update| (webhook.clone(), update))
                }
                _ => return,
            }
        };
        let Some((webhook, update)) = next else {
            drop(here);
            // Closed when the server is gone; then the next turn ends.
            let _gone = changed.changed().await;
            continue;
        };
        drop(here);
        let error = call(&client, &webhook, &update).await.err();
        let Some(here) = shared.upgrade() else { return };
        let failed = error.is_some();
        {
            let updates = &mut here.state().updates;
            if !failed {
                let taken = updates.waiting.iter().position(|waiting| *waiting == update);
                taken.map(|at| updates.waiting.remove(at));
            }
            if let Some(webhook) = &mut updates.webhook {
                webhook.last_error = error;
            }
        }
        here.news();
        drop(here);
        if failed {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn call(client: &reqwest::Client, webhook: &Webhook, update: &Value) -> Result<(), String> {
    let mut request = client.post(&webhook.url).json(update);
    if let Some(secret) = &webhook.secret {
        request = request.header("x-telegram-bot-api-secret-token", secret);
    }
    let response = request.send().await.map_err(|error| error.without_url().to_string())?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(format!("Wrong response from the webhook: {status}")) }
}

//! Something an operator or an agent has said on purpose (C-13): it goes through the outbox like every answer, and whoever
//! asked waits until it is known what became of it.

use std::sync::Arc;
use std::time::Duration;

use channels::{Body, CHANNELS, Part, Receipt, Say};
use serde_json::{Value, json};
use store::{End, NewOutgoing, Outgoing, Route};
use tokio::time::Instant;
use wire::ErrorShape;

use super::{Chats, DEFAULT_ACCOUNT, Live};
use crate::fault;

/// How long whoever asked waits for the vendor; what waits longer stays in the outbox.
const PATIENCE: Duration = Duration::from_secs(25);
/// A row that ended is seen this soon even when the news of it was missed.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Longest idempotency key in bytes.
const KEY_MAX: usize = 256;

/// A chat as somebody names it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    /// The channel; by the target's prefix, or the only one, when absent.
    pub(crate) channel: Option<String>,
    /// The account of ours; the default or only one when absent.
    pub(crate) account: Option<String>,
    /// The chat.
    pub(crate) to: String,
    /// The topic.
    pub(crate) thread: Option<String>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Done {
    /// Where it went.
    pub(crate) route: Route,
    /// What the vendor answered, a call each.
    pub(crate) receipts: Vec<Receipt>,
    /// Whether this was the first time the key was seen.
    pub(crate) is_new: bool,
}

impl Done {
    /// The newest message that is there now.
    pub(crate) fn message_id(&self) -> &str {
        self.receipts.iter().rev().map(|receipt| receipt.message_id.as_str()).find(|id| !id.is_empty()).unwrap_or("")
    }

    /// As the RPC answers it (C-13.1).
    pub(crate) fn to_value(&self, key: &str) -> Value {
        let mut value = json!({
            "runId": key, "messageId": self.message_id(), "channel": self.route.channel,
            "chatId": self.receipts.iter().find_map(|receipt| receipt.chat_id.clone()).unwrap_or_else(|| self.route.to.clone()),
            "accountId": self.route.account_id,
        });
        if let Some(thread) = &self.route.thread_id {
            value["threadId"] = json!(thread);
        }
        let own = self.receipts.iter().map(|receipt| &receipt.own).find(|own| own.is_object());
        for (name, said) in own.and_then(Value::as_object).into_iter().flatten() {
            value[name] = said.clone();
        }
        if self.receipts.len() > 1 {
            value["messageIds"] = self.receipts.iter().map(|receipt| json!(receipt.message_id)).collect();
        }
        value
    }
}

/// The account at work and the route that a name means (C-13.2, C-13.3).
///
/// # Errors
/// `INVALID_REQUEST` for a name nobody knows, `UNAVAILABLE` for an account that is not at work.
pub(crate) fn place(chats: &Chats, named: &Named) -> Result<(Arc<Live>, Route), ErrorShape> {
    let live = account(chats, named)?;
    let target = live.channel.target(&named.to).map_err(ErrorShape::invalid)?;
    if live.transport.is_none() {
        return Err(not_at_work(&live));
    }
    let thread_id = named.thread.clone().filter(|thread| !thread.is_empty()).or(target.thread_id);
    let (channel, account_id) = (live.channel.id().to_owned(), Some(live.account.id.clone()));
    Ok((live, Route { channel, to: target.to, account_id, thread_id }))
}

/// The account that a name means.
///
/// # Errors
/// `INVALID_REQUEST` when there is none.
pub(crate) fn account(chats: &Chats, named: &Named) -> Result<Arc<Live>, ErrorShape> {
    let channel = channel(chats, named)?;
    let wanted = named.account.as_deref().filter(|account| !account.is_empty());
    let of_channel: Vec<_> = chats.all().into_iter().filter(|live| live.channel.id() == channel).collect();
    let found = match wanted {
        Some(id) => of_channel.iter().find(|live| live.account.id == id),
        None => of_channel
            .iter()
            .find(|live| live.account.id == DEFAULT_ACCOUNT)
            .or_else(|| of_channel.first().filter(|_| of_channel.len() == 1)),
    };
    found.cloned().ok_or_else(|| {
        let ids: Vec<_> = of_channel.iter().map(|live| live.account.id.as_str()).collect();
        ErrorShape::invalid(match (wanted, ids.is_empty()) {
            (_, true) => format!("channel {channel} is not configured; openclaw channels add {channel}"),
            (Some(id), _) => format!("channel {channel} has no account {id:?}; it has {}", ids.join(", ")),
            (None, _) => format!("channel {channel} has several accounts; name one in accountId: {}", ids.join(", ")),
        })
    })
}

fn channel(chats: &Chats, named: &Named) -> Result<String, ErrorShape> {
    if let Some(id) = named.channel.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
        let id = id.to_lowercase();
        return match channels::find(&id) {
            Some(_) => Ok(id),
            None => Err(ErrorShape::invalid(format!("unsupported channel: {id}"))),
        };
    }
    let by_prefix = named.to.split_once(':').and_then(|(prefix, _)| channels::find(prefix.trim()));
    if let Some(channel) = by_prefix {
        return Ok(channel.id().to_owned());
    }
    let mut configured: Vec<_> = chats.all().iter().map(|live| live.channel.id()).collect();
    configured.dedup();
    match configured[..] {
        [only] => Ok(only.to_owned()),
        [] => {
            let known: Vec<_> = CHANNELS.iter().map(|channel| channel.id()).collect();
            Err(ErrorShape::invalid(format!(
                "no channel is configured; openclaw channels add <channel> sets up one of {}",
                known.join(", ")
            )))
        }
        _ => Err(ErrorShape::invalid(format!("channel is required: one of {}", configured.join(", ")))),
    }
}

fn not_at_work(live: &Live) -> ErrorShape {
    let seen = live.status.now();
    let why = seen.last_error.unwrap_or_else(|| match live.account.enabled {
        false => "it is disabled in the config".into(),
        true => "it is stopped".into(),
    });
    let next = seen.next.unwrap_or_else(|| format!("openclaw channels start {}", live.channel.id()));
    ErrorShape::unavailable(format!("{} account {} is not at work: {why}", live.channel.label(), live.account.id))
        .with(json!({"code": "CHANNEL_NOT_RUNNING", "next": [next]}))
}

/// Says it once under `key`, and waits for what becomes of it (C-13.1).
///
/// # Errors
/// `INVALID_REQUEST` for a key that was used for something else; `UNAVAILABLE` with `NOT_SENT_YET`, `NOT_SENT` or
/// `MAYBE_SENT`.
pub(crate) async fn run(chats: &Chats, key: &str, route: Route, body: &Body) -> Result<Done, ErrorShape> {
    if key.trim().is_empty() || key.len() > KEY_MAX {
        return Err(ErrorShape::invalid(format!("`idempotencyKey` must have 1 to {KEY_MAX} bytes")));
    }
    let id = format!("ask:{key}");
    let body = rendered(chats, &route, body);
    let body = serde_json::to_value(body).map_err(|error| ErrorShape::invalid(error.to_string()))?;
    let new = NewOutgoing { id: id.clone(), route: route.clone(), body: body.clone(), inbox: Vec::new() };
    let is_new = chats.0.store.put_outgoing(new).await.map_err(fault::store)?;
    let ended = ended(chats, &id).await?;
    if let (false, Some(known)) = (is_new, &ended)
        && (known.body != body || known.route != route)
    {
        return Err(ErrorShape::invalid("this idempotencyKey was used for something else; use a new one")
            .with(json!({"code": "IDEMPOTENCY_KEY_REUSED"})));
    }
    let row = ended.filter(|row| row.end.is_some()).ok_or_else(|| {
        ErrorShape::unavailable("it is not sent yet and stays in the queue; ask again with the same idempotencyKey")
            .with(json!({"code": "NOT_SENT_YET"}))
            .retryable(true)
    })?;
    judge(row, is_new)
}

/// The same with the texts that replace others in the channel's markup, as its own planning makes it.
fn rendered(chats: &Chats, route: &Route, body: &Body) -> Body {
    let transport = chats.of(route).and_then(|live| live.transport.clone());
    let (Some(transport), Body::Calls { parts }) = (transport, body) else { return body.clone() };
    let render = |part: &Part| match part {
        Part::Edit { message_id, words, buttons } => {
            let say = Say { text: words.text.clone(), ..Say::default() };
            let first = transport.plan(route, &say).into_iter().next();
            let words = match first {
                Some(Part::Text { words, .. }) => words,
                _ => words.clone(),
            };
            Part::Edit { message_id: message_id.clone(), words, buttons: buttons.clone() }
        }
        other => other.clone(),
    };
    Body::Calls { parts: parts.iter().map(render).collect() }
}

/// What was said in a chat lately, as far as this Gateway kept it.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn read(chats: &Chats, route: &Route, limit: usize) -> Result<Value, ErrorShape> {
    let lane = route.thread_id.as_ref().map_or_else(|| route.to.clone(), |thread| format!("{}:{thread}", route.to));
    let account = route.account_id.clone().unwrap_or_default();
    let kept =
        chats.0.store.chat_messages(&route.channel, &account, &lane, false, limit).await.map_err(fault::store)?;
    let messages: Vec<Value> =
        kept.iter().map(|one| json!({"messageId": one.message, "at": one.at, "message": one.body})).collect();
    Ok(json!({"ok": true, "action": "read", "channel": route.channel, "chatId": route.to, "messages": messages}))
}

fn judge(row: Outgoing, is_new: bool) -> Result<Done, ErrorShape> {
    let why = row.error.clone().unwrap_or_else(|| "there was nothing to send".into());
    match row.end {
        Some(End::Sent) => {
            let receipts = row.parts.iter().filter_map(|part| part.receipt.clone());
            let receipts = receipts.filter_map(|receipt| serde_json::from_value(receipt).ok()).collect();
            Ok(Done { route: row.route, receipts, is_new })
        }
        Some(End::Unsure) => Err(ErrorShape::unavailable(format!("maybe sent: {why}; look before you send it again"))
            .with(json!({"code": "MAYBE_SENT"}))),
        _ => Err(ErrorShape::unavailable(format!("not sent: {why}")).with(json!({"code": "NOT_SENT"}))),
    }
}

/// The row once it ended; as it is when that takes too long.
async fn ended(chats: &Chats, id: &str) -> Result<Option<Outgoing>, ErrorShape> {
    let ends = chats.0.store.outbox_ends();
    let until = Instant::now() + PATIENCE;
    loop {
        let news = ends.notified();
        tokio::pin!(news);
        news.as_mut().enable();
        let row = chats.0.store.outgoing(id).await.map_err(fault::store)?;
        let is_over = row.as_ref().is_none_or(|row| row.end.is_some());
        if is_over || Instant::now() >= until {
            return Ok(row);
        }
        // The news may be of any row; the time only bounds the wait.
        let _told_or_time = tokio::time::timeout(LOOK_AGAIN, news).await;
    }
}

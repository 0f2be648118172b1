//! Any program as a chat, over signed HTTP both ways (C-14.10): it posts what people say to
//! `/channels/webhook/<account>` on the Gateway's own port, and what is answered is posted to its URL.
//!
//! Both sides prove themselves by the secret they share ([`signature`]). The program vouches for who its people are; a
//! line of the config narrows who of them may talk.

mod account;
mod incoming;
mod outgoing;
mod signature;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base::Secret;
use bytes::Bytes;
use config::Config;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use store::Route;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    Account, Capabilities, Channel, Desk, Failure, Fetched, HttpCall, HttpReply, Markup, Media, Part, Probe, Receipt,
    Say, SendError, Target, Transport, Words,
};

/// Where the doors of the accounts stand.
const DOORS: &str = "/channels/webhook/";

/// The channel.
pub(crate) struct Webhook;

impl Channel for Webhook {
    fn id(&self) -> &'static str {
        "webhook"
    }

    fn label(&self) -> &'static str {
        "Webhook"
    }

    fn system_image(&self) -> &'static str {
        "link"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            groups: true,
            threads: true,
            media: true,
            reactions: true,
            edit: true,
            unsend: true,
            reply: true,
            polls: true,
            buttons: true,
            native_commands: false,
            typing: false,
            markup: Markup::Markdown,
        }
    }

    fn accounts(&self, config: &Config, env: &base::Env) -> Vec<Account> {
        config.channels.get(self.id()).map(|section| account::list(section, env)).unwrap_or_default()
    }

    fn open(&self, account: &Account) -> Result<Arc<dyn Transport>, Failure> {
        let secret = account.token.clone().ok_or_else(|| Failure {
            why: "it has no secret".into(),
            next: account::set_secret(&account.id),
            passes: false,
        })?;
        Ok(Arc::new(Line {
            account: account.id.clone(),
            secret,
            url: account::url(&account.settings),
            client: OnceLock::new(),
        }))
    }

    fn target(&self, text: &str) -> Result<Target, String> {
        let text = text.trim();
        let text = text.strip_prefix("webhook:").unwrap_or(text);
        if !incoming::is_id(text) {
            return Err("a chat of a webhook is the id its program gave it, at most 256 characters".into());
        }
        Ok(Target { to: text.to_owned(), thread_id: None })
    }

    fn peer(&self, entry: &str) -> Option<String> {
        let entry = entry.trim();
        let entry = entry.strip_prefix("webhook:").unwrap_or(entry);
        incoming::is_id(entry).then(|| entry.to_owned())
    }
}

/// One account: a secret, and where to post.
struct Line {
    account: String,
    secret: Secret,
    url: Option<Url>,
    /// Built when first needed: reading the system's certificates takes a while.
    client: OnceLock<reqwest::Client>,
}

impl Line {
    fn client(&self) -> Result<&reqwest::Client, SendError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = outgoing::client().map_err(|error| SendError::Permanent(format!("no HTTP client: {error}")))?;
        Ok(self.client.get_or_init(|| client))
    }

    async fn post(&self, key: &str, body: &Value) -> Result<Receipt, SendError> {
        let Some(url) = &self.url else {
            return Err(SendError::Unsupported("this webhook has no url to send to".into()));
        };
        outgoing::post(self.client()?, url, &self.secret, key, body).await
    }
}

impl Transport for Line {
    fn serve(self: Arc<Self>, desk: Desk, stop: CancellationToken) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let now = base::now_ms();
            desk.status().change(|seen| {
                (seen.connected, seen.mode, seen.last_connected_at) = (true, Some("webhook"), Some(now));
            });
            stop.cancelled().await;
            Ok(())
        })
    }

    fn plan(&self, _: &Route, say: &Say) -> Vec<Part> {
        let words = Words { text: say.text.clone(), plain: None };
        if say.media.is_empty() {
            let (reply_to, buttons) = (say.reply_to.clone(), say.buttons.clone());
            return vec![Part::Text { words, reply_to, buttons, silent: say.silent }];
        }
        vec![Part::Media {
            files: say.media.clone(),
            caption: words,
            as_voice: say.as_voice,
            reply_to: say.reply_to.clone(),
            silent: say.silent,
        }]
    }

    fn perform<'a>(&'a self, route: &'a Route, part: &'a Part) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move { self.perform_as(&uuid::Uuid::new_v4().to_string(), route, part).await })
    }

    fn perform_as<'a>(
        &'a self,
        key: &'a str,
        route: &'a Route,
        part: &'a Part,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let body = outgoing::body(&self.account, key, route, part).await?;
            self.post(key, &body).await
        })
    }

    fn typing<'a>(&'a self, _: &'a Route) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async { Ok(()) })
    }

    fn fetch<'a>(&'a self, media: &'a Media, limit: u64) -> BoxFuture<'a, Result<Fetched, SendError>> {
        Box::pin(async move { incoming::fetch(media, limit) })
    }

    fn probe(&self, patience: Duration) -> BoxFuture<'_, Probe> {
        Box::pin(async move {
            let began = Instant::now();
            let key = uuid::Uuid::new_v4().to_string();
            let ping = json!({"id": key, "kind": "ping", "account": self.account, "at": base::now_ms()});
            let asked = async {
                match &self.url {
                    Some(_) => self.post(&key, &ping).await.map(drop),
                    None => Ok(()),
                }
            };
            let error = match tokio::time::timeout(patience, asked).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("it did not answer in time".to_owned()),
            };
            let webhook = self.url.as_ref().and_then(Url::host_str).map_or(Value::Null, |host| json!({"host": host}));
            Probe { ok: error.is_none(), status: None, error, elapsed: began.elapsed(), bot: Value::Null, webhook }
        })
    }

    fn door(&self) -> Option<String> {
        Some(format!("{DOORS}{}", self.account))
    }

    fn called<'a>(&'a self, call: HttpCall, desk: &'a Desk) -> BoxFuture<'a, HttpReply> {
        Box::pin(async move {
            match incoming::take(&self.secret, &call, desk).await {
                Ok(taken) => reply(200, &json!({"ok": true, "new": taken})),
                Err(refused) => reply(refused.status, &json!({"ok": false, "error": refused.why})),
            }
        })
    }
}

fn reply(status: u16, body: &Value) -> HttpReply {
    let mut headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
    if status == 200 {
        headers.push(("x-openclaw-delivery-accepted", "durable".to_owned()));
    }
    HttpReply { status, headers, body: Bytes::from(body.to_string()) }
}

//! Telegram, by the Bot API.

mod account;
mod api;
mod buttons;
mod chunk;
mod fetch;
mod file_kind;
mod menu;
mod pace;
mod parse;
mod perform;
mod plan;
mod poll;
mod probe;
mod refusal;
mod render;
mod start;
mod target;
mod upload;
mod webhook;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Env;
use config::Config;
use config::telegram::TelegramAccount;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use store::Route;
use tokio_util::sync::CancellationToken;

use self::api::{Api, Reach};
use self::pace::Pace;
use self::plan::Manner;
use self::start::Me;
use crate::{
    Account, Capabilities, Channel, Desk, Failure, Fetched, HttpCall, HttpReply, Markup, Media, Part, Probe, Receipt,
    Say, SendError, Target, Transport, Words,
};

/// The name of this channel.
const ID: &str = "telegram";

/// The channel.
pub(crate) struct Telegram;

impl Channel for Telegram {
    fn id(&self) -> &'static str {
        ID
    }

    fn label(&self) -> &'static str {
        "Telegram"
    }

    fn detail_label(&self) -> &'static str {
        "Telegram Bot"
    }

    fn system_image(&self) -> &'static str {
        "paperplane"
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
            native_commands: true,
            typing: true,
            markup: Markup::Html,
        }
    }

    fn accounts(&self, config: &Config, env: &Env) -> Vec<Account> {
        account::accounts(config, env)
    }

    fn open(&self, account: &Account) -> Result<Arc<dyn Transport>, Failure> {
        Ok(Arc::new(Bot::new(account)?))
    }

    fn target(&self, text: &str) -> Result<Target, String> {
        target::target(text)
    }

    fn peer(&self, entry: &str) -> Option<String> {
        target::peer(entry)
    }
}

/// One bot at work.
struct Bot {
    api: Api,
    keys: TelegramAccount,
    /// Who we are, once Telegram has said so.
    me: Mutex<Option<Me>>,
    manner: Manner,
    pace: Pace,
}

impl Bot {
    fn new(account: &Account) -> Result<Self, Failure> {
        let unreadable = |why: String| Failure { why, next: "openclaw config validate".into(), passes: false };
        let keys: TelegramAccount = serde_json::from_value(account.settings.clone())
            .map_err(|error| unreadable(format!("the account's settings cannot be read: {error}")))?;
        let token = account.token.as_ref().ok_or_else(|| unreadable("the account has no token".into()))?;
        let api = Api::new(&Reach {
            token,
            api_root: keys.api_root.as_deref(),
            proxy: keys.proxy.as_deref(),
            patience: keys.timeout_seconds.map(Duration::from_secs),
        })?;
        let manner = Manner::of(&account.style, keys.markdown.tables);
        Ok(Self { api, keys, me: Mutex::default(), manner, pace: Pace::default() })
    }

    fn is(&self, me: &Me) {
        *self.me.lock().unwrap_or_else(PoisonError::into_inner) = Some(me.clone());
    }

    fn me(&self) -> Option<Me> {
        self.me.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Transport for Bot {
    fn serve(self: Arc<Self>, desk: Desk, stop: CancellationToken) -> BoxFuture<'static, Result<(), Failure>> {
        async move {
            let served = start::serve(&self, &desk);
            tokio::select! {
                // What is being made durable is finished by the desk whether or not anybody waits for it (C-3.10).
                () = stop.cancelled() => Ok(()),
                served = served => served,
            }
        }
        .boxed()
    }

    fn plan(&self, _: &Route, say: &Say) -> Vec<Part> {
        plan::plan(say, self.manner)
    }

    fn draft(&self, text: &str) -> Option<Words> {
        plan::draft(text, self.manner)
    }

    fn perform<'a>(&'a self, route: &'a Route, part: &'a Part) -> BoxFuture<'a, Result<Receipt, SendError>> {
        perform::perform(self, route, part).boxed()
    }

    fn typing<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<(), SendError>> {
        perform::typing(self, route).boxed()
    }

    fn fetch<'a>(&'a self, media: &'a Media, limit: u64) -> BoxFuture<'a, Result<Fetched, SendError>> {
        fetch::fetch(&self.api, media, limit).boxed()
    }

    fn probe(&self, patience: Duration) -> BoxFuture<'_, Probe> {
        probe::probe(&self.api, patience).boxed()
    }

    fn door(&self) -> Option<String> {
        self.keys.webhook_url.as_ref().map(|_| webhook::path(&self.keys))
    }

    fn called<'a>(&'a self, call: HttpCall, desk: &'a Desk) -> BoxFuture<'a, HttpReply> {
        webhook::called(self, call, desk).boxed()
    }
}

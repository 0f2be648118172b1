//! From a token to an account that listens (C-3.1): who we are, no webhook in the way, the menu, then polling. What
//! passes is waited out here; only what a person must mend ends it.

use std::time::{Duration, Instant};

use frankenstein::types::User;
use serde_json::json;

use super::api::ApiError;
use super::poll::{self, Ended};
use super::{Bot, menu, webhook};
use crate::{Desk, Failure};

/// The first pause after a failure, and how it grows (C-3.7).
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const GROWTH: f64 = 1.8;

/// Who we are over there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) id: i64,
    /// Without `@`.
    pub(super) username: String,
    /// Whether direct chats with us have topics (C-7.7).
    pub(super) has_topics: bool,
}

/// Listens until a person must mend something.
pub(super) async fn serve(bot: &Bot, desk: &Desk) -> Result<(), Failure> {
    let mut pause = Pause::default();
    loop {
        let me = who_we_are(bot, desk, &mut pause).await?;
        bot.is(&me);
        if bot.keys.webhook_url.is_some() {
            return webhook::serve(bot, desk, &mut pause).await;
        }
        clear_webhook(bot).await;
        menu::offer(bot, desk).await;
        let Ended::Stalled = poll::run(bot, &me, desk, &mut pause).await?;
        tracing::warn!(account = desk.account(), "Telegram has been silent for too long; polling starts anew");
    }
}

/// `getMe` until it is answered. A refused token stays refused (C-3.2).
async fn who_we_are(bot: &Bot, desk: &Desk, pause: &mut Pause) -> Result<Me, Failure> {
    loop {
        match bot.api.call::<User>("getMe", &json!({})).await {
            Ok(user) => {
                return Ok(Me {
                    id: i64::try_from(user.id).unwrap_or_default(),
                    username: user.username.unwrap_or_default(),
                    has_topics: user.has_topics_enabled == Some(true),
                });
            }
            Err(error) if error.is_about_the_token() => return Err(refused(desk)),
            Err(error) => pause.after(desk, &error).await,
        }
    }
}

/// Without a webhook, polling is allowed. That Telegram cannot be asked is not fatal: the first poll tells (C-3.2).
pub(super) async fn clear_webhook(bot: &Bot) {
    let done = bot.api.call::<bool>("deleteWebhook", &json!({"drop_pending_updates": false})).await;
    if let Err(error) = done {
        tracing::warn!(%error, "the webhook could not be taken away");
    }
}

/// The token is refused.
pub(super) fn refused(desk: &Desk) -> Failure {
    let place = match desk.account() {
        "default" => "channels.telegram.botToken".to_owned(),
        account => format!("channels.telegram.accounts.{account}.botToken"),
    };
    Failure {
        why: "Telegram refuses the token".into(),
        next: format!("openclaw config set {place} <token>"),
        passes: false,
    }
}

/// Pauses that grow while nothing gets better.
#[derive(Debug)]
pub(super) struct Pause {
    next: Duration,
    failures: u32,
    /// When Telegram last answered as it should.
    pub(super) well_at: Instant,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next: FIRST_PAUSE, failures: 0, well_at: Instant::now() }
    }
}

impl Pause {
    /// It got better.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }

    /// It started anew; the pause before the next try stays as long as it was.
    pub(super) fn restarts(&mut self) {
        self.well_at = Instant::now();
    }

    /// Says what went wrong with a call, and waits.
    pub(super) async fn after(&mut self, desk: &Desk, error: &ApiError) {
        let (why, wanted) = match error {
            ApiError::Refused { code: 409, description, .. } => {
                (format!("another poller reads this bot's messages: {description}"), None)
            }
            ApiError::Refused { parameters, .. } => (error.to_string(), parameters.retry_after),
            _ => (error.to_string(), None),
        };
        self.wait(desk, why, wanted.map(Duration::from_secs)).await;
    }

    /// Says why, and waits: as long as is wanted, or longer each time.
    pub(super) async fn wait(&mut self, desk: &Desk, why: String, wanted: Option<Duration>) {
        self.failures += 1;
        let failures = self.failures;
        let pause = wanted.unwrap_or_else(|| self.take());
        tracing::warn!(account = desk.account(), why, failures, ?pause, "Telegram is not at hand");
        desk.status().change(|seen| {
            (seen.connected, seen.reconnect_attempts, seen.last_error) = (false, failures, Some(why));
        });
        tokio::time::sleep(pause).await;
    }

    fn take(&mut self) -> Duration {
        let now = self.next;
        self.next = now.mul_f64(GROWTH).min(LONGEST_PAUSE);
        now.mul_f64(0.75 + 0.5 * roll())
    }
}

/// A number from 0 to 1, so that accounts that fell together do not return together.
fn roll() -> f64 {
    getrandom::u32().map_or(0.5, |dice| f64::from(dice) / f64::from(u32::MAX))
}

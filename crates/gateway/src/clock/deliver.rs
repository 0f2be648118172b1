//! Where an answer of the clock goes, and handing it over.

use std::time::Duration;

use channels::Body;
use serde_json::{Value, json};
use store::{End, NewOutgoing, Route};
use wire::SessionKey;
use wire::methods::cron::{Delivery, DeliveryMode, Job, Payload};

use super::kept::{Kept, Promised};
use super::runs::Ended;
use super::{Clock, webhook};
use crate::chats::DEFAULT_ACCOUNT;
use crate::services::Services;

/// How long a run waits to learn whether its answer arrived.
const ARRIVES_WITHIN: Duration = Duration::from_secs(20);
/// How often it looks; the outbox tells only its sender.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Whether an answer arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Delivered {
    /// `delivered`, `not-delivered`, `unknown` or `not-requested`.
    pub(super) status: &'static str,
    /// Why not.
    pub(super) error: Option<String>,
    /// Why it was kept back on purpose: `silent`, `heartbeat`.
    pub(super) suppressed: Option<&'static str>,
    /// What a heartbeat said.
    pub(super) said: Option<String>,
}

impl Delivered {
    /// Nobody wanted it.
    pub(super) fn not_requested() -> Self {
        Self { status: "not-requested", ..Self::default() }
    }

    /// It did not arrive, and why.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self { status: "not-delivered", error: Some(why.into()), ..Self::default() }
    }

    /// There was nothing to say.
    pub(super) fn kept_back(why: &'static str) -> Self {
        Self { status: "not-delivered", suppressed: Some(why), ..Self::default() }
    }

    /// As clients are told; unknown when it is.
    pub(super) fn delivered(&self) -> Option<bool> {
        match self.status {
            "delivered" => Some(true),
            "not-delivered" => Some(false),
            _ => None,
        }
    }
}

/// Where something was to go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Destination {
    /// The channel; the one last used when absent or `last`.
    pub(crate) channel: Option<String>,
    /// The chat there.
    pub(crate) to: Option<String>,
    /// The thread.
    pub(crate) thread_id: Option<String>,
    /// The account of ours.
    pub(crate) account_id: Option<String>,
}

impl Destination {
    pub(super) fn of(delivery: &Delivery) -> Self {
        let thread_id = delivery.thread_id.as_ref().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        let (channel, to, account_id) = (delivery.channel.clone(), delivery.to.clone(), delivery.account_id.clone());
        Self { channel, to, thread_id, account_id }.told_apart()
    }

    /// `telegram:123` names its channel.
    fn told_apart(mut self) -> Self {
        self.channel = self.channel.filter(|channel| channel != "last" && !channel.trim().is_empty());
        if let Some((channel, rest)) = self.to.as_deref().and_then(|to| to.split_once(':'))
            && channels::find(channel).is_some()
            && self.channel.as_deref().is_none_or(|named| named == channel)
        {
            (self.channel, self.to) = (Some(channel.to_owned()), Some(rest.to_owned()));
        }
        self
    }
}

/// The chat meant: the one that was named, else the one the session last talked in.
///
/// # Errors
/// One sentence: nothing says where.
pub(crate) async fn resolve(clock: &Clock, wanted: Destination, sessions: &[SessionKey]) -> Result<Route, String> {
    let mut last = None;
    for session in sessions {
        let known = clock.0.store.session(session).await.map_err(|error| error.to_string())?;
        last = last.or(known.and_then(|session| session.route));
    }
    let Destination { channel, to, thread_id, account_id } = wanted.told_apart();
    let named = |channel: String, to: String, account_id: Option<String>| Route {
        channel,
        to,
        account_id: Some(account_id.unwrap_or_else(|| DEFAULT_ACCOUNT.into())),
        thread_id: thread_id.clone(),
    };
    match (channel, to, last) {
        (Some(channel), Some(to), _) => Ok(named(channel, to, account_id)),
        (Some(channel), None, Some(last)) if last.channel == channel => Ok(last),
        (Some(channel), None, _) => Err(format!("no chat of {channel} was used yet; name one with `to`")),
        (None, Some(to), Some(last)) => Ok(named(last.channel, to, account_id.or(last.account_id))),
        (None, None, Some(last)) => Ok(last),
        (None, _, None) => Err("no chat was used yet; name one with `channel` and `to`".into()),
    }
}

/// The sessions whose last chat counts for a job.
pub(super) fn sessions_of(clock: &Clock, job: &Job) -> Vec<SessionKey> {
    let agents = &clock.0.agents;
    let named = job.session_target.strip_prefix("session:").into_iter().chain(job.session_key.as_deref());
    let named = named.filter_map(|key| agents.key(key, job.agent_id.as_deref()).ok());
    let main = agents.find(job.agent_id.as_deref()).ok().map(|agent| agents.main_session(&agent));
    named.chain(main).collect()
}

impl Clock {
    /// Where the answer of a job would go now, for people (A-17.4a).
    pub(super) async fn preview(&self, job: &Job) -> Value {
        let Some(delivery) = job.delivery.as_ref().filter(|delivery| delivery.mode != DeliveryMode::None) else {
            return json!({"label": "not requested", "detail": "not requested"});
        };
        if delivery.mode == DeliveryMode::Webhook {
            let to = delivery.to.as_deref().unwrap_or_default();
            return json!({"label": format!("webhook:{to}"), "detail": "webhook"});
        }
        let wanted = Destination::of(delivery);
        let shown = |channel: &str, to: Option<&str>| match to {
            Some(to) => format!("announce -> {channel}:{to}"),
            None => format!("announce -> {channel}"),
        };
        let asked = wanted.channel.clone().unwrap_or_else(|| "last".into());
        let is_named = wanted.channel.is_some() && wanted.to.is_some();
        let to = wanted.to.clone();
        match resolve(self, wanted, &sessions_of(self, job)).await {
            Ok(route) if is_named => json!({"label": shown(&route.channel, Some(&route.to)), "detail": "explicit"}),
            Ok(route) => {
                json!({"label": shown(&route.channel, Some(&route.to)), "detail": "resolved from last, main session"})
            }
            Err(why) => json!({"label": shown(&asked, to.as_deref()), "detail": why}),
        }
    }
}

/// Hands the answer of a job's run over.
pub(super) async fn hand_over(services: &Services, kept: &Kept, run: &Promised, ended: &Ended) -> Delivered {
    let job = &kept.job;
    let Some(delivery) = wanted(job) else { return Delivered::not_requested() };
    if delivery.mode == DeliveryMode::Webhook {
        let to = delivery.to.clone().unwrap_or_default();
        return match webhook::post(services, &to, &told(kept, run, ended)).await {
            Ok(()) => Delivered { status: "delivered", ..Delivered::default() },
            Err(why) => Delivered::failed(why),
        };
    }
    if ended.status != "ok" || ended.input.is_none() {
        return Delivered::not_requested();
    }
    if ended.summary.is_none() {
        return Delivered::kept_back("silent");
    }
    let implied = job.delivery.is_none();
    match resolve(&services.clock, Destination::of(&delivery), &sessions_of(&services.clock, job)).await {
        Ok(route) => send(services, &run.run_id, route, ended).await,
        Err(_) if implied => Delivered::not_requested(),
        Err(why) => Delivered::failed(why),
    }
}

/// What a job wants; what the main session says goes where it last talked.
fn wanted(job: &Job) -> Option<Delivery> {
    match (&job.delivery, &job.payload) {
        (Some(delivery), _) => (delivery.mode != DeliveryMode::None).then(|| delivery.clone()),
        (None, Payload::SystemEvent { .. }) => Some(Delivery { mode: DeliveryMode::Announce, ..Delivery::default() }),
        (None, _) => None,
    }
}

/// Puts the answer of a run into the outbox, once, and waits a while to learn whether it arrived.
pub(super) async fn send(services: &Services, run_id: &str, route: Route, ended: &Ended) -> Delivered {
    let outcome = ended.input.as_ref().and_then(|input| input.outcome.clone()).unwrap_or_default();
    let body = Body::Answer { reply_to: None, context: Value::Null, outcome };
    put(services, run_id, route, &body).await
}

/// The same for any words.
pub(super) async fn put(services: &Services, id: &str, route: Route, body: &Body) -> Delivered {
    let body = serde_json::to_value(body).unwrap_or_default();
    let new = NewOutgoing { id: id.to_owned(), route, body, inbox: Vec::new() };
    if let Err(error) = services.store.put_outgoing(new).await {
        return Delivered::failed(error.to_string());
    }
    let looks = ARRIVES_WITHIN.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..looks {
        match services.store.outgoing(id).await.ok().flatten().and_then(|sent| sent.end.map(|end| (end, sent.error))) {
            Some((End::Sent, _)) => return Delivered { status: "delivered", ..Delivered::default() },
            Some((End::Dropped, _)) => return Delivered::kept_back("empty"),
            Some((End::Failed, why)) => return Delivered::failed(why.unwrap_or_else(|| "it was refused".into())),
            Some((End::Unsure, why)) => return Delivered { status: "unknown", error: why, ..Delivered::default() },
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
    Delivered { status: "unknown", ..Delivered::default() }
}

/// What a URL is told of a run.
fn told(kept: &Kept, run: &Promised, ended: &Ended) -> Value {
    json!({
        "action": "finished", "jobId": kept.job.id, "jobName": kept.job.name, "runId": run.run_id, "runAtMs": run.at,
        "status": ended.status, "summary": ended.summary, "error": ended.error,
        "sessionKey": ended.input.as_ref().map(|input| &input.session),
        "sessionId": ended.input.as_ref().map(|input| &input.session_id),
    })
}

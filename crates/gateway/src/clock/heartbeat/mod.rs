//! Heartbeats: an agent looks by itself, every so often or because something woke it, whether anything needs its
//! user. Each agent's heartbeat is a job of the clock that belongs to the config.

mod hours;
mod settings;
mod words;

use std::path::Path;

use agent::ports::Rights;
use serde_json::{Value, json};
use store::Route;
use tokio_util::sync::CancellationToken;
use wire::methods::cron::{Job, JobState, Payload, Schedule, WakeMode};
use wire::{AgentId, ErrorShape, SessionKey};

use self::settings::{Beat, To};
use super::deliver::{self, Delivered, Destination};
use super::kept::{Kept, Promised, Woken};
use super::runs::{self, Ask, Ended};
use super::{Clock, schedule, wake};
use crate::fault;
use crate::intake::RunOptions;
use crate::services::Services;

/// How the ids of these jobs begin.
pub(super) const PREFIX: &str = "heartbeat:";
/// What was said within this time is not said again.
const SAME_FOR_MS: i64 = 24 * 3_600_000;
/// Shown of what was said, in characters.
const PREVIEW_MAX: usize = 200;
/// Largest `HEARTBEAT.md` that is looked into.
const FILE_MAX: u64 = 1 << 20;

/// The job of an agent's heartbeat.
pub(super) fn id_of(agent: &AgentId) -> String {
    format!("{PREFIX}{agent}")
}

/// Brings the jobs in line with the config: one for each agent, on or off, none for others.
pub(super) async fn sync(clock: &Clock) -> Result<(), ErrorShape> {
    let jobs = clock.jobs().await?;
    let agents = clock.0.agents.ids();
    for stale in jobs.iter().filter(|kept| kept.is_ours()) {
        if !agents.iter().any(|agent| id_of(agent) == stale.job.id) {
            clock.0.store.remove_cron_job(&stale.job.id).await.map_err(fault::store)?;
        }
    }
    for agent in agents {
        let beat = Beat::of(&clock.0.config.current(), &agent);
        let known = jobs.iter().find(|kept| kept.job.id == id_of(&agent));
        let enabled = beat.every_ms.is_some() && clock.may_beat();
        let schedule = schedule_of(&beat, &agent);
        if known.is_some_and(|kept| kept.job.enabled == enabled && kept.job.schedule == schedule) {
            continue;
        }
        let now = base::now_ms();
        let mut kept = known.cloned().unwrap_or_else(|| Kept::new(blank(&agent, schedule.clone(), now), RIGHTS));
        kept.job.schedule = schedule;
        kept.job.enabled = enabled;
        kept.job.updated_at_ms = now;
        kept.plan(now);
        clock.0.store.save_cron_job(kept.row()).await.map_err(fault::store)?;
    }
    Ok(())
}

/// A heartbeat works like a person who is not the owner: what it reads may be the agent's own words.
const RIGHTS: Rights = Rights { owner: false, from_node: false };
/// The same when something from outside waits to be told: that is information, and begins nothing.
const LESS: Rights = Rights { owner: false, from_node: true };

fn schedule_of(beat: &Beat, agent: &AgentId) -> Schedule {
    let every_ms = beat.every_ms.unwrap_or(settings::EVERY_MS);
    // Agents do not all beat at the same moment.
    let anchor = agent.as_str().bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Schedule::Every { every_ms, anchor_ms: i64::try_from(anchor % every_ms).ok() }
}

fn blank(agent: &AgentId, schedule: Schedule, now: i64) -> Job {
    Job {
        id: id_of(agent),
        declaration_key: Some(id_of(agent)),
        display_name: Some(format!("Heartbeat ({agent})")),
        agent_id: Some(agent.to_string()),
        session_key: None,
        name: format!("heartbeat-{agent}"),
        description: None,
        enabled: false,
        delete_after_run: None,
        created_at_ms: now,
        updated_at_ms: now,
        schedule,
        session_target: "main".into(),
        wake_mode: WakeMode::NextHeartbeat,
        payload: Payload::Heartbeat {},
        delivery: None,
        failure_alert: None,
        state: JobState::default(),
    }
}

/// One heartbeat; `None` when the Gateway goes down before it ends.
pub(super) async fn beat(services: &Services, stop: &CancellationToken, kept: &Kept, run: &Promised) -> Option<Ended> {
    let agent = AgentId::fold(kept.job.agent_id.as_deref().unwrap_or("main"));
    let beat = Beat::of(&services.config.current(), &agent);
    let woken = run.woken.as_ref();
    let session = match woken.and_then(|woken| woken.session.clone()) {
        Some(session) => session,
        None => match own_session(services, &beat, &agent) {
            Ok(session) => session,
            Err(error) => return Some(Ended::failed(error.message)),
        },
    };
    let begun = services.store.input(&run.run_id).await.ok().flatten().is_some();
    if !begun
        && !run.by_hand
        && let Some(why) = wait_reason(services, &beat, &agent, &session).await
    {
        return Some(Ended::skipped(why));
    }
    if beat.isolated
        && woken.is_none()
        && let Err(why) = runs::begin_anew(services, &session, &run.run_id).await
    {
        return Some(Ended::failed(why));
    }
    let options = RunOptions {
        model: beat.model.clone(),
        rights: rights(services, &session, woken).await,
        channel: Some("heartbeat".into()),
        may_be_silent: true,
        light_context: beat.light,
        ..RunOptions::default()
    };
    let text = words::prompt(beat.prompt.as_deref(), woken.map(|woken| woken.reason.as_str()));
    runs::ask(services, stop, Ask::new(&run.run_id, session, text, options, "heartbeat")).await.ended()
}

/// What the run may do: no more than whoever woke it, and less when it is to hear of something from outside.
async fn rights(services: &Services, session: &SessionKey, woken: Option<&Woken>) -> Rights {
    let events = services.store.waiting_events(session).await.unwrap_or_default();
    let by_owner =
        |event: &store::SystemEvent| ["cron:", wake::OWNERS].iter().any(|name| event.about.starts_with(name));
    match woken {
        _ if !events.iter().all(by_owner) => LESS,
        Some(woken) => woken.rights,
        None => RIGHTS,
    }
}

fn own_session(services: &Services, beat: &Beat, agent: &AgentId) -> Result<SessionKey, ErrorShape> {
    match (&beat.session, beat.isolated) {
        (Some(key), _) => services.agents.key(key, Some(agent.as_str())),
        (None, true) => services.agents.key("heartbeat", Some(agent.as_str())),
        (None, false) => Ok(services.agents.main_session(agent)),
    }
}

/// Why a heartbeat of the schedule does not happen now, in the words of the original.
async fn wait_reason(services: &Services, beat: &Beat, agent: &AgentId, session: &SessionKey) -> Option<&'static str> {
    let zone =
        beat.hours.as_ref().map(|hours| schedule::zone(hours.zone.as_deref()).unwrap_or(jiff::tz::TimeZone::UTC));
    if let (Some(hours), Some(zone)) = (&beat.hours, zone)
        && !hours.hold(base::now_ms(), &zone)
    {
        return Some("quiet-hours");
    }
    if !services.lanes.runs().of(session).is_empty() {
        return Some("requests-in-flight");
    }
    if beat.to != To::Nobody && route(services, beat, agent).await.is_err() {
        return Some("no-route");
    }
    let waits = services.store.waiting_events(session).await.is_ok_and(|events| !events.is_empty());
    let file = services.agents.workspace(agent).join("HEARTBEAT.md");
    let empty = tokio::task::spawn_blocking(move || says_nothing(&file)).await.unwrap_or(false);
    (empty && !waits).then_some("empty-heartbeat-file")
}

/// Whether the file is there and holds nothing to do.
fn says_nothing(file: &Path) -> bool {
    let small = std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.len() <= FILE_MAX);
    small && std::fs::read_to_string(file).is_ok_and(|text| words::is_empty(&text))
}

async fn route(services: &Services, beat: &Beat, agent: &AgentId) -> Result<Route, String> {
    let channel = match &beat.to {
        To::Nobody => return Err("nobody is to hear of it".into()),
        To::Last => None,
        To::Channel(channel) => Some(channel.clone()),
    };
    let wanted =
        Destination { channel, to: beat.chat.clone(), account_id: beat.account.clone(), ..Destination::default() };
    let main = services.agents.main_session(agent);
    let own = own_session(services, beat, agent).ok();
    let sessions: Vec<SessionKey> = own.into_iter().chain([main]).collect();
    deliver::resolve(&services.clock, wanted, &sessions).await
}

/// Says what a heartbeat brought, if it is more than "all is well" and not what was just said; clients hear of it.
pub(super) async fn hand_over(services: &Services, kept: &Kept, run: &Promised, ended: &Ended) -> Delivered {
    let agent = AgentId::fold(kept.job.agent_id.as_deref().unwrap_or("main"));
    let beat = Beat::of(&services.config.current(), &agent);
    let told = words::worth_telling(ended, beat.ack_max);
    let mut event = json!({"ts": base::now_ms(), "durationMs": (base::now_ms() - run.at).max(0)});
    let delivered = match (ended.status, told) {
        ("skipped", _) => {
            event["status"] = json!("skipped");
            event["reason"] = json!(ended.error);
            Delivered::not_requested()
        }
        ("error", _) => {
            event["status"] = json!("failed");
            event["reason"] = json!(ended.error);
            Delivered::not_requested()
        }
        (_, None) => {
            event["status"] = json!("ok-token");
            Delivered::kept_back("heartbeat")
        }
        (_, Some(text)) => {
            event["preview"] = json!(text.chars().take(PREVIEW_MAX).collect::<String>());
            say(services, (kept, run, ended), (&beat, &agent), &text, &mut event).await
        }
    };
    let indicator = match event["status"].as_str() {
        Some("ok-token") => Some("ok"),
        Some("sent") => Some("alert"),
        Some("failed") => Some("error"),
        _ => None,
    };
    if let Some(indicator) = indicator {
        event["indicatorType"] = json!(indicator);
    }
    if let Some(woken) = &run.woken {
        event["reason"] = json!(woken.reason);
    }
    services.clock.beat(event);
    delivered
}

async fn say(
    services: &Services,
    (kept, run, ended): (&Kept, &Promised, &Ended),
    (beat, agent): (&Beat, &AgentId),
    text: &str,
    event: &mut Value,
) -> Delivered {
    let repeats = kept.said.as_ref().is_some_and(|(said, at)| said == text && run.at - at < SAME_FOR_MS);
    if repeats {
        event["status"] = json!("skipped");
        event["reason"] = json!("duplicate");
        return Delivered::kept_back("duplicate");
    }
    event["status"] = json!("sent");
    let delivered = match route(services, beat, agent).await {
        Ok(route) => {
            event["channel"] = json!(route.channel);
            event["to"] = json!(route.to);
            deliver::send(services, &run.run_id, route, ended).await
        }
        // It stands in the session, where its user finds it.
        Err(_) => Delivered::not_requested(),
    };
    if delivered.status == "not-delivered" {
        event["status"] = json!("failed");
        event["reason"] = json!(delivered.error);
    }
    Delivered { said: Some(text.to_owned()), ..delivered }
}

/// An agent's heartbeat as `health` and `status` tell it.
pub(crate) fn summary(config: &config::Config, agent: &AgentId) -> Value {
    let beat = Beat::of(config, agent);
    let target = match &beat.to {
        To::Nobody => "none",
        To::Last => "last",
        To::Channel(channel) => channel,
    };
    let every = beat.every_ms.map_or_else(|| "disabled".into(), words::span);
    json!({"enabled": beat.every_ms.is_some(), "every": every, "everyMs": beat.every_ms, "prompt": beat.prompt.clone().unwrap_or_default(),
        "target": target, "ackMaxChars": beat.ack_max})
}

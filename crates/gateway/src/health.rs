//! `health`: one look a minute, kept for everyone who asks in between (PROBE-2).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use store::{SessionFilter, Store, StoreError};
use wire::{AgentId, events};

use crate::chats::Chats;
use crate::config_now::ConfigNow;
use crate::hub::Hub;
use crate::presence::Versions;
use crate::tailscale::Tailscale;

/// Between two looks (`protocol.md` 5).
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Sessions named in a look.
const RECENT: u64 = 5;
/// Between two counts of the sessions while this process writes nothing: how long the ages of sessions, and what a
/// command beside the Gateway writes, may lag behind.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// From here on the runtime counts as degraded: a person notices.
const SLOW_TIMER: Duration = Duration::from_millis(500);

/// The last look; cheap to clone.
#[derive(Clone)]
pub(crate) struct Health {
    store: Store,
    hub: Hub,
    versions: Versions,
    config: ConfigNow,
    chats: Chats,
    tailscale: Tailscale,
    last: Arc<Mutex<Look>>,
    counted: Arc<tokio::sync::Mutex<Option<Counted>>>,
    runtime: Arc<Mutex<Runtime>>,
}

/// What was seen, as values and as the JSON everybody is sent.
#[derive(Clone)]
struct Look {
    seen: Arc<Value>,
    json: Arc<RawValue>,
}

impl Look {
    fn of(seen: Value) -> Self {
        let json = to_raw_value(&seen).expect("JSON values always serialise").into();
        Self { seen: Arc::new(seen), json }
    }
}

/// A look with the sessions as they were after so many commits.
struct Counted {
    commits: u64,
    at: Instant,
    look: Arc<Value>,
    json: Arc<RawValue>,
}

impl Counted {
    fn is_true(&self, commits: u64, look: &Look) -> bool {
        self.commits == commits && Arc::ptr_eq(&self.look, &look.seen) && self.at.elapsed() < COUNT_EVERY
    }
}

/// The pause between two heartbeats in seconds; 0 without any.
fn beats_every(config: &config::Config, agent: &AgentId) -> u64 {
    crate::clock::heartbeat_of(config, agent)["everyMs"].as_u64().unwrap_or(0) / 1000
}

impl Health {
    /// Looks for the first time.
    pub(crate) async fn start(
        store: Store,
        hub: Hub,
        versions: Versions,
        config: ConfigNow,
        chats: Chats,
        tailscale: Tailscale,
    ) -> Result<Self, StoreError> {
        let runtime = Arc::new(Mutex::new(Runtime::new()));
        let last = Arc::new(Mutex::new(Look::of(Value::Null)));
        let health = Self { store, hub, versions, config, chats, tailscale, last, counted: Arc::default(), runtime };
        health.look().await?;
        Ok(health)
    }

    /// What the last look saw.
    pub(crate) fn last(&self) -> Arc<RawValue> {
        self.last_look().json
    }

    /// The last look, with the sessions as they are now: a count that contradicts `status` is a lie. They are counted
    /// again only after something was written; whoever asks meanwhile waits for that one count.
    pub(crate) async fn last_with_sessions(&self) -> Result<Arc<RawValue>, StoreError> {
        let mut counted = self.counted.lock().await;
        // Taken before the count: a commit in between makes it old, never wrong.
        let (commits, look) = (self.store.stats().commits, self.last_look());
        if let Some(counted) = counted.as_ref().filter(|counted| counted.is_true(commits, &look)) {
            return Ok(counted.json.clone());
        }
        let at = Instant::now();
        let mut seen = (*look.seen).clone();
        seen["sessions"] = self.sessions(None).await?;
        (seen["channels"], seen["channelOrder"], seen["channelLabels"]) = self.chats.health();
        for row in seen["agents"].as_array_mut().into_iter().flatten() {
            let agent = row["agentId"].as_str().map(AgentId::fold);
            row["sessions"] = self.sessions(agent.as_ref()).await?;
        }
        let json = Look::of(seen).json;
        *counted = Some(Counted { commits, at, look: look.seen, json: json.clone() });
        Ok(json)
    }

    /// Looks afresh and tells everyone.
    pub(crate) async fn probe(&self) -> Result<Arc<RawValue>, StoreError> {
        let seen = self.look().await?;
        self.hub.broadcast_versioned(&events::HEALTH, &seen, self.versions.health_changed());
        Ok(seen)
    }

    /// Notes how late a timer fired, the truest sign of an overloaded runtime.
    pub(crate) fn timer_was_late(&self, by: Duration) {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).late(by);
    }

    /// `eventLoop` of `health`, `status` and friends: the names are the original's, the numbers ours.
    pub(crate) fn event_loop(&self) -> Value {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).sample()
    }

    fn last_look(&self) -> Look {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look(&self) -> Result<Arc<RawValue>, StoreError> {
        let began = Instant::now();
        let mut agents = Vec::new();
        let (channels, order, labels) = self.chats.health();
        let default_agent = self.config.default_agent();
        for agent in self.config.agents() {
            let sessions = self.sessions(Some(&agent)).await?;
            agents.push(json!({
                "agentId": agent, "isDefault": agent == default_agent, "sessions": sessions,
                "heartbeat": crate::clock::heartbeat_of(&self.config.current(), &agent),
            }));
        }
        let mut seen = json!({
            "ok": true, "ts": base::now_ms(), "durationMs": u64::try_from(began.elapsed().as_millis()).unwrap_or(0),
            "plugins": {"loaded": [], "errors": [], "unavailable": []},
            "configReload": self.config_reload(),
            "channels": channels, "channelOrder": order, "channelLabels": labels,
            "heartbeatSeconds": beats_every(&self.config.current(), &default_agent),
            "defaultAgentId": default_agent, "agents": agents, "sessions": self.sessions(None).await?,
            "modelRuntime": {"degraded": false, "pendingAgents": []}, "eventLoop": self.event_loop(),
        });
        // Ours: clients of the original see it only where the owner asked for it.
        let tailscale = self.tailscale.report();
        if !tailscale.is_null() {
            seen["tailscale"] = tailscale;
        }
        let look = Look::of(seen);
        let json = look.json.clone();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = look;
        Ok(json)
    }

    /// Whether the file is followed, and why the one in force may not be the one on disk (CFG-8).
    fn config_reload(&self) -> Value {
        let off = self.config.current().gateway.reload.mode == config::ReloadMode::Off;
        match self.config.problem() {
            Some(problem) => json!({"hotReloadStatus": "rejected", "error": problem}),
            None => json!({"hotReloadStatus": if off { "off" } else { "active" }}),
        }
    }

    async fn sessions(&self, agent: Option<&AgentId>) -> Result<Value, StoreError> {
        let filter = SessionFilter { agent: agent.cloned(), limit: Some(RECENT), ..SessionFilter::default() };
        let page = self.store.sessions(&filter).await?;
        let now = base::now_ms();
        let row = |session: &store::Session| json!({"key": session.key, "updatedAt": session.updated_at, "age": (now - session.updated_at).max(0)});
        Ok(json!({
            "path": self.config.paths().database(), "count": page.total,
            "recent": page.rows.iter().map(row).collect::<Vec<_>>(),
        }))
    }
}

/// Timer lateness and processor time since the last sample.
struct Runtime {
    sampled: Instant,
    cpu: Duration,
    worst: Duration,
    degraded_since_ms: Option<i64>,
}

impl Runtime {
    fn new() -> Self {
        Self { sampled: Instant::now(), cpu: cpu_time(), worst: Duration::ZERO, degraded_since_ms: None }
    }

    fn late(&mut self, by: Duration) {
        self.worst = self.worst.max(by);
        if by < SLOW_TIMER {
            self.degraded_since_ms = None;
        } else if self.degraded_since_ms.is_none() {
            self.degraded_since_ms = Some(base::now_ms());
        }
    }

    fn sample(&mut self) -> Value {
        let (now, cpu) = (Instant::now(), cpu_time());
        let wall = now.duration_since(self.sampled).max(Duration::from_millis(1));
        let ratio = cpu.saturating_sub(self.cpu).as_secs_f64() / wall.as_secs_f64();
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let late_ms = self.worst.as_secs_f64() * 1000.0;
        let degraded = self.degraded_since_ms.is_some();
        let reasons: &[&str] = if degraded { &["event_loop_delay"] } else { &[] };
        let per_cpu = (ratio / cpus as f64).min(1.0);
        let sample = json!({
            "degraded": degraded, "degradedSinceMs": self.degraded_since_ms, "reasons": reasons,
            "intervalMs": wall.as_secs_f64() * 1000.0, "delayP99Ms": late_ms, "delayMaxMs": late_ms,
            "utilization": per_cpu, "cpuCoreRatio": ratio,
            "cpuBreakdown": {"mainThreadCoreRatio": ratio, "hostUtilization": per_cpu, "hostCpuCount": cpus},
        });
        if wall >= Duration::from_secs(1) {
            (self.sampled, self.cpu, self.worst) = (now, cpu, Duration::ZERO);
        }
        sample
    }
}

/// Processor time of this process.
fn cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(spent.tv_sec).unwrap_or(0), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

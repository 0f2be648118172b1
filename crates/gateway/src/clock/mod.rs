//! The clock: jobs that begin by themselves, heartbeats, and what wakes an agent.
//!
//! [`book`] keeps the jobs, [`timer`] promises the runs that are due, [`runs`] carries a promised run out and settles it.
//! A run is promised on disk before anything is done for it, under an id made of its job and the time it was due, becomes
//! an input under that id, and is settled when that input has ended: a process that is killed anywhere between neither
//! loses a run nor begins one twice.

mod alert;
mod book;
mod check;
mod deliver;
mod heartbeat;
mod import;
mod kept;
mod page;
mod port;
mod runs;
mod schedule;
mod settle;
mod timer;
mod wake;
mod webhook;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use store::Store;
use tokio::sync::Notify;
use wire::events;

pub(crate) use book::named;
pub(crate) use deliver::{Destination, resolve as destination};
pub(crate) use heartbeat::summary as heartbeat_of;
pub(crate) use runs::Ask;
pub(crate) use timer::run;
pub(crate) use wake::wake;

use crate::agents::Agents;
use crate::config_now::ConfigNow;
use crate::hub::Hub;

/// The jobs and the heartbeats; cheap to clone.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Inner>);

struct Inner {
    store: Store,
    config: ConfigNow,
    agents: Agents,
    hub: Hub,
    /// Something is due, or may be.
    bell: Notify,
    /// The last heartbeat, as clients are told of it.
    last_beat: Mutex<Value>,
    /// `set-heartbeats`: whether agents wake by themselves, until the next start.
    beats: AtomicBool,
}

impl Clock {
    /// Over this store; nothing begins before [`run`].
    pub(crate) fn new(store: Store, config: ConfigNow, hub: Hub) -> Self {
        let agents = Agents::new(config.clone(), config.env().clone());
        let (bell, last_beat, beats) = (Notify::new(), Mutex::new(Value::Null), AtomicBool::new(true));
        Self(Arc::new(Inner { store, config, agents, hub, bell, last_beat, beats }))
    }

    /// Something may be due: the timer looks.
    pub(crate) fn ring(&self) {
        self.0.bell.notify_one();
    }

    /// The last heartbeat, `null` before the first.
    pub(crate) fn last_beat(&self) -> Value {
        self.0.last_beat.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets agents wake by themselves, or not.
    pub(crate) fn let_beat(&self, beats: bool) {
        self.0.beats.store(beats, Ordering::Relaxed);
        self.ring();
    }

    /// Whether they may.
    pub(crate) fn may_beat(&self) -> bool {
        self.0.beats.load(Ordering::Relaxed)
    }

    /// Tells clients of a heartbeat and remembers it.
    fn beat(&self, event: Value) {
        self.0.hub.broadcast(&events::HEARTBEAT, &event);
        *self.0.last_beat.lock().unwrap_or_else(PoisonError::into_inner) = event;
    }

    /// Tells clients of a job.
    fn tell(&self, event: &Value) {
        self.0.hub.broadcast(&events::CRON, event);
    }
}

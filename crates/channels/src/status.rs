//! How an account is doing (C-12.3). Written by its transport and by whoever starts and stops it, read by
//! `channels.status`.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// What is known of an account at work. Times are milliseconds; absent ones never happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Whether it was started and has not stopped.
    pub running: bool,
    /// Whether the vendor answers.
    pub connected: bool,
    /// `polling` or `webhook`, once it is known.
    pub mode: Option<&'static str>,
    /// How often in a row the vendor did not answer.
    pub reconnect_attempts: u32,
    /// When the vendor last began to answer.
    pub last_connected_at: Option<i64>,
    /// When it last brought anything.
    pub last_event_at: Option<i64>,
    /// When anything was last exchanged with it.
    pub last_transport_activity_at: Option<i64>,
    /// When somebody last wrote.
    pub last_inbound_at: Option<i64>,
    /// When we last wrote.
    pub last_outbound_at: Option<i64>,
    /// When it was last started.
    pub last_start_at: Option<i64>,
    /// When it last stopped.
    pub last_stop_at: Option<i64>,
    /// What went wrong last and is not over, without any secret.
    pub last_error: Option<String>,
    /// What mends it.
    pub next: Option<String>,
}

/// A [`Snapshot`] that changes.
#[derive(Debug, Default)]
pub struct Status(Mutex<Snapshot>);

impl Status {
    /// As it is now.
    pub fn now(&self) -> Snapshot {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it.
    pub fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

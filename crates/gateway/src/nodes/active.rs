//! Which computer its owner sits at (N-9.3): the connected Mac that was touched last, by what the Macs' apps say (N-7.8).
//! Kept while the node is connected, and nowhere else.

use std::sync::Arc;

use serde_json::json;
use wire::methods::node_events::Activity;

use super::{Live, Nodes};
use crate::nodes::platform::Platform;
use crate::rpc::Caller;

/// When somebody last touched a computer, in milliseconds, and when it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Touched {
    /// When it was touched.
    pub(crate) last_active_at_ms: i64,
    /// When that was said.
    pub(crate) said_at_ms: i64,
}

impl Nodes {
    /// Notes what a Mac's app says of its owner.
    pub(crate) fn note_activity(&self, who: &Caller, activity: &Activity) {
        let now = base::now_ms();
        let touched = match activity {
            Activity::Idle(idle) => {
                let idle_ms = i64::try_from(idle.idle_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
                Some(Touched { last_active_at_ms: now.saturating_sub(idle_ms), said_at_ms: now })
            }
            Activity::Cleared(_) => None,
        };
        let node_id = who.device_id.as_deref().unwrap_or_default();
        if let Some(live) = self.live().get_mut(node_id).filter(|live| live.caller.conn_id == who.conn_id) {
            Arc::make_mut(live).touched = touched;
        }
    }

    /// The computer its owner sits at, if any says so; for the prompt and for alerts.
    pub(crate) fn active_node(&self) -> Option<String> {
        newest(self.live().iter())
    }

    /// The Macs that can show a message, the active one first; `except` is not one of them.
    pub(super) fn notifiable(&self, except: &str) -> Vec<String> {
        let policy = self.policy();
        let mut macs: Vec<(String, Arc<Live>)> =
            self.live().iter().map(|(id, live)| (id.clone(), live.clone())).collect();
        macs.retain(|(id, live)| id != except && live.platform() == Platform::Macos && live.may(&policy, NOTIFY));
        macs.sort_by_key(|(id, live)| {
            (std::cmp::Reverse(live.touched.map(|touched| touched.last_active_at_ms)), id.clone())
        });
        macs.into_iter().map(|(id, _)| id).collect()
    }
}

/// The command that shows a message on a screen.
pub(super) const NOTIFY: &str = "system.notify";

/// Who was touched last; of two at the same moment always the same one.
fn newest<'a>(live: impl Iterator<Item = (&'a String, &'a Arc<Live>)>) -> Option<String> {
    let touched = live.filter(|(_, live)| live.approved.is_some() && live.platform() == Platform::Macos);
    let touched = touched.filter_map(|(id, live)| Some((live.touched?.last_active_at_ms, id)));
    touched.max().map(|(_, id)| id.clone())
}

impl Live {
    /// `lastActiveAtMs`, `presenceUpdatedAtMs` and `active` of a row (N-6.2).
    pub(super) fn presence(&self, is_active: bool) -> [(&'static str, serde_json::Value); 3] {
        let touched = self.touched;
        [
            ("lastActiveAtMs", json!(touched.map(|touched| touched.last_active_at_ms))),
            ("presenceUpdatedAtMs", json!(touched.map(|touched| touched.said_at_ms))),
            ("active", json!(touched.map(|_| is_active))),
        ]
    }
}

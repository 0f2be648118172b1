//! The only place that broadcasts: scope filter, number, each connection's bounded queue.
//!
//! A payload is serialised once and shared; each connection composes its own frame around it. The lock is held while
//! an event is pushed to all its readers, so that everyone sees events in one order; pushing never waits.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use wire::events::{Audience, EventRow};
use wire::frame::StateVersion;
use wire::{Role, SessionKey};

use crate::conn::outbound::{Close, Outbound, SharedEvent};
use crate::rpc::{Caller, ConnId};

/// Something a connection may subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// Every session's changes and messages (`sessions.subscribe`).
    Sessions,
    /// One session's messages (`sessions.messages.subscribe`).
    SessionMessages(SessionKey),
}

/// A connection as filters see it.
pub(crate) struct Member {
    /// Who it is.
    pub(crate) caller: Arc<Caller>,
    topics: HashSet<Topic>,
    outbound: Outbound,
}

impl Member {
    /// Whether the connection subscribed to `topic`.
    pub(crate) fn follows(&self, topic: &Topic) -> bool {
        self.topics.contains(topic)
    }

    /// Whether the connection belongs to `audience`.
    pub(crate) fn hears(&self, audience: Audience) -> bool {
        match audience {
            Audience::Everyone => true,
            Audience::Holders(scope) => self.caller.role == Role::Operator && self.caller.scopes.allows(scope),
            Audience::Targeted => false,
        }
    }
}

type Members = HashMap<ConnId, Member>;

/// Every open connection, and the way to reach them.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    members: Arc<Mutex<Members>>,
}

impl Hub {
    /// Adds a connection until the returned guard is dropped.
    pub(crate) fn join(&self, caller: Arc<Caller>, outbound: Outbound) -> Membership {
        let conn_id = caller.conn_id;
        self.lock().insert(conn_id, Member { caller, outbound, topics: HashSet::new() });
        Membership { hub: self.clone(), conn_id }
    }

    /// Sends an event to everyone in its audience.
    pub(crate) fn broadcast(&self, row: &'static EventRow, payload: &impl Serialize) {
        self.send(row, payload, None, |_| true);
    }

    /// Sends an event that carries the versions of the state snapshots.
    pub(crate) fn broadcast_versioned(&self, row: &'static EventRow, payload: &impl Serialize, version: StateVersion) {
        self.send(row, payload, Some(version), |_| true);
    }

    /// Sends an event to those in its audience that pass `filter`; the others' numbers do not move.
    pub(crate) fn broadcast_to(
        &self,
        row: &'static EventRow,
        payload: &impl Serialize,
        filter: impl Fn(&Member) -> bool,
    ) {
        self.send(row, payload, None, filter);
    }

    /// Whether any open connection passes `filter`; saves making an event nobody would hear.
    pub(crate) fn any(&self, filter: impl Fn(&Member) -> bool) -> bool {
        self.lock().values().any(filter)
    }

    /// Sends an event to one connection, without a number; a connection that is gone hears nothing.
    pub(crate) fn to(&self, conn_id: ConnId, row: &'static EventRow, payload: &impl Serialize) {
        let Some(event) = shared(row, payload, None) else { return };
        if let Some(member) = self.lock().get(&conn_id) {
            member.outbound.target(&event);
        }
    }

    /// Subscribes a connection to a topic.
    pub(crate) fn subscribe(&self, conn_id: ConnId, topic: Topic) {
        if let Some(member) = self.lock().get_mut(&conn_id) {
            member.topics.insert(topic);
        }
    }

    /// Ends a subscription; whether there was one.
    pub(crate) fn unsubscribe(&self, conn_id: ConnId, topic: &Topic) -> bool {
        self.lock().get_mut(&conn_id).is_some_and(|member| member.topics.remove(topic))
    }

    /// Closes every connection that passes `filter`, after what already waits for it.
    pub(crate) fn close(&self, close: &Close, filter: impl Fn(&Caller) -> bool) {
        for member in self.lock().values().filter(|member| filter(&member.caller)) {
            member.outbound.close(close.clone());
        }
    }

    /// Everyone connected now.
    pub(crate) fn callers(&self) -> Vec<Arc<Caller>> {
        self.lock().values().map(|member| member.caller.clone()).collect()
    }

    /// How many connections are open.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn send(
        &self,
        row: &'static EventRow,
        payload: &impl Serialize,
        version: Option<StateVersion>,
        filter: impl Fn(&Member) -> bool,
    ) {
        let members = self.lock();
        let mut readers = members.values().filter(|member| member.hears(row.audience) && filter(member)).peekable();
        if readers.peek().is_none() {
            return;
        }
        let Some(event) = shared(row, payload, version) else { return };
        for member in readers {
            member.outbound.broadcast(&event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shared(row: &'static EventRow, payload: &impl Serialize, version: Option<StateVersion>) -> Option<SharedEvent> {
    match serde_json::to_string(payload) {
        Ok(payload) => Some(SharedEvent { row, payload: payload.into(), version }),
        Err(error) => {
            tracing::error!(%error, event = row.name, "an event could not be written as JSON");
            None
        }
    }
}

/// A connection's place in the hub; leaving is dropping it.
pub(crate) struct Membership {
    hub: Hub,
    conn_id: ConnId,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hub.lock().remove(&self.conn_id);
    }
}

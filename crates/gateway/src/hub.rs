//! The only place that broadcasts: scope filter, number, each connection's bounded queue.
//!
//! A payload is serialised once and shared; each connection composes its own frame around it. The lock is held while
//! an event is pushed to all its readers, so that everyone sees events in one order; pushing never waits. What was sent
//! is kept for a while for readers that may come back ([`streams`]).

pub mod streams;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use wire::events::{Audience, EventRow};
use wire::frame::StateVersion;
use wire::methods::resume::{CAP, RESUMING, ResumeParams, Resumed};
use wire::{Role, SessionKey};

use self::streams::{Joins, Reader, Return, Streams};
use crate::conn::outbound::{Close, FRAME_OVERHEAD_BYTES, Outbound, SharedEvent};
use crate::rpc::{Caller, ConnId};

/// Something a connection may subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// Every session's changes and messages (`sessions.subscribe`).
    Sessions,
    /// One session's messages (`sessions.messages.subscribe`).
    SessionMessages(SessionKey),
    /// One session's runs, for a node that shows them (`chat.subscribe`, N-7.5).
    Chat(SessionKey),
    /// One session's questions to people (`sessions.messages.subscribe` with `includeApprovals`).
    SessionApprovals(SessionKey),
}

/// Who of an event's audience hears it.
#[derive(Debug, Clone)]
pub(crate) enum Reach {
    /// Everyone in it.
    All,
    /// Those that advertised this cap.
    Cap(&'static str),
    /// Those that follow one of these.
    Followers(Vec<Topic>),
}

/// An event on its way, and whom it reaches.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    event: SharedEvent,
    reach: Reach,
}

/// A connection as filters see it.
pub(crate) struct Member {
    /// Who it is.
    pub(crate) caller: Arc<Caller>,
    /// What it follows, and from which event on.
    topics: HashMap<Topic, u64>,
    outbound: Outbound,
}

impl Member {
    /// Whether the connection subscribed to `topic`.
    pub(crate) fn follows(&self, topic: &Topic) -> bool {
        self.topics.contains_key(topic)
    }

    /// Whether the connection belongs to `audience`.
    pub(crate) fn hears(&self, audience: Audience) -> bool {
        match audience {
            Audience::Everyone => true,
            Audience::Holders(scope) => self.caller.role == Role::Operator && self.caller.scopes.allows(scope),
            Audience::Targeted => false,
        }
    }

    fn is_reached(&self, number: u64, row: &EventRow, reach: &Reach) -> bool {
        let since = |topic| self.topics.get(topic).is_some_and(|since| *since <= number);
        self.hears(row.audience)
            && match reach {
                Reach::All => true,
                Reach::Cap(cap) => self.caller.has_cap(cap),
                Reach::Followers(topics) => topics.iter().any(since),
            }
    }
}

impl Reader<Told> for Member {
    fn hears(&self, number: u64, told: &Told) -> bool {
        self.is_reached(number, told.event.row, &told.reach)
    }

    /// The same device in the same role, or without a device the same client let in the same way; and no more scopes.
    fn continues(&self, before: &Self) -> bool {
        let (new, old) = (&self.caller, &before.caller);
        let caps = |caller: &Caller| {
            let mut caps = caller.caps.clone();
            caps.retain(|cap| cap != RESUMING);
            caps.sort();
            caps
        };
        let same = new.device_id == old.device_id && new.role == old.role && caps(new) == caps(old);
        let known = new.device_id.is_some() || (new.auth == old.auth && new.client.id == old.client.id);
        same && known && old.scopes.covers(&new.scopes)
    }

    fn inherit(&mut self, before: &Self) {
        self.topics.clone_from(&before.topics);
    }
}

type Members = Streams<ConnId, Member, Told>;

/// Every open connection, and the way to reach them.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    members: Arc<Mutex<Members>>,
}

impl Hub {
    /// Adds a connection until the returned guard is dropped.
    pub(crate) fn join(&self, caller: Arc<Caller>, outbound: Outbound) -> Membership {
        let conn_id = caller.conn_id;
        let joins = match (caller.has_cap(CAP), caller.has_cap(RESUMING)) {
            (true, true) => Joins::Returning,
            (true, false) => Joins::Staying,
            (false, _) => Joins::Passing,
        };
        self.lock().join(conn_id, Member { caller, outbound, topics: HashMap::new() }, joins);
        Membership { hub: self.clone(), conn_id }
    }

    /// Lets a connection go on where another one broke off (RECON-6). The answer is queued before what was missed, and
    /// nothing can come between them.
    pub(crate) fn resume(&self, conn_id: ConnId, epoch: &str, asked: &ResumeParams, answer: impl FnOnce(&Resumed)) {
        let mut members = self.lock();
        let before = asked.conn_id.parse().ok().filter(|_| asked.epoch == epoch);
        let outcome = match before {
            Some(before) => members.resume(Instant::now(), conn_id, before, asked.seq),
            None => members.start_anew(conn_id),
        };
        let missed = match outcome {
            Return::Missed(missed) => missed,
            Return::Refetch(reason) => {
                return answer(&Resumed { refetch: Some(true), reason: Some(reason.into()), ..Resumed::default() });
            }
        };
        answer(&Resumed { replayed: Some(missed.len() as u64), ..Resumed::default() });
        if let Some(member) = members.get(conn_id) {
            missed.iter().for_each(|(seq, told)| member.outbound.again(&told.event, *seq));
        }
        if let Some(dead) = before.and_then(|before| members.left(before)) {
            dead.outbound.close(Close::at_once(wire::close::NORMAL, "resumed on another connection"));
        }
    }

    /// Sends an event to everyone in its audience.
    pub(crate) fn broadcast(&self, row: &'static EventRow, payload: &impl Serialize) {
        self.send(row, payload, None, Reach::All);
    }

    /// Sends an event that carries the versions of the state snapshots.
    pub(crate) fn broadcast_versioned(&self, row: &'static EventRow, payload: &impl Serialize, version: StateVersion) {
        self.send(row, payload, Some(version), Reach::All);
    }

    /// Sends an event to those in its audience whom `reach` means; the others' numbers do not move.
    pub(crate) fn broadcast_to(&self, row: &'static EventRow, payload: &impl Serialize, reach: Reach) {
        self.send(row, payload, None, reach);
    }

    /// Whether any connection passes `filter`, those that may come back too; saves making an event nobody would hear.
    pub(crate) fn any(&self, filter: impl Fn(&Member) -> bool) -> bool {
        self.lock().all().any(filter)
    }

    /// Whether any open connection passes `filter`.
    pub(crate) fn is_here(&self, filter: impl Fn(&Member) -> bool) -> bool {
        self.lock().here().any(filter)
    }

    /// Sends an event to one connection, without a number; a connection that is gone hears nothing.
    pub(crate) fn to(&self, conn_id: ConnId, row: &'static EventRow, payload: &impl Serialize) {
        let Some(event) = shared(row, payload, None) else { return };
        if let Some(member) = self.lock().get(conn_id) {
            member.outbound.target(&event);
        }
    }

    /// Sends an event to the nodes that follow `topic`, without a number; only to those with `cap`, when one is named.
    pub(crate) fn to_nodes(&self, row: &'static EventRow, payload: &impl Serialize, topic: &Topic, cap: Option<&str>) {
        let members = self.lock();
        let follows = |member: &&Member| {
            member.caller.role == Role::Node
                && member.follows(topic)
                && cap.is_none_or(|cap| member.caller.has_cap(cap))
        };
        if members.here().find(follows).is_none() {
            return;
        }
        let Some(event) = shared(row, payload, None) else { return };
        members.here().filter(follows).for_each(|member| member.outbound.target(&event));
    }

    /// How many topics a connection follows.
    pub(crate) fn followed_by(&self, conn_id: ConnId) -> usize {
        self.lock().get(conn_id).map_or(0, |member| member.topics.len())
    }

    /// Subscribes a connection to a topic.
    pub(crate) fn subscribe(&self, conn_id: ConnId, topic: Topic) {
        let mut members = self.lock();
        let since = members.next();
        members.change(conn_id, false, |member| member.topics.entry(topic).or_insert(since).to_owned());
    }

    /// Ends a subscription; whether there was one.
    pub(crate) fn unsubscribe(&self, conn_id: ConnId, topic: &Topic) -> bool {
        self.lock().change(conn_id, true, |member| member.topics.remove(topic).is_some()).unwrap_or(false)
    }

    /// Closes every connection that passes `filter`, after what already waits for it, and forgets those that left.
    pub(crate) fn close(&self, close: &Close, filter: impl Fn(&Caller) -> bool) {
        let mut members = self.lock();
        for member in members.here().filter(|member| filter(&member.caller)) {
            member.outbound.close(close.clone());
        }
        members.forget_away(|member| filter(&member.caller));
    }

    /// Everyone connected now.
    pub(crate) fn callers(&self) -> Vec<Arc<Caller>> {
        self.lock().here().map(|member| member.caller.clone()).collect()
    }

    /// How many connections are open.
    pub(crate) fn len(&self) -> usize {
        self.lock().here().count()
    }

    fn send(&self, row: &'static EventRow, payload: &impl Serialize, version: Option<StateVersion>, reach: Reach) {
        let mut members = self.lock();
        let number = members.next();
        if !members.all().any(|member| member.is_reached(number, row, &reach)) {
            return;
        }
        let Some(event) = shared(row, payload, version) else { return };
        let cost = event.payload.len() + FRAME_OVERHEAD_BYTES;
        let told = Told { event, reach };
        members.publish(Instant::now(), told, cost, |member, told, seq| member.outbound.broadcast(&told.event, seq));
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
        self.hub.lock().leave(Instant::now(), self.conn_id);
    }
}

//! A node that has no token waits for a person (N-14.6), under the same request, list and commands as every device. It
//! holds no key, so what binds a yes to it is the connection it waits on: a request belongs to one address, and only the
//! newest connection that waits under it is given the token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Secret;
use store::{Device, NewPairing, PAIRING_TTL, PairingRequest, StoreError};
use tokio::time::{Instant, sleep, sleep_until};
use wire::bridge::{self, Hello, NO_KEY};
use wire::{Role, ScopeSet};

use super::door::{No, Visitor, unproven};
use super::identity;
use super::line::{Lines, Said};
use crate::auth::device::Requirement;
use crate::rpc::ConnId;

/// A decision of this process is heard at once; one of another process on the same state is seen so soon.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Lines a node may send while it waits.
const MAX_LINES: u32 = 256;

/// How waiting ended.
pub(super) enum Word {
    /// A person said yes.
    Yes {
        /// What was approved.
        device: Box<Device>,
        /// The node's token from now on.
        token: Secret,
    },
    /// The node did not wait.
    Gone,
}

/// Which connection waits for which node; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<HashMap<String, ConnId>>>);

/// A connection's place; given back when dropped.
struct Claim<'a> {
    waiting: &'a Waiting,
    node_id: &'a str,
    conn_id: ConnId,
}

impl Waiting {
    /// From now on this connection waits for the node, whoever did before.
    fn claim<'a>(&'a self, node_id: &'a str, conn_id: ConnId) -> Claim<'a> {
        self.lock().insert(node_id.to_owned(), conn_id);
        Claim { waiting: self, node_id, conn_id }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, ConnId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    fn holds(&self) -> bool {
        self.waiting.lock().get(self.node_id) == Some(&self.conn_id)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        if waiting.get(self.node_id) == Some(&self.conn_id) {
            waiting.remove(self.node_id);
        }
    }
}

/// Asks to be let in and waits for the word; what the node says meanwhile is answered.
///
/// # Errors
/// Why it is not let in.
pub(super) async fn wait(
    lines: &mut Lines,
    hello: &Hello,
    visitor: &Visitor<'_>,
    waiting: &Waiting,
) -> Result<Word, No> {
    let node_id = hello.id().map_err(No::invalid)?;
    let mut decided = visitor.services.pairing.decided();
    let request = ask(hello, node_id, visitor).await?;
    let claim = waiting.claim(node_id, visitor.conn_id);
    let until = Instant::now() + PAIRING_TTL;
    let mut heard = 0;
    loop {
        if let Some(word) = look(visitor, &request, &claim).await? {
            return Ok(word);
        }
        tokio::select! {
            biased;
            changed = decided.changed() => if changed.is_err() { return Ok(Word::Gone) },
            () = sleep_until(until) => return Err(No::unauthorized("pairing expired")),
            said = lines.reading.next() => {
                let Said::Line(line) = said else { return Ok(Word::Gone) };
                heard += 1;
                let answered = match unproven(bridge::read(&line)) {
                    Some(refused) => lines.writing.send(&refused).await.is_ok(),
                    None => true,
                };
                if heard > MAX_LINES || !answered {
                    return Ok(Word::Gone);
                }
            }
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

/// Puts the request where a person sees it. One that waits for the same node from another address gives way: a yes must
/// not be given to one and taken by the other.
async fn ask(hello: &Hello, node_id: &str, visitor: &Visitor<'_>) -> Result<PairingRequest, No> {
    let Visitor { services, peer, .. } = visitor;
    let facts = identity::facts(hello, *peer);
    let waiting = services.store.pairing_requests().await.map_err(No::out_of_order)?;
    let elsewhere = |it: &&PairingRequest| it.device_id == node_id && it.facts.remote_ip != facts.remote_ip;
    for other in waiting.iter().filter(elsewhere) {
        services.pairing.reject(&other.request_id).await.map_err(No::out_of_order)?;
    }
    let new = NewPairing {
        device_id: node_id.to_owned(),
        public_key: NO_KEY.into(),
        facts,
        role: Role::Node,
        scopes: ScopeSet::none(),
        reason: Requirement::NotPaired.as_str().into(),
    };
    services.pairing.put(new, Requirement::NotPaired).await.map_err(|error| match error {
        StoreError::KeyChanged(_) => No::unauthorized("this nodeId belongs to a device that holds a key"),
        error => No::out_of_order(error),
    })
}

/// What has become of the request; `None` while it waits. The approval must be newer than the request (N-14.6).
async fn look(visitor: &Visitor<'_>, request: &PairingRequest, claim: &Claim<'_>) -> Result<Option<Word>, No> {
    let store = &visitor.services.store;
    if store.pairing_request(&request.request_id).await.map_err(No::out_of_order)?.is_some() {
        return Ok(None);
    }
    let device = visitor.device(&request.device_id).await?;
    let Some(device) = device.filter(|device| device.approved_at_ms >= request.created_at_ms) else {
        return Err(No::unauthorized("pairing rejected"));
    };
    if !claim.holds() {
        return Err(No::unauthorized("another connection of this node waited in its place"));
    }
    let node_id = &device.device_id;
    // Each approval makes a new token: one that was lost is good for nothing any more.
    let token = match store.rotate_token(node_id, Role::Node, None).await.map_err(No::out_of_order)? {
        Some(rotated) => rotated.token,
        None => store.issue_token(node_id, Role::Node, &ScopeSet::none()).await.map_err(No::out_of_order)?.token,
    };
    tracing::info!(node = %node_id, peer = %visitor.peer, "a node on the bridge was given its token");
    Ok(Some(Word::Yes { device: Box::new(device), token }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-14.6: who waits last is who is let in.
    #[test]
    fn the_newest_connection_of_a_node_holds_its_claim() {
        let (waiting, one, two) = (Waiting::default(), ConnId::random(), ConnId::random());
        let first = waiting.claim("n", one);
        assert!(first.holds());
        let second = waiting.claim("n", two);
        assert!(second.holds() && !first.holds());
        drop(first);
        assert!(second.holds(), "leaving takes nothing from another");
        drop(second);
        assert!(waiting.lock().is_empty());
    }
}

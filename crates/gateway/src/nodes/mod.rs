//! The nodes that are connected, what each may do, and the way to ask them. What a node declares is a claim: it may do
//! what it declared, a person approved and the policy allows (N-1.2), and that is worked out anew whenever it is asked.

pub(crate) mod active;
mod alert;
mod browser;
pub(crate) mod by;
pub(crate) mod calls;
mod decide;
pub(crate) mod invoke;
pub(crate) mod issued;
mod keys;
pub(crate) mod pending;
pub(crate) mod platform;
pub(crate) mod policy;
mod policy_now;
mod port;
mod published;
pub(crate) mod rows;
mod run;
mod surface;
mod unanswered;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use store::{Store, StoreError};
use wire::connect::ConnectParams;
use wire::methods::node::Surface;
use wire::methods::node_events::PushRegistration;
use wire::methods::node_pending::Action;
use wire::{Role, close, events};

use self::active::Touched;
use self::calls::Calls;
use self::issued::Issued;
use self::pending::{Debtor, PutOff};
use self::platform::Platform;
use self::policy::Policy;
use self::policy_now::PolicyNow;
use self::published::Published;
use crate::approvals::Approvals;
use crate::config_now::ConfigNow;
use crate::conn::outbound::Close;
use crate::hub::Hub;
use crate::node_events::Echoes;
use crate::rpc::{Caller, ConnId};

/// How long a call may take when nobody says (N-5.1).
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// What a node says of itself when it connects, beside who it is.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    declared: Surface,
    path_env: Option<String>,
    answers_within: Duration,
    /// Whether its owner has let it in with all it offers (N-3.2).
    is_invited: bool,
}

impl Claims {
    /// Those of `params`, when it connects as a node.
    pub(crate) fn of(role: Role, params: &ConnectParams) -> Option<Self> {
        (role == Role::Node).then(|| Self {
            declared: Surface::claimed(params),
            path_env: params.path_env.clone(),
            answers_within: ANSWERS_WITHIN,
            is_invited: false,
        })
    }

    /// The same of a node that its owner has let in with all it offers.
    pub(crate) fn invited(self, is_invited: bool) -> Self {
        Self { is_invited, ..self }
    }

    /// Those of a node on the Bridge.
    pub(crate) fn by_bridge(declared: Surface, answers_within: Duration) -> Self {
        Self { declared, path_env: None, answers_within, is_invited: false }
    }
}

/// A node that is connected.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    /// Its connection.
    pub(crate) caller: Arc<Caller>,
    /// What it claims.
    pub(crate) declared: Surface,
    /// What a person approved.
    pub(crate) approved: Option<Surface>,
    /// The request that waits for one.
    pub(crate) request_id: Option<String>,
    /// Its search path; sensitive, never written down.
    pub(crate) path_env: Option<String>,
    /// Since when, in milliseconds.
    pub(crate) since_ms: i64,
    /// How long a call may take when its caller does not say.
    answers_within: Duration,
    /// Names its pairing; what waits for another pairing is not for it.
    generation: String,
    /// Whether it has told where it can be woken (N-7.10).
    has_push: bool,
    /// When somebody last touched it, as far as it says.
    pub(crate) touched: Option<Touched>,
}

impl Live {
    /// The kind of device.
    pub(crate) fn platform(&self) -> Platform {
        Platform::of(&self.caller.client)
    }

    /// What of it may be used.
    pub(crate) fn effective(&self, policy: &Policy) -> Surface {
        policy.effective(self.platform(), &self.declared, self.approved.as_ref())
    }

    /// Whether it may be asked for `command` now.
    fn may(&self, policy: &Policy, command: &str) -> bool {
        policy.judge(self.platform(), &self.declared, self.approved.as_ref(), command).is_ok()
    }

    /// Why it is not woken: this Gateway keeps registrations and sends no push (N-8.5).
    fn wake(&self) -> Value {
        let path = if self.has_push { "no-auth" } else { "no-registration" };
        json!({"available": false, "throttled": false, "path": path})
    }

    fn debtor(&self) -> Debtor<'_> {
        Debtor { node_id: self.caller.device_id.as_deref().unwrap_or_default(), generation: &self.generation }
    }
}

/// The nodes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Nodes(Arc<Inner>);

struct Inner {
    store: Store,
    hub: Hub,
    config: ConfigNow,
    live: Mutex<HashMap<String, Arc<Live>>>,
    policy: PolicyNow,
    calls: Calls,
    published: Published,
    echoes: Echoes,
    put_off: PutOff,
    issued: Issued,
    approvals: Approvals,
}

impl Nodes {
    /// None yet.
    pub(crate) fn new(store: Store, hub: Hub, config: ConfigNow, approvals: Approvals) -> Self {
        Self(Arc::new(Inner {
            store,
            hub,
            config,
            live: Mutex::default(),
            policy: PolicyNow::default(),
            calls: Calls::default(),
            published: Published::default(),
            echoes: Echoes::default(),
            put_off: PutOff::default(),
            issued: Issued::default(),
            approvals,
        }))
    }

    /// Takes a node in until the returned stay is dropped. A second connection of the same node takes the place of the
    /// first (N-1.4); what it declares beyond what is approved waits for a person (N-3.9).
    ///
    /// # Errors
    /// When its record cannot be written.
    pub(crate) async fn arrive(&self, caller: &Arc<Caller>, claims: Claims) -> Result<Option<Stay>, StoreError> {
        let Some(node_id) = caller.device_id.clone() else { return Ok(None) };
        let Claims { declared, path_env, answers_within, is_invited } = claims;
        let asked = self.policy().ceiling(Platform::of(&caller.client), &declared);
        let ip = caller.peer.to_string();
        if is_invited {
            self.admit(&node_id, &caller.client, asked.clone()).await?;
        }
        let arrival = self.0.store.node_connected(&node_id, caller.client.clone(), &ip, asked).await?;
        let node = &arrival.node;
        let live = Live {
            caller: caller.clone(),
            declared,
            approved: node.approved.clone(),
            request_id: node.pending.as_ref().map(|pending| pending.request_id.clone()),
            path_env,
            since_ms: base::now_ms(),
            answers_within,
            generation: node.generation.clone(),
            has_push: node.push.is_some(),
            touched: None,
        };
        let before = self.live().insert(node_id.clone(), Arc::new(live));
        if let Some(before) = before {
            self.0.calls.lost(before.caller.conn_id);
            let replaced = Close::after_drain(close::NORMAL, "replaced by a newer connection of this node");
            self.0.hub.close(&replaced, |who| who.conn_id == before.caller.conn_id);
        }
        self.announce(&arrival).await?;
        if arrival.is_first {
            self.alert(&arrival.node);
        }
        Ok(Some(Stay { nodes: self.clone(), node_id, conn_id: caller.conn_id }))
    }

    /// Takes the role from a device, with its socket and whatever it was asked (N-3.17). Whether there was such a node.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn remove(&self, node_id: &str) -> Result<bool, StoreError> {
        let waiting = self.0.store.node(node_id).await?.and_then(|node| node.pending);
        if !self.0.store.remove_node(node_id).await? {
            return Ok(false);
        }
        if let Some(waiting) = waiting {
            self.resolved(&waiting.request_id, node_id, "rejected");
        }
        self.0.calls.unpaired(node_id);
        self.0.put_off.forget(node_id);
        let removed = Close::after_drain(close::AUTH_CHANGED, "node removed");
        self.0.hub.close(&removed, |who| who.role == Role::Node && who.device_id.as_deref() == Some(node_id));
        Ok(true)
    }

    /// The node of this connection, if it is still the node's own and its surface was approved at least once.
    pub(crate) fn speaking(&self, who: &Caller) -> Option<Arc<Live>> {
        let node_id = who.device_id.as_deref()?;
        let live = self.live();
        live.get(node_id).filter(|live| live.caller.conn_id == who.conn_id).cloned()
    }

    /// A connected node.
    pub(crate) fn find(&self, node_id: &str) -> Option<Arc<Live>> {
        self.live().get(node_id).cloned()
    }

    /// The policy in force.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.0.policy.of(self.0.config.current())
    }

    /// The calls that run.
    pub(crate) fn calls(&self) -> &Calls {
        &self.0.calls
    }

    /// What nodes said just now.
    pub(crate) fn echoes(&self) -> &Echoes {
        &self.0.echoes
    }

    /// What a node put off and may still do (N-8.1).
    pub(crate) fn put_off(&self, live: &Live) -> Vec<Action> {
        let policy = self.policy();
        self.0.put_off.pull(live.debtor(), base::now_ms(), |command| live.may(&policy, command))
    }

    /// It has dealt with these; those that waited, and how many are left.
    pub(crate) fn acknowledge(&self, live: &Live, ids: &[String]) -> (Vec<String>, usize) {
        self.0.put_off.ack(live.debtor(), base::now_ms(), ids)
    }

    /// Keeps where a node can be woken (N-7.10). Nothing is sent there.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn note_push(&self, node_id: &str, push: PushRegistration) -> Result<bool, StoreError> {
        let known = self.0.store.note_push(node_id, push).await?;
        if let Some(live) = self.live().get_mut(node_id) {
            Arc::make_mut(live).has_push = known;
        }
        Ok(known)
    }

    /// The runs that nodes were asked for.
    pub(crate) fn issued(&self) -> &Issued {
        &self.0.issued
    }

    /// Keeps what a node's host says about itself, and tells operators (N-7.9).
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn note_host_stats(&self, node_id: &str, mut stats: Value) -> Result<(), StoreError> {
        if let Some(stats) = stats.as_object_mut() {
            stats.insert("updatedAtMs".into(), json!(base::now_ms()));
        }
        self.0.store.note_host_stats(node_id, stats.clone()).await?;
        self.0.hub.broadcast(&events::NODE_HOST_STATS, &json!({"nodeId": node_id, "hostStats": stats}));
        Ok(())
    }

    /// The connection has ended; what it was asked is lost (N-5.7).
    fn leave(&self, node_id: &str, conn_id: ConnId) {
        self.0.calls.lost(conn_id);
        self.0.published.forget(conn_id);
        let mut live = self.live();
        if live.get(node_id).is_none_or(|live| live.caller.conn_id != conn_id) {
            return;
        }
        live.remove(node_id);
        drop(live);
        let (store, node_id) = (self.0.store.clone(), node_id.to_owned());
        drop(tokio::spawn(async move {
            if let Err(error) = store.node_disconnected(&node_id).await {
                tracing::warn!(%error, "when a node left could not be written down");
            }
        }));
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, Arc<Live>>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node's place among the connected ones; leaving is dropping it.
pub(crate) struct Stay {
    nodes: Nodes,
    node_id: String,
    conn_id: ConnId,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.nodes.leave(&self.node_id, self.conn_id);
    }
}

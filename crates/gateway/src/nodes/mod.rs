//! The nodes that are connected, what each may do, and the way to ask them. What a node declares is a claim: it may do
//! what it declared, a person approved and the policy allows (N-1.2), and that is worked out anew whenever it is asked.

mod browser;
pub(crate) mod by;
pub(crate) mod calls;
mod decide;
pub(crate) mod invoke;
pub(crate) mod platform;
pub(crate) mod policy;
mod port;
mod published;
pub(crate) mod rows;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use store::{NodeRecord, Store, StoreError};
use wire::connect::{ClientInfo, ConnectParams};
use wire::methods::node::Surface;
use wire::{Role, close, events};

use self::calls::Calls;
use self::platform::Platform;
use self::policy::Policy;
use self::published::Published;
use crate::config_now::ConfigNow;
use crate::conn::outbound::Close;
use crate::hub::Hub;
use crate::node_events::Echoes;
use crate::rpc::{Caller, ConnId};

/// What a node says of itself when it connects, beside who it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    declared: Surface,
    path_env: Option<String>,
    /// Whether its owner has let it in with all it offers (N-3.2).
    is_invited: bool,
}

impl Claims {
    /// Those of `params`, when it connects as a node.
    pub(crate) fn of(role: Role, params: &ConnectParams) -> Option<Self> {
        let (declared, path_env) = (Surface::claimed(params), params.path_env.clone());
        (role == Role::Node).then_some(Self { declared, path_env, is_invited: false })
    }

    /// The same of a node that its owner has let in with all it offers.
    pub(crate) fn invited(self, is_invited: bool) -> Self {
        Self { is_invited, ..self }
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
}

/// The nodes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Nodes(Arc<Inner>);

struct Inner {
    store: Store,
    hub: Hub,
    config: ConfigNow,
    live: Mutex<HashMap<String, Live>>,
    calls: Calls,
    published: Published,
    echoes: Echoes,
}

impl Nodes {
    /// None yet.
    pub(crate) fn new(store: Store, hub: Hub, config: ConfigNow) -> Self {
        Self(Arc::new(Inner {
            store,
            hub,
            config,
            live: Mutex::default(),
            calls: Calls::default(),
            published: Published::default(),
            echoes: Echoes::default(),
        }))
    }

    /// Takes a node in until the returned stay is dropped. A second connection of the same node takes the place of the
    /// first (N-1.4); what it declares beyond what is approved waits for a person (N-3.9).
    ///
    /// # Errors
    /// When its record cannot be written.
    pub(crate) async fn arrive(&self, caller: &Arc<Caller>, claims: Claims) -> Result<Option<Stay>, StoreError> {
        let Some(node_id) = caller.device_id.clone() else { return Ok(None) };
        let Claims { declared, path_env, is_invited } = claims;
        let asked = self.policy().ceiling(Platform::of(&caller.client), &declared);
        let ip = caller.peer.to_string();
        if is_invited {
            self.admit(&node_id, &caller.client, asked.clone()).await?;
        }
        let arrival = self.0.store.node_connected(&node_id, caller.client.clone(), &ip, asked).await?;
        let node = arrival.node;
        let live = Live {
            caller: caller.clone(),
            declared,
            approved: node.approved.clone(),
            request_id: node.pending.as_ref().map(|pending| pending.request_id.clone()),
            path_env,
            since_ms: base::now_ms(),
        };
        if let Some(before) = self.live().insert(node_id.clone(), live) {
            self.0.calls.lost(before.caller.conn_id);
            let replaced = Close::after_drain(close::NORMAL, "replaced by a newer connection of this node");
            self.0.hub.close(&replaced, |who| who.conn_id == before.caller.conn_id);
        }
        if let Some(request_id) = &arrival.settled {
            self.resolved(request_id, &node_id, "superseded");
        }
        if arrival.is_new_request {
            let device = self.0.store.device(&node_id).await?;
            self.0.hub.broadcast(&events::NODE_PAIR_REQUESTED, &rows::pending_row(&node, device.as_ref()));
        }
        if let Some(pending) = node.pending.as_ref().filter(|_| arrival.is_new_request) {
            tracing::info!(
                node = %node_id,
                "a node waits for approval of what it offers; run: openclaw nodes approve {}", pending.request_id
            );
        }
        Ok(Some(Stay { nodes: self.clone(), node_id, conn_id: caller.conn_id }))
    }

    /// Approves the first surface of a node that was let in by more than a shared secret (N-3.2); one that a person has
    /// decided about stays as that person left it.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn admit(&self, node_id: &str, client: &ClientInfo, offered: Surface) -> Result<(), StoreError> {
        let Some((node, waited)) = self.0.store.approve_first_surface(node_id, client.clone(), offered).await? else {
            return Ok(());
        };
        self.refresh(&node);
        tracing::info!(node = %node_id, "a node's first surface is approved with the node");
        if let Some(request_id) = waited {
            self.resolved(&request_id, node_id, "approved");
        }
        Ok(())
    }

    /// What a node that connects like this offers, as far as its kind may.
    pub(crate) fn offer_of(&self, params: &ConnectParams) -> Surface {
        self.policy().ceiling(Platform::of(&params.client), &Surface::claimed(params))
    }

    /// Approves what waits under this request; on a connected node it counts from now on (N-3.13). `None` when it does
    /// not wait any more.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn approve(&self, request_id: &str) -> Result<Option<NodeRecord>, StoreError> {
        let Some(node) = self.0.store.approve_node(request_id).await? else { return Ok(None) };
        self.refresh(&node);
        tracing::info!(node = %node.node_id, "a node's surface is approved");
        self.resolved(request_id, &node.node_id, "approved");
        Ok(Some(node))
    }

    /// Refuses it.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn reject(&self, request_id: &str) -> Result<Option<NodeRecord>, StoreError> {
        let Some(node) = self.0.store.reject_node(request_id).await? else { return Ok(None) };
        self.refresh(&node);
        self.resolved(request_id, &node.node_id, "rejected");
        Ok(Some(node))
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
        let removed = Close::after_drain(close::AUTH_CHANGED, "node removed");
        self.0.hub.close(&removed, |who| who.role == Role::Node && who.device_id.as_deref() == Some(node_id));
        Ok(true)
    }

    /// The node of this connection, if it is still the node's own and its surface was approved at least once.
    pub(crate) fn speaking(&self, who: &Caller) -> Option<Live> {
        let node_id = who.device_id.as_deref()?;
        let live = self.live();
        live.get(node_id).filter(|live| live.caller.conn_id == who.conn_id).cloned()
    }

    /// A connected node.
    pub(crate) fn find(&self, node_id: &str) -> Option<Live> {
        self.live().get(node_id).cloned()
    }

    /// The policy in force.
    pub(crate) fn policy(&self) -> Policy {
        Policy::of(&self.0.config.current())
    }

    /// The calls that run.
    pub(crate) fn calls(&self) -> &Calls {
        &self.0.calls
    }

    /// What nodes said just now.
    pub(crate) fn echoes(&self) -> &Echoes {
        &self.0.echoes
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

    fn refresh(&self, node: &NodeRecord) {
        if let Some(live) = self.live().get_mut(&node.node_id) {
            live.approved.clone_from(&node.approved);
            live.request_id = node.pending.as_ref().map(|pending| pending.request_id.clone());
        }
    }

    fn resolved(&self, request_id: &str, node_id: &str, decision: &str) {
        let payload = json!({"requestId": request_id, "nodeId": node_id, "decision": decision, "ts": base::now_ms()});
        self.0.hub.broadcast(&events::NODE_PAIR_RESOLVED, &payload);
        // The node hears of it too: it goes on with what it had to put off (N-3.12).
        if let Some(live) = self.find(node_id) {
            self.0.hub.to(live.caller.conn_id, &events::NODE_PAIR_RESOLVED, &payload);
        }
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

    fn live(&self) -> MutexGuard<'_, HashMap<String, Live>> {
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

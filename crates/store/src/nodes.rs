//! What each node may do: the surface a person approved, the one that waits, and what the node was last like (N-3.8).
//! A node is a paired device in the role `node`; its record goes with the device.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::Role;
use wire::connect::ClientInfo;
use wire::methods::node::Surface;
use wire::methods::node_events::PushRegistration;
use wire::methods::node_pending::Work;

use crate::devices::record;
use crate::sql::{from_json, to_json};
use crate::writer::Flush;
use crate::{Store, StoreError};

/// A node as it is remembered. Times are milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeRecord {
    /// The id, which is its device's.
    pub node_id: String,
    /// An operator's name for it (N-3.17).
    pub name: Option<String>,
    /// What it last said about itself.
    pub client: ClientInfo,
    /// Where it last came from.
    pub remote_ip: Option<String>,
    /// What a person approved; `None` before the first time.
    pub approved: Option<Surface>,
    /// When that was.
    pub approved_at_ms: Option<i64>,
    /// What waits for a person.
    pub pending: Option<PendingSurface>,
    /// How many requests it has made.
    pub revision: u32,
    /// When it was last seen to come.
    pub last_connected_at_ms: Option<i64>,
    /// When it was last seen to go.
    pub last_disconnected_at_ms: Option<i64>,
    /// What its host last said about itself (N-7.9).
    pub host_stats: Option<Value>,
    /// Names this pairing; a node that was removed and came again has another.
    pub generation: String,
    /// What operators left for it (N-8.2).
    pub work: Vec<Work>,
    /// Rises with every change of `work`.
    pub work_revision: u32,
    /// Where it can be woken (N-7.10).
    pub push: Option<PushRegistration>,
}

/// A surface that waits for a person. It waits for ever (N-3.11).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingSurface {
    /// Names it for who decides.
    pub request_id: String,
    /// What the node asks to be allowed.
    pub surface: Surface,
    /// Since when.
    pub ts: i64,
}

impl NodeRecord {
    /// A node that was never seen in this pairing.
    fn new(node_id: &str) -> Self {
        let generation = uuid::Uuid::new_v4().to_string();
        Self { node_id: node_id.to_owned(), generation, ..Self::default() }
    }

    /// `approvalState` of `node.list` (N-3.8).
    pub const fn approval_state(&self) -> &'static str {
        match (&self.approved, &self.pending) {
            (None, None) => "unapproved",
            (None, Some(_)) => "pending-approval",
            (Some(_), None) => "approved",
            (Some(_), Some(_)) => "pending-reapproval",
        }
    }

    /// Compares what it declares with what it may; the id of a request that does not wait any more.
    fn declare(&mut self, declared: Surface, request_id: &str, now: i64) -> Option<String> {
        let waiting = self.pending.as_ref().map(|pending| pending.request_id.clone());
        if self.approved.as_ref().is_some_and(|approved| approved.covers(&declared)) {
            self.pending = None;
            return waiting;
        }
        if self.pending.as_ref().is_some_and(|pending| pending.surface == declared) {
            return None;
        }
        self.revision += 1;
        self.pending = Some(PendingSurface { request_id: request_id.to_owned(), surface: declared, ts: now });
        waiting
    }
}

/// What became of a node that connected.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeArrival {
    /// Its record now.
    pub node: NodeRecord,
    /// Whether its request is a new one.
    pub is_new_request: bool,
    /// A request that does not wait any more: superseded, or not needed.
    pub settled: Option<String>,
    /// Whether it was never seen before in this pairing.
    pub is_first: bool,
}

impl Store {
    /// Notes that a node has connected and what it declares; keeps a request when that is more than it may (N-3.9).
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn node_connected(
        &self,
        node_id: &str,
        client: ClientInfo,
        remote_ip: &str,
        declared: Surface,
    ) -> Result<NodeArrival, StoreError> {
        let (id, request_id) = (node_id.to_owned(), uuid::Uuid::new_v4().to_string());
        let (ip, now) = (remote_ip.to_owned(), base::now_ms());
        self.write(move |conn| {
            let mut node = load(conn, &id)?.unwrap_or_else(|| NodeRecord::new(&id));
            let is_first = node.last_connected_at_ms.is_none();
            node.client.clone_from(&client);
            node.remote_ip = Some(ip.clone());
            node.last_connected_at_ms = Some(now);
            let arrival = declare(conn, node, &declared, &request_id, now)?;
            Ok(NodeArrival { is_first, ..arrival })
        })
        .await
    }

    /// What a connected node declares is worth something else under a new policy: compared again with what it may.
    /// `None` when the node is not known any more.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn node_declares(&self, node_id: &str, declared: Surface) -> Result<Option<NodeArrival>, StoreError> {
        let (id, request_id, now) = (node_id.to_owned(), uuid::Uuid::new_v4().to_string(), base::now_ms());
        self.write(move |conn| {
            let Some(node) = load(conn, &id)? else { return Ok(None) };
            declare(conn, node, &declared, &request_id, now).map(Some)
        })
        .await
    }

    /// Approves what a node offers, if nobody has decided about it yet: the node, and the request that waited for that.
    /// `None` when somebody has (N-3.2).
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn approve_first_surface(
        &self,
        node_id: &str,
        client: ClientInfo,
        offered: Surface,
    ) -> Result<Option<(NodeRecord, Option<String>)>, StoreError> {
        let (id, now) = (node_id.to_owned(), base::now_ms());
        self.write(move |conn| {
            let mut node = load(conn, &id)?.unwrap_or_else(|| NodeRecord::new(&id));
            let is_undecided = node.approved.is_none() && (node.pending.is_some() || node.revision == 0);
            if !is_undecided {
                return Ok(None);
            }
            node.client.clone_from(&client);
            node.approved = Some(offered.clone());
            node.approved_at_ms = Some(now);
            let waited = node.pending.take_if(|pending| offered.covers(&pending.surface));
            save(conn, &node)?;
            Ok(Some((node, waited.map(|pending| pending.request_id))))
        })
        .await
    }

    /// Notes that a node has gone. Nothing happens when it is not known any more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn node_disconnected(&self, node_id: &str) -> Result<(), StoreError> {
        let now = base::now_ms();
        self.change_node(node_id, Flush::Later, move |node| node.last_disconnected_at_ms = Some(now)).await?;
        Ok(())
    }

    /// Keeps what a node's host says about itself (N-7.9).
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_host_stats(&self, node_id: &str, stats: Value) -> Result<(), StoreError> {
        self.change_node(node_id, Flush::Later, move |node| node.host_stats = Some(stats.clone())).await?;
        Ok(())
    }

    /// Every node.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn nodes(&self) -> Result<Vec<NodeRecord>, StoreError> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached("SELECT body FROM nodes ORDER BY node_id")?;
            let bodies: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            bodies.iter().map(|body| from_json("a node", body)).collect()
        })
        .await
    }

    /// One node.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn node(&self, node_id: &str) -> Result<Option<NodeRecord>, StoreError> {
        let node_id = node_id.to_owned();
        self.read(move |conn| load(conn, &node_id)).await
    }

    /// The node whose surface waits under this request.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn node_of_request(&self, request_id: &str) -> Result<Option<NodeRecord>, StoreError> {
        let request_id = request_id.to_owned();
        self.read(move |conn| by_request(conn, &request_id)).await
    }

    /// Says yes to a surface that waits, beside what was approved before. `None` when it does not wait any more.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn approve_node(&self, request_id: &str) -> Result<Option<NodeRecord>, StoreError> {
        let now = base::now_ms();
        self.settle(request_id, move |node, asked| {
            node.approved = Some(node.approved.as_ref().map_or_else(|| asked.clone(), |held| held.union(&asked)));
            node.approved_at_ms = Some(now);
        })
        .await
    }

    /// Says no to a surface that waits. `None` when it does not wait any more.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn reject_node(&self, request_id: &str) -> Result<Option<NodeRecord>, StoreError> {
        self.settle(request_id, |_, _| {}).await
    }

    /// Gives a node an operator's name. `None` when there is no such node.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn rename_node(&self, node_id: &str, name: &str) -> Result<Option<NodeRecord>, StoreError> {
        let name = name.to_owned();
        self.change_node(node_id, Flush::First, move |node| node.name = Some(name.clone())).await
    }

    /// Takes the role `node` from a device: a device that is nothing else goes, one that is also an operator stays
    /// (N-3.17). Whether there was such a node.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn remove_node(&self, node_id: &str) -> Result<bool, StoreError> {
        let node_id = node_id.to_owned();
        self.write_devices(Flush::First, move |conn| {
            let known = conn.prepare_cached("DELETE FROM nodes WHERE node_id = ?")?.execute([&node_id])? > 0;
            Ok(record::drop_role(conn, &node_id, Role::Node)? || known)
        })
        .await
    }

    async fn settle(
        &self,
        request_id: &str,
        decide: impl Fn(&mut NodeRecord, Surface) + Send + 'static,
    ) -> Result<Option<NodeRecord>, StoreError> {
        let request_id = request_id.to_owned();
        self.write(move |conn| {
            let Some(mut node) = by_request(conn, &request_id)? else { return Ok(None) };
            if let Some(asked) = node.pending.take() {
                decide(&mut node, asked.surface);
            }
            save(conn, &node)?;
            Ok(Some(node))
        })
        .await
    }

    async fn change_node(
        &self,
        node_id: &str,
        flush: Flush,
        change: impl Fn(&mut NodeRecord) + Send + 'static,
    ) -> Result<Option<NodeRecord>, StoreError> {
        self.with_node(node_id, flush, move |node| {
            change(node);
            node.clone()
        })
        .await
    }

    /// Changes a node's record and answers what `change` makes of it. `None` when there is no such node.
    pub(crate) async fn with_node<T: Send + 'static>(
        &self,
        node_id: &str,
        flush: Flush,
        change: impl Fn(&mut NodeRecord) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let node_id = node_id.to_owned();
        let work = move |conn: &Connection| {
            let Some(mut node) = load(conn, &node_id)? else { return Ok(None) };
            let answer = change(&mut node);
            save(conn, &node)?;
            Ok(Some(answer))
        };
        match flush {
            Flush::First => self.write(work).await,
            Flush::Later => self.write_soon(work).await,
        }
    }
}

/// Compares what a node declares with what it may, and keeps what came of it.
fn declare(
    conn: &Connection,
    mut node: NodeRecord,
    declared: &Surface,
    request_id: &str,
    now: i64,
) -> Result<NodeArrival, StoreError> {
    let settled = node.declare(declared.clone(), request_id, now);
    save(conn, &node)?;
    let is_new_request = node.pending.as_ref().is_some_and(|pending| pending.request_id == request_id);
    Ok(NodeArrival { node, is_new_request, settled, is_first: false })
}

fn load(conn: &Connection, node_id: &str) -> Result<Option<NodeRecord>, StoreError> {
    one(conn, "SELECT body FROM nodes WHERE node_id = ?", node_id)
}

fn by_request(conn: &Connection, request_id: &str) -> Result<Option<NodeRecord>, StoreError> {
    one(conn, "SELECT body FROM nodes WHERE request_id = ?", request_id)
}

fn one(conn: &Connection, sql: &str, key: &str) -> Result<Option<NodeRecord>, StoreError> {
    let body: Option<String> = conn.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
    body.map(|body| from_json("a node", &body)).transpose()
}

fn save(conn: &Connection, node: &NodeRecord) -> Result<(), StoreError> {
    let request = node.pending.as_ref().map(|pending| &pending.request_id);
    conn.prepare_cached(
        "INSERT INTO nodes (node_id, request_id, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (node_id) DO UPDATE SET request_id = ?2, body = ?3",
    )?
    .execute(params![node.node_id, request, to_json(node)])?;
    Ok(())
}

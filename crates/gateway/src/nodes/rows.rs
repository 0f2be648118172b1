//! Nodes as lists and events show them (N-6, N-3.14).

use serde_json::{Map, Value, json};
use store::{Device, NodeRecord, Provenance, Store, StoreError};
use wire::Role;

use super::policy::{Policy, approving_takes_admin};
use super::{Live, Nodes};

impl Nodes {
    /// Every node: connected ones first, then by name, then by id (N-6.1).
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) async fn rows(&self) -> Result<Vec<Value>, StoreError> {
        let (nodes, devices) = (self.0.store.nodes().await?, self.0.store.devices().await?);
        let policy = self.policy();
        let device = |id: &str| devices.iter().find(|device| device.device_id == id);
        let active = self.active_node();
        let mut rows: Vec<Value> = nodes
            .iter()
            .map(|node| {
                let (live, is_active) = (self.find(&node.node_id), active.as_ref() == Some(&node.node_id));
                row(node, device(&node.node_id), live.as_deref(), is_active, &policy)
            })
            .map(|row| self.with_tools(row))
            .collect();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_lowercase();
        rows.sort_by_cached_key(|row| (row["connected"] != json!(true), text(row, "displayName"), text(row, "nodeId")));
        Ok(rows)
    }

    /// One node.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) async fn row(&self, node_id: &str) -> Result<Option<Value>, StoreError> {
        let Some(node) = self.0.store.node(node_id).await? else { return Ok(None) };
        let device = self.0.store.device(node_id).await?;
        let is_active = self.active_node().as_deref() == Some(node_id);
        let row = row(&node, device.as_ref(), self.find(node_id).as_deref(), is_active, &self.policy());
        Ok(Some(self.with_tools(row)))
    }

    /// A connected node's row with the tools it publishes, as far as they may be used.
    fn with_tools(&self, mut row: Value) -> Value {
        if let Some(node) = row["nodeId"].as_str().and_then(|id| self.find(id)) {
            row["nodePluginTools"] = json!(self.tools_of(&node));
        }
        row
    }
}

/// What waits for a person, and what was approved (N-3.14): `node.pair.list`, also for the owner of a Gateway that is down.
///
/// # Errors
/// When the state cannot be read.
pub async fn pair_list(store: &Store) -> Result<Value, StoreError> {
    let (nodes, devices) = (store.nodes().await?, store.devices().await?);
    let device = |id: &str| devices.iter().find(|device| device.device_id == id);
    let waiting = nodes.iter().filter(|node| node.pending.is_some());
    let pending: Vec<Value> = waiting.map(|node| pending_row(node, device(&node.node_id))).collect();
    let approved = nodes.iter().filter(|node| node.approved.is_some());
    let paired: Vec<Value> = approved.map(|node| paired_row(node, device(&node.node_id))).collect();
    Ok(json!({"pending": pending, "paired": paired}))
}

/// A row of `node.list` (N-6.2).
fn row(node: &NodeRecord, device: Option<&Device>, live: Option<&Live>, is_active: bool, policy: &Policy) -> Value {
    let shown = live.map_or_else(|| node.approved.clone().unwrap_or_default(), |live| live.effective(policy));
    let client = live.map_or(&node.client, |live| &live.caller.client);
    let mut row = about(node, client);
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            row.insert(key.to_owned(), value);
        }
    };
    put("remoteIp", json!(node.remote_ip));
    put("caps", json!(shown.caps));
    put("commands", json!(shown.commands));
    put("permissions", if shown.permissions.is_empty() { Value::Null } else { json!(shown.permissions) });
    put("pathEnv", json!(live.and_then(|live| live.path_env.as_deref())));
    put("sessionHost", json!(false));
    put("hostStats", json!(node.host_stats));
    put("approvalState", json!(node.approval_state()));
    if let Some(pending) = &node.pending {
        put("pendingRequestId", json!(pending.request_id));
        put("pendingDeclaredCaps", json!(pending.surface.caps));
        put("pendingDeclaredCommands", json!(pending.surface.commands));
        put("pendingDeclaredPermissions", json!(pending.surface.permissions));
    }
    put("connectedAtMs", json!(live.map(|live| live.since_ms)));
    put("lastConnectedAtMs", json!(node.last_connected_at_ms));
    put("lastDisconnectedAtMs", json!(node.last_disconnected_at_ms));
    live.iter().flat_map(|live| live.presence(is_active)).for_each(|(key, value)| put(key, value));
    put("lastSeenAtMs", json!(device.and_then(|device| device.last_seen_at_ms)));
    put("lastSeenReason", json!(device.and_then(|device| device.last_seen_reason.as_deref())));
    put("approvedAtMs", json!(node.approved_at_ms.or_else(|| device.map(|device| device.approved_at_ms))));
    put("paired", json!(device.is_some_and(|device| device.roles.contains(&Role::Node))));
    put("connected", json!(live.is_some()));
    Value::Object(row)
}

/// Who it is; an operator's name wins over its own (N-6.3).
fn about(node: &NodeRecord, client: &wire::connect::ClientInfo) -> Map<String, Value> {
    let mut about = Map::new();
    let mut put = |key: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            about.insert(key.to_owned(), json!(value));
        }
    };
    put("nodeId", Some(&node.node_id));
    put("displayName", node.name.as_deref().or(client.display_name.as_deref()));
    put("platform", Some(&client.platform));
    put("version", Some(&client.version));
    put("clientId", Some(&client.id));
    put("clientMode", Some(&client.mode));
    put("deviceFamily", client.device_family.as_deref());
    put("modelIdentifier", client.model_identifier.as_deref());
    about
}

/// A surface that waits, as `node.pair.requested` and `node.pair.list` show it.
pub(crate) fn pending_row(node: &NodeRecord, device: Option<&Device>) -> Value {
    let mut row = about(node, &node.client);
    if let Some(pending) = &node.pending {
        row.insert("requestId".into(), json!(pending.request_id));
        row.insert("caps".into(), json!(pending.surface.caps));
        row.insert("commands".into(), json!(pending.surface.commands));
        if !pending.surface.permissions.is_empty() {
            row.insert("permissions".into(), json!(pending.surface.permissions));
        }
        let silent = device.is_some_and(|device| device.approved_via == Provenance::Silent);
        row.insert("silent".into(), json!(silent));
        row.insert("requiredApproveScopes".into(), json!(scopes_to_approve(node)));
        row.insert("ts".into(), json!(pending.ts));
    }
    Value::Object(row)
}

/// The scopes that approving what waits takes (N-3.16).
pub(crate) fn scopes_to_approve(node: &NodeRecord) -> Vec<wire::Scope> {
    use wire::Scope::{Admin, Pairing, Write};
    match &node.pending {
        Some(pending) if approving_takes_admin(&pending.surface) => vec![Pairing, Admin],
        Some(pending) if !pending.surface.commands.is_empty() => vec![Pairing, Write],
        _ => vec![Pairing],
    }
}

/// A node as approving it answers.
pub fn paired_row(node: &NodeRecord, device: Option<&Device>) -> Value {
    let mut row = about(node, &node.client);
    let surface = node.approved.clone().unwrap_or_default();
    row.insert("caps".into(), json!(surface.caps));
    row.insert("commands".into(), json!(surface.commands));
    if !surface.permissions.is_empty() {
        row.insert("permissions".into(), json!(surface.permissions));
    }
    row.insert("createdAtMs".into(), json!(node.approved_at_ms));
    row.insert("approvedAtMs".into(), json!(node.approved_at_ms));
    if let Some(device) = device {
        row.insert("lastSeenAtMs".into(), json!(device.last_seen_at_ms));
        row.insert("lastSeenReason".into(), json!(device.last_seen_reason));
    }
    Value::Object(row)
}

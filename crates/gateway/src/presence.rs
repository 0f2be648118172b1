//! Who is here: one row for the Gateway and one per device that is or was just connected (`protocol.md` 5).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use wire::frame::StateVersion;
use wire::{Role, events};

use crate::hub::Hub;
use crate::machine::Machine;
use crate::rpc::Caller;

/// A device that left is shown this long.
const KEEP_GONE: Duration = Duration::from_secs(5 * 60);
/// Rows kept at most; the ones that left first go first.
const MAX_ROWS: usize = 200;

/// The numbers of the two state snapshots, shared by whoever changes one.
#[derive(Debug, Clone)]
pub(crate) struct Versions(Arc<[AtomicU64; 2]>);

impl Default for Versions {
    fn default() -> Self {
        Self(Arc::new([AtomicU64::new(1), AtomicU64::new(1)]))
    }
}

impl Versions {
    /// Both numbers now.
    pub(crate) fn now(&self) -> StateVersion {
        let [presence, health] = &*self.0;
        StateVersion { presence: presence.load(Ordering::Acquire), health: health.load(Ordering::Acquire) }
    }

    /// Presence changed.
    pub(crate) fn presence_changed(&self) -> StateVersion {
        self.0[0].fetch_add(1, Ordering::AcqRel);
        self.now()
    }

    /// Health was looked at.
    pub(crate) fn health_changed(&self) -> StateVersion {
        self.0[1].fetch_add(1, Ordering::AcqRel);
        self.now()
    }
}

#[derive(Debug)]
struct Row {
    key: String,
    open: u32,
    left_at_ms: Option<i64>,
    body: Map<String, Value>,
}

/// The presence list; cheap to clone.
#[derive(Clone)]
pub(crate) struct Presence {
    hub: Hub,
    versions: Versions,
    own: Arc<Map<String, Value>>,
    rows: Arc<Mutex<Vec<Row>>>,
}

impl Presence {
    /// With the Gateway's own row only.
    pub(crate) fn new(hub: Hub, versions: Versions, machine: &Machine, version: &str, instance_id: &str) -> Self {
        let host = &machine.hostname;
        let at = machine.lan_address.as_ref().map(|ip| format!(" ({ip})")).unwrap_or_default();
        let mut own = object(json!({
            "host": host, "version": version, "platform": machine.platform_and_release(),
            "deviceFamily": machine.family, "mode": "gateway", "reason": "self", "instanceId": instance_id,
            "text": format!("Gateway: {host}{at} · app {version} · mode gateway · reason self"),
        }));
        if let Some(ip) = &machine.lan_address {
            own.insert("ip".into(), json!(ip));
        }
        Self { hub, versions, own: Arc::new(own), rows: Arc::default() }
    }

    /// Every row, the Gateway's first.
    pub(crate) fn list(&self) -> Vec<Value> {
        let mut own = (*self.own).clone();
        own.insert("ts".into(), json!(base::now_ms()));
        let rows = self.lock();
        std::iter::once(Value::Object(own)).chain(rows.iter().map(|row| Value::Object(row.body.clone()))).collect()
    }

    /// A device connected; it is here until the guard is dropped. Connections without a device leave no row.
    pub(crate) fn enter(&self, caller: &Arc<Caller>) -> Option<Visit> {
        let key = caller.device_id.clone()?;
        {
            let mut rows = self.lock();
            let known = rows.iter().position(|row| row.key == key).map(|at| rows.remove(at)).filter(|row| row.open > 0);
            let mut body = body(caller, &key);
            if let Some(since) = known.as_ref().and_then(|row| row.body.get("onlineSince")) {
                body.insert("onlineSince".into(), since.clone());
            }
            let open = known.map_or(0, |row| row.open);
            rows.insert(0, Row { key: key.clone(), open: open + 1, left_at_ms: None, body });
            prune(&mut rows);
        }
        self.announce();
        let gone = if is_on_bridge(caller) { "node-disconnected" } else { "disconnect" };
        Some(Visit { presence: self.clone(), key, gone })
    }

    /// A node on the Bridge is here still (N-9.2).
    pub(crate) fn beacon(&self, caller: &Caller, reason: &str) {
        let Some(key) = &caller.device_id else { return };
        if let Some(row) = self.lock().iter_mut().find(|row| row.key == *key && row.open > 0) {
            row.body.insert("reason".into(), json!(reason));
            row.body.insert("ts".into(), json!(base::now_ms()));
        }
        self.announce();
    }

    /// Adds or replaces a row that somebody reported (`system-event`).
    pub(crate) fn report(&self, key: &str, mut body: Map<String, Value>) {
        body.insert("ts".into(), json!(base::now_ms()));
        {
            let mut rows = self.lock();
            rows.retain(|row| row.key != key);
            rows.insert(0, Row { key: key.to_owned(), open: 0, left_at_ms: Some(base::now_ms()), body });
            prune(&mut rows);
        }
        self.announce();
    }

    fn leave(&self, key: &str, reason: &str) {
        {
            let mut rows = self.lock();
            let Some(row) = rows.iter_mut().find(|row| row.key == key) else { return };
            row.open = row.open.saturating_sub(1);
            if row.open > 0 {
                return;
            }
            let now = base::now_ms();
            row.left_at_ms = Some(now);
            row.body.remove("onlineSince");
            row.body.insert("reason".into(), json!(reason));
            row.body.insert("ts".into(), json!(now));
        }
        self.announce();
    }

    fn announce(&self) {
        let version = self.versions.presence_changed();
        // The list is only made when somebody hears it.
        if self.hub.any(|member| member.hears(events::PRESENCE.audience)) {
            self.hub.broadcast_versioned(&events::PRESENCE, &json!({"presence": self.list()}), version);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device is here as long as this lives.
pub(crate) struct Visit {
    presence: Presence,
    key: String,
    gone: &'static str,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.presence.leave(&self.key, self.gone);
    }
}

fn prune(rows: &mut Vec<Row>) {
    let oldest = base::now_ms() - i64::try_from(KEEP_GONE.as_millis()).unwrap_or(i64::MAX);
    rows.retain(|row| row.left_at_ms.is_none_or(|left| left > oldest));
    while rows.len() > MAX_ROWS {
        let Some(at) = rows.iter().rposition(|row| row.open == 0) else { return };
        rows.remove(at);
    }
}

fn body(caller: &Caller, device_id: &str) -> Map<String, Value> {
    let client = &caller.client;
    let name = client.display_name.clone().unwrap_or_else(|| client.id.clone());
    let kind = if caller.role == Role::Node { "Node" } else { "Client" };
    let mut body = object(json!({
        "host": name, "clientId": client.id, "version": client.version, "platform": client.platform,
        "mode": client.mode, "deviceId": device_id, "roles": [caller.role],
        "instanceId": client.instance_id.as_deref().filter(|_| caller.role == Role::Operator).unwrap_or(device_id),
        "reason": if is_on_bridge(caller) { "node-connected" } else { "connect" }, "ts": base::now_ms(), "onlineSince": base::now_ms(), "text": format!("{kind}: {name} · mode {}", client.mode),
    }));
    if !caller.scopes.is_empty() {
        body.insert("scopes".into(), json!(caller.scopes));
    }
    if let Some(family) = &client.device_family {
        body.insert("deviceFamily".into(), json!(family));
    }
    if let Some(zone) = &client.time_zone {
        body.insert("timeZone".into(), json!(zone));
    }
    if is_on_bridge(caller) {
        body.insert("ip".into(), json!(caller.peer.to_string()));
    }
    if let Some(model) = &client.model_identifier {
        body.insert("modelIdentifier".into(), json!(model));
    }
    body
}

fn is_on_bridge(caller: &Caller) -> bool {
    caller.client.mode == wire::bridge::CLIENT
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use wire::ScopeSet;
    use wire::bridge::CLIENT;
    use wire::connect::{AuthMethod, ClientInfo};

    use super::*;
    use crate::auth::locality::Attribution;
    use crate::rpc::ConnId;

    /// N-9.2, N-14.12
    #[test]
    fn a_node_on_the_bridge_is_shown_again_until_it_goes() {
        let presence = Presence::new(Hub::default(), Versions::default(), &Machine::read(), "1", "i");
        let client = ClientInfo { id: CLIENT.into(), mode: CLIENT.into(), platform: "ios".into(), ..<_>::default() };
        let caller = Arc::new(Caller {
            conn_id: ConnId::random(),
            role: Role::Node,
            scopes: ScopeSet::none(),
            client,
            device_id: Some("n".into()),
            caps: Vec::new(),
            auth: AuthMethod::DeviceToken,
            peer: [192, 0, 2, 1].into(),
            attribution: Attribution::DirectRemote,
            origin: None,
        });
        let row = || presence.list().into_iter().find(|row| row["deviceId"] == "n").unwrap();
        let visit = presence.enter(&caller);
        assert_eq!((&row()["reason"], &row()["ip"]), (&json!("node-connected"), &json!("192.0.2.1")));
        presence.beacon(&caller, "periodic");
        assert_eq!((&row()["reason"], &row()["platform"]), (&json!("periodic"), &json!("ios")));
        drop(visit);
        assert_eq!(row()["reason"], "node-disconnected");
        presence.beacon(&caller, "periodic");
        assert_eq!(row()["reason"], "node-disconnected", "it is gone");
    }
}

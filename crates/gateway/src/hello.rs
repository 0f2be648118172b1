//! `hello-ok`: what a caller is told when it has been let in. How much depends on its scopes (`protocol.md` 3.6).

use serde_json::json;
use wire::connect::{Features, HelloOk, Policy, ServerInfo, Snapshot};
use wire::frame::StateVersion;

use crate::auth::Admitted;
use crate::conn::handshake::Front;

/// Composes it for one caller.
pub(crate) async fn compose(front: &Front, admitted: &Admitted) -> HelloOk {
    HelloOk {
        kind: "hello-ok".into(),
        protocol: wire::PROTOCOL,
        server: ServerInfo {
            version: front.services.version.clone(),
            conn_id: admitted.caller.conn_id.to_string(),
            boot_id: None,
            instance_id: None,
        },
        features: Features {
            methods: front.table.listed(),
            events: wire::events::ALL.iter().map(|row| row.name.to_owned()).collect(),
            capabilities: Vec::new(),
        },
        snapshot: Snapshot {
            presence: Vec::new(),
            health: json!({"ok": true}),
            state_version: StateVersion { presence: 1, health: 1 },
            uptime_ms: 0,
            suspension: Some(json!({"phase": "accepting"})),
            applied_config_hash: None,
            session_defaults: None,
            config_path: None,
            state_dir: None,
            auth_mode: None,
        },
        auth: admitted.auth.clone(),
        policy: Policy::default(),
    }
}

//! `hello-ok`: what a caller is told when it has been let in. How much depends on its scopes (`protocol.md` 3.6).

use serde_json::json;
use wire::connect::{Features, HelloOk, Policy, ServerInfo, SessionDefaults, Snapshot};
use wire::methods::resume;
use wire::{Scope, SessionKey, events};

use crate::auth::Admitted;
use crate::conn::handshake::Front;
use crate::rpc::Table;
use crate::services::Services;

/// What this Gateway can do: the same lists for every caller, made once.
pub(crate) fn features(table: &Table) -> Features {
    let events = events::ALL.iter().map(|row| row.name.to_owned()).collect();
    Features { methods: table.listed().into(), events, capabilities: vec![resume::CAP.to_owned()] }
}

/// Composes it for one caller.
pub(crate) fn compose(front: &Front, admitted: &Admitted) -> HelloOk {
    let run = &front.services.run;
    HelloOk {
        kind: "hello-ok".into(),
        protocol: wire::PROTOCOL,
        server: ServerInfo {
            version: run.version.clone(),
            conn_id: admitted.caller.conn_id.to_string(),
            boot_id: Some(run.boot_id.clone()),
            instance_id: Some(run.instance_id.clone()),
        },
        features: features_now(front),
        snapshot: snapshot(&front.services, admitted),
        auth: admitted.auth.clone(),
        policy: Policy::default(),
    }
}

/// The next certificate is announced while we run (TLS-12); all else is the same for everybody.
fn features_now(front: &Front) -> Features {
    let mut features = front.features.clone();
    features.capabilities.extend(front.services.tls.iter().filter_map(|tls| tls.next().capability()));
    features
}

/// Presence needs read; paths and the auth mode are for admins.
fn snapshot(services: &Services, admitted: &Admitted) -> Snapshot {
    let scopes = &admitted.caller.scopes;
    let reads = scopes.allows(Scope::Read);
    let admin = scopes.allows(Scope::Admin);
    let paths = services.config.paths();
    let text = |path: &std::path::Path| path.display().to_string();
    Snapshot {
        presence: if reads { services.presence.list() } else { Vec::new() },
        health: services.health.last(),
        state_version: services.versions.now(),
        uptime_ms: services.run.uptime_ms(),
        suspension: Some(json!({"phase": "accepting"})),
        applied_config_hash: services.config.hash(),
        session_defaults: Some(session_defaults(services)),
        config_path: admin.then(|| text(&paths.config_file)),
        state_dir: admin.then(|| text(&paths.state_dir)),
        auth_mode: admin.then(|| services.gate.policy().shared.as_str().to_owned()),
    }
}

fn session_defaults(services: &Services) -> SessionDefaults {
    let agent = services.config.default_agent();
    let main_key = services.config.main_key();
    SessionDefaults {
        default_agent_id: agent.to_string(),
        model_configured: true,
        ownership: "sole".into(),
        selection_required: false,
        main_session_key: SessionKey::main(&agent, &main_key).to_string(),
        main_key,
        scope: services.config.session_scope().into(),
    }
}

//! Who a node on the Bridge is. What was approved about it counts before what it says today (N-14.7): its platform decides
//! what it may do, so it cannot become another by saying so.

use std::net::SocketAddr;
use std::time::Duration;

use store::{Device, DeviceFacts, NodeRecord};
use wire::bridge::{CLIENT, Hello};
use wire::connect::{AuthMethod, ClientInfo};
use wire::methods::node::Surface;
use wire::{Role, Scope, ScopeSet};

use crate::auth::locality::Attribution;
use crate::nodes::Claims;
use crate::nodes::platform::Platform;
use crate::rpc::{Caller, ConnId};

/// How long a call may take when its caller does not say (N-14.11).
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
/// What phones of January offered before they said so (N-14.7).
const PHONES_OFFER: [&str; 2] = ["canvas", "camera"];

/// What a node says about its machine.
pub(super) fn facts(hello: &Hello, peer: SocketAddr) -> DeviceFacts {
    let word = |text: &Option<String>| Hello::word(text.as_deref());
    DeviceFacts {
        display_name: word(&hello.display_name),
        platform: word(&hello.platform),
        device_family: word(&hello.device_family),
        client_id: Some(CLIENT.into()),
        client_mode: Some(CLIENT.into()),
        version: version(hello),
        remote_ip: Some(peer.ip().to_string()),
    }
}

fn version(hello: &Hello) -> Option<String> {
    [&hello.version, &hello.core_version, &hello.ui_version].into_iter().find_map(|text| Hello::word(text.as_deref()))
}

/// The node as a caller, in one of its two roles: as a node it answers and tells, as an operator it reads and writes
/// (N-14.10). `owner` is whether the config also lets it do what changes the Gateway.
pub(super) fn caller(
    device: &Device,
    hello: &Hello,
    peer: SocketAddr,
    conn_id: ConnId,
    role: Role,
    owner: bool,
) -> Caller {
    let pinned = &device.facts;
    let or = |pinned: &Option<String>, said: &Option<String>| pinned.clone().or_else(|| Hello::word(said.as_deref()));
    let scopes = match (role, owner) {
        (Role::Node, _) => ScopeSet::none(),
        (Role::Operator, false) => ScopeSet::from(Scope::Read).union(&Scope::Write.into()),
        (Role::Operator, true) => ScopeSet::from(Scope::Admin),
    };
    let local = peer.ip().is_loopback();
    Caller {
        conn_id,
        role,
        scopes,
        client: ClientInfo {
            id: CLIENT.into(),
            mode: CLIENT.into(),
            display_name: or(&pinned.display_name, &hello.display_name),
            version: version(hello).or_else(|| pinned.version.clone()).unwrap_or_default(),
            platform: or(&pinned.platform, &hello.platform).unwrap_or_default(),
            device_family: or(&pinned.device_family, &hello.device_family),
            model_identifier: Hello::word(hello.model_identifier.as_deref()),
            ..ClientInfo::default()
        },
        device_id: Some(device.device_id.clone()),
        caps: Vec::new(),
        auth: AuthMethod::DeviceToken,
        peer: peer.ip(),
        attribution: if local { Attribution::DirectLocal } else { Attribution::DirectRemote },
        origin: None,
    }
}

/// What it offers. Without a list of commands it offers what it did before (N-14.7); what is allowed of it is decided
/// where that of every node is.
pub(super) fn claims(hello: &Hello, client: &ClientInfo, known: Option<&NodeRecord>) -> Claims {
    let names = |list: &Option<Vec<String>>| -> std::collections::BTreeSet<String> {
        let names = list.iter().flatten().map(|name| name.trim());
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let before = known.map(|node| {
        let waiting = node.pending.as_ref().map(|pending| pending.surface.clone()).unwrap_or_default();
        node.approved.clone().unwrap_or_default().union(&waiting)
    });
    let before = before.unwrap_or_default();
    let mut declared =
        Surface { caps: names(&hello.caps), commands: names(&hello.commands), permissions: before.permissions };
    if declared.caps.is_empty() && matches!(Platform::of(client), Platform::Ios | Platform::Android) {
        declared.caps = PHONES_OFFER.map(str::to_owned).into();
    }
    if declared.commands.is_empty() {
        declared.commands = before.commands;
    }
    let said = hello.permissions.iter().flatten();
    declared.permissions.extend(said.filter_map(|(name, on)| Some((name.clone(), on.as_bool()?))));
    Claims::by_bridge(declared, ANSWERS_WITHIN)
}

//! Whether a proven device may come in, is approved without a question, or must wait for a person (PAIR-4…6). Pure.

use store::{Device, DeviceFacts};
use wire::connect::{AuthMethod, ClientInfo};
use wire::{Role, ScopeSet};

use super::refusal::is_web;

/// Why a person must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// The device is new, or its token was revoked.
    NotPaired,
    /// It asks for a role it does not have.
    RoleUpgrade,
    /// It asks for scopes it does not have.
    ScopeUpgrade,
    /// It says it is another machine than the one that was approved.
    MetadataUpgrade,
}

impl Requirement {
    /// `details.reason`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotPaired => "not-paired",
            Self::RoleUpgrade => "role-upgrade",
            Self::ScopeUpgrade => "scope-upgrade",
            Self::MetadataUpgrade => "metadata-upgrade",
        }
    }

    /// What follows `pairing required: `; with the request id it must fit a close reason of 123 bytes.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::NotPaired => "device is not approved yet",
            Self::RoleUpgrade => "device asks for a role it is not approved for",
            Self::ScopeUpgrade => "device asks for more scopes than approved",
            Self::MetadataUpgrade => "device identity changed and must be re-approved",
        }
    }

    /// What a person should do about it.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::NotPaired => "Approve this device from the pending requests.",
            Self::RoleUpgrade => "Review the role it asks for, then approve the pending request.",
            Self::ScopeUpgrade => "Review the scopes it asks for, then approve the pending request.",
            Self::MetadataUpgrade => "Review the refreshed device details, then approve the pending request.",
        }
    }
}

/// What is decided about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is approved for what it asks.
    Known,
    /// It is approved for what it asks; what it says about itself is brought up to date.
    Refresh,
    /// It is approved now, without a question.
    ApproveSilently,
    /// A person must look.
    Ask(Requirement),
}

/// What a device asks for, and how it proved itself.
pub(crate) struct Request<'a> {
    /// The role it connects in.
    pub(crate) role: Role,
    /// The scopes it asks for.
    pub(crate) scopes: &'a ScopeSet,
    /// What it says about itself.
    pub(crate) facts: &'a DeviceFacts,
    /// The client it runs.
    pub(crate) client: &'a ClientInfo,
    /// How it was let in.
    pub(crate) method: AuthMethod,
    /// Whether it comes from this machine and local devices are approved without asking.
    pub(crate) local: bool,
    /// Whether it is a browser page.
    pub(crate) browser: bool,
    /// Whether the word of Tailscale or of a trusted proxy is enough for what it asks (PAIR-11, PAIR-12).
    pub(crate) vouched: bool,
    /// Whether it is a node from a network whose first-time nodes are let in (PAIR-8).
    pub(crate) listed: bool,
    /// Whether it holds a setup code, which its owner has just made for it (N-3.7).
    pub(crate) invited: bool,
}

/// Decides.
pub(crate) fn decide(known: Option<&Device>, request: &Request<'_>) -> Decision {
    let shared = matches!(request.method, AuthMethod::None | AuthMethod::Token | AuthMethod::Password);
    // Whoever holds a link was given it by the owner, wherever the page is opened (CON-3).
    let by_link = request.method == AuthMethod::BootstrapToken;
    let may_be_silent = by_link || (shared && request.local && (!request.browser || is_web(request.client)));
    let silently =
        |allowed: bool, otherwise| if allowed { Decision::ApproveSilently } else { Decision::Ask(otherwise) };
    if request.invited {
        return Decision::ApproveSilently;
    }
    let Some(device) = known else {
        return silently(may_be_silent || request.vouched || request.listed, Requirement::NotPaired);
    };
    let change = Change::between(&device.facts, request.facts);
    // An upgrade of the system changes its version, not the machine; nobody but the owner sits at a local line.
    let may_refresh = request.local && !request.browser && shared;
    if change == Change::Machine || (change == Change::Version && !may_refresh) {
        return Decision::Ask(Requirement::MetadataUpgrade);
    }
    if !device.roles.contains(&request.role) {
        return silently(may_be_silent || request.vouched, Requirement::RoleUpgrade);
    }
    if request.role == Role::Operator && !device.scopes.covers(request.scopes) {
        return silently(may_be_silent || request.vouched, Requirement::ScopeUpgrade);
    }
    if device.token(request.role).is_none_or(|token| token.revoked_at_ms.is_some()) {
        return silently(may_be_silent, Requirement::NotPaired);
    }
    let renamed = device.facts.display_name != request.facts.display_name;
    if may_refresh && (change == Change::Version || renamed) { Decision::Refresh } else { Decision::Known }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    Version,
    Machine,
}

impl Change {
    fn between(pinned: &DeviceFacts, now: &DeviceFacts) -> Self {
        let fold = |text: &Option<String>| text.as_deref().unwrap_or("").trim().to_ascii_lowercase();
        // `ios 18.1` is the system and its version.
        let system = |platform: &str| platform.split_whitespace().next().unwrap_or("").to_owned();
        let (was, is) = (fold(&pinned.platform), fold(&now.platform));
        if system(&was) != system(&is) || fold(&pinned.device_family) != fold(&now.device_family) {
            return Self::Machine;
        }
        if was == is { Self::Nothing } else { Self::Version }
    }
}

/// What a client says about its machine. The node host's platform names are brought to one spelling first.
pub(crate) fn facts(client: &ClientInfo, ip: &str) -> DeviceFacts {
    let platform = match (client.id.as_str(), client.platform.trim().to_ascii_lowercase().as_str()) {
        ("node-host", "win32") => "windows".to_owned(),
        ("node-host", "darwin") => "macos".to_owned(),
        _ => client.platform.trim().to_owned(),
    };
    DeviceFacts {
        display_name: client.display_name.clone(),
        platform: Some(platform),
        device_family: client.device_family.clone(),
        client_id: Some(client.id.clone()),
        client_mode: Some(client.mode.clone()),
        version: Some(client.version.clone()),
        remote_ip: Some(ip.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{DeviceToken, Provenance};
    use wire::Scope;

    fn client(id: &str) -> ClientInfo {
        ClientInfo { id: id.into(), platform: "linux".into(), mode: "cli".into(), ..ClientInfo::default() }
    }

    fn device(role: Role, scopes: ScopeSet) -> Device {
        let token = DeviceToken {
            role,
            scopes: scopes.clone(),
            generation: 1,
            created_at_ms: 0,
            issued_at_ms: 0,
            rotated_at_ms: None,
            revoked_at_ms: None,
            last_used_at_ms: None,
        };
        Device {
            device_id: "d".into(),
            public_key: "k".into(),
            facts: facts(&client("cli"), "127.0.0.1"),
            label: None,
            role,
            roles: vec![role],
            scopes,
            approved_via: Provenance::Silent,
            created_at_ms: 0,
            approved_at_ms: 0,
            last_seen_at_ms: None,
            last_seen_reason: None,
            tokens: vec![token],
        }
    }

    struct Case {
        client: ClientInfo,
        scopes: ScopeSet,
        role: Role,
        method: AuthMethod,
        local: bool,
        browser: bool,
    }

    fn local() -> Case {
        Case {
            client: client("cli"),
            scopes: Scope::Read.into(),
            role: Role::Operator,
            method: AuthMethod::Token,
            local: true,
            browser: false,
        }
    }

    fn decided(known: Option<&Device>, case: &Case) -> Decision {
        let facts = facts(&case.client, "127.0.0.1");
        let Case { client, scopes, role, method, local, browser } = case;
        let (role, method, local, browser) = (*role, *method, *local, *browser);
        let vouched = method == AuthMethod::TrustedProxy;
        let (listed, invited) = (false, false);
        decide(
            known,
            &Request { role, scopes, facts: &facts, client, method, local, browser, vouched, listed, invited },
        )
    }

    /// PAIR-4
    #[test]
    fn a_local_device_is_approved_silently_and_a_remote_one_asks() {
        assert_eq!(decided(None, &local()), Decision::ApproveSilently);
        assert_eq!(decided(None, &Case { role: Role::Node, ..local() }), Decision::ApproveSilently);
        assert_eq!(decided(None, &Case { local: false, ..local() }), Decision::Ask(Requirement::NotPaired));
        assert_eq!(decided(None, &Case { browser: true, ..local() }), Decision::Ask(Requirement::NotPaired));
        let page = Case { browser: true, client: client("openclaw-control-ui"), ..local() };
        assert_eq!(decided(None, &page), Decision::ApproveSilently);
    }

    /// PAIR-4
    #[test]
    fn upgrades_are_silent_only_for_local_lines_with_the_shared_secret() {
        let reader = device(Role::Operator, Scope::Read.into());
        let wider = || Case { scopes: Scope::Admin.into(), ..local() };
        assert_eq!(decided(Some(&reader), &local()), Decision::Known);
        assert_eq!(decided(Some(&reader), &wider()), Decision::ApproveSilently);
        let by_device = Case { method: AuthMethod::DeviceToken, ..wider() };
        assert_eq!(decided(Some(&reader), &by_device), Decision::Ask(Requirement::ScopeUpgrade));
        let remote = Case { local: false, ..wider() };
        assert_eq!(decided(Some(&reader), &remote), Decision::Ask(Requirement::ScopeUpgrade));
        let node = Case { role: Role::Node, ..local() };
        assert_eq!(decided(Some(&reader), &node), Decision::ApproveSilently);
        let far_node = Case { local: false, ..node };
        assert_eq!(decided(Some(&reader), &far_node), Decision::Ask(Requirement::RoleUpgrade));
    }

    /// PAIR-5
    #[test]
    fn another_machine_always_asks_and_a_newer_system_only_from_afar() {
        let mut known = device(Role::Operator, Scope::Read.into());
        known.facts.platform = Some("ios 18".into());
        let mut case = local();
        case.client.platform = "iOS 18.1".into();
        assert_eq!(decided(Some(&known), &case), Decision::Refresh);
        case.local = false;
        assert_eq!(decided(Some(&known), &case), Decision::Ask(Requirement::MetadataUpgrade));
        case.local = true;
        case.client.platform = "android 15".into();
        assert_eq!(decided(Some(&known), &case), Decision::Ask(Requirement::MetadataUpgrade));
    }

    #[test]
    fn the_node_hosts_platform_has_one_spelling() {
        let mut node = client("node-host");
        node.platform = "win32".into();
        assert_eq!(facts(&node, "").platform.as_deref(), Some("windows"));
        let mut cli = client("cli");
        cli.platform = "win32".into();
        assert_eq!(facts(&cli, "").platform.as_deref(), Some("win32"));
    }

    /// PAIR-6
    #[test]
    fn every_reason_fits_a_close_frame_with_its_request_id() {
        use Requirement::{MetadataUpgrade, NotPaired, RoleUpgrade, ScopeUpgrade};
        for requirement in [NotPaired, RoleUpgrade, ScopeUpgrade, MetadataUpgrade] {
            let reason = format!("pairing required: {} (requestId: {})", requirement.sentence(), uuid::Uuid::nil());
            assert_eq!(wire::close::reason(&reason), reason, "{}", requirement.as_str());
        }
    }
}

//! One `connect`, judged from the first rule to the last.

mod newcomers;

use std::sync::Arc;
use std::time::Instant;

use base::Secret;
use store::{Device, NewDevice, NewPairing, Provenance, StoreError, TokenCheck};
use wire::connect::{AuthMethod, ConnectAuth, ConnectParams, Credential, HelloAuth, RoleToken};
use wire::{ErrorShape, Role, Scope, ScopeSet, device_auth};

use self::newcomers::Entry;
use super::device::{self, Decision};
use super::locality::{self, Attribution, Peer};
use super::policy::{Policy, Shared};
use super::refusal::{Reason, Refusal};
use super::scopes::{self, Deviceless};
use super::shared::{self, Proof};
use super::throttle::{self, Bucket, Key};
use super::{Gate, origin, tailnet};
use crate::nodes::Claims;
use crate::pairing::{Pairing, canonical_key};
use crate::rpc::{Caller, ConnId};
use crate::services::Services;

/// What operators on an old protocol level are told, once per connection.
const UPGRADE_NOTICE: &str =
    "this client speaks an older protocol level; it works here, and an upgrade gives it what is new";

/// A client that may come in.
pub(crate) struct Admitted {
    /// Who it is from now on.
    pub(crate) caller: Arc<Caller>,
    /// What `hello-ok` tells it about that.
    pub(crate) auth: HelloAuth,
    /// What it offers, when it is a node.
    pub(crate) claims: Option<Claims>,
}

/// Judges one `connect` that answers the challenge `nonce`.
///
/// # Errors
/// The refusal of the first rule that does not hold.
pub(crate) async fn judge(
    services: &Services,
    peer: &Peer,
    nonce: &str,
    conn_id: ConnId,
    params: ConnectParams,
) -> Result<Admitted, Refusal> {
    let notice = negotiate(&params)?;
    let role = params.role.as_deref().unwrap_or("operator");
    let role = Role::parse(role).ok_or_else(|| Refusal::policy(ErrorShape::invalid("invalid role")))?;
    let policy = services.gate.policy();
    check_page(peer, &policy, &params)?;
    let scopes = scopes::asked(params.scopes.as_deref(), role, peer);
    let by_tailscale = tailnet::vouches(&services.tailscale, peer, &policy, role, &params).await;
    let shared = match by_tailscale {
        true => Proof::Valid(AuthMethod::Tailscale),
        false => prove(peer, &policy, params.auth.as_ref()),
    };
    if let (Some(Err(problem)), None) = (&peer.user, &params.device) {
        return Err(Refusal::proxy(problem));
    }
    let attempt = Attempt {
        gate: &services.gate,
        pairing: &services.pairing,
        policy: &policy,
        peer,
        params: &params,
        role,
        scopes,
        shared,
        // PAIR-11
        vouched: by_tailscale,
    };
    let granted = match &params.device {
        None => attempt.without_device().await?,
        Some(_) => attempt.with_device(services, nonce).await?,
    };
    let auth = HelloAuth {
        method: granted.method,
        role: role.to_string(),
        scopes: granted.scopes.clone(),
        device_token: granted.token.as_ref().map(|(token, _)| Credential::new(token.expose())),
        issued_at_ms: granted.token.as_ref().map(|(_, at)| *at),
        device_tokens: granted.handed,
        notice: notice.map(str::to_owned),
    };
    let claims = Claims::of(role, &params).map(|claims| claims.invited(granted.is_invited));
    let device_id = params.device.map(|proof| proof.id);
    let caller = Caller {
        conn_id,
        role,
        scopes: granted.scopes,
        client: params.client,
        device_id,
        caps: params.caps.unwrap_or_default(),
        auth: granted.method,
        peer: peer.client,
        attribution: peer.attribution,
        origin: peer.origin.clone(),
    };
    Ok(Admitted { caller: Arc::new(caller), auth, claims })
}

/// What the line and the credentials prove.
fn prove(peer: &Peer, policy: &Policy, auth: Option<&ConnectAuth>) -> Proof {
    if peer.is_owner() {
        // The kernel has vouched for a process of the owner's; no secret could say more.
        return Proof::Valid(AuthMethod::None);
    }
    match &peer.user {
        Some(Ok(_)) => Proof::Valid(AuthMethod::TrustedProxy),
        // A device token may still let it in; the password is for direct local callers.
        Some(Err(_)) => Proof::Missing(Reason::Unauthorized),
        None => shared::check(&policy.shared, auth),
    }
}

/// Accepts the level we speak, probes and nodes one below, and (beyond the original) operators one below too, with a
/// word that they should be upgraded.
fn negotiate(params: &ConnectParams) -> Result<Option<&'static str>, Refusal> {
    let range = params.min_protocol..=params.max_protocol;
    if range.contains(&wire::PROTOCOL) {
        return Ok(None);
    }
    if params.client.mode == "probe" && params.max_protocol >= wire::MIN_PROTOCOL {
        return Ok(None);
    }
    if !range.contains(&wire::MIN_PROTOCOL) {
        return Err(Refusal::protocol(params.min_protocol, params.max_protocol));
    }
    let is_node = params.role.as_deref() == Some("node") && params.client.mode == "node";
    Ok((!is_node).then_some(UPGRADE_NOTICE))
}

/// A request that cannot be attributed, and a page from the wrong origin, are refused before any credential is read.
fn check_page(peer: &Peer, policy: &Policy, params: &ConnectParams) -> Result<(), Refusal> {
    if peer.attribution == Attribution::Unattributable {
        locality::note_unattributable(peer);
        return Err(Refusal::auth(Reason::ProxyAttributionRequired, &params.client, false));
    }
    if matches!(policy.shared, Shared::None) && !peer.may_be_anonymous() {
        return Err(Refusal::auth(Reason::GatewayAuthRequired, &params.client, false));
    }
    let verdict = match origin::check(peer, policy) {
        Ok(()) if peer.origin.is_none() && params.client.id == "openclaw-control-ui" => Err(origin::Problem::Malformed),
        verdict => verdict,
    };
    verdict.map_err(|problem| Refusal::policy(problem.explain(peer.origin.as_deref())))
}

struct Granted {
    method: AuthMethod,
    scopes: ScopeSet,
    token: Option<(Secret, i64)>,
    /// Tokens of further roles (N-3.7).
    handed: Vec<RoleToken>,
    /// Whether it came by a setup code, which approves what a node offers, too (N-3.2).
    is_invited: bool,
}

struct Attempt<'a> {
    gate: &'a Gate,
    pairing: &'a Pairing,
    policy: &'a Policy,
    peer: &'a Peer,
    params: &'a ConnectParams,
    role: Role,
    scopes: ScopeSet,
    shared: Proof,
    /// The word of Tailscale or of a trusted proxy approves the device for these scopes (PAIR-11, PAIR-12).
    vouched: bool,
}

impl Attempt<'_> {
    async fn without_device(&self) -> Result<Granted, Refusal> {
        let verdict = scopes::deviceless(self.role, &self.params.client, self.peer, self.shared);
        let scopes = match verdict {
            Deviceless::Refused(refusal) => return Err(refusal),
            Deviceless::KeepsScopes => self.scopes.clone(),
            Deviceless::Reads if self.scopes.allows(Scope::Read) => ScopeSet::from(Scope::Read),
            Deviceless::Reads => ScopeSet::none(),
            Deviceless::NoScopes | Deviceless::ByCredential => ScopeSet::none(),
        };
        let method = self.check_shared(&Key::of(self.peer)).map_err(Failure::from);
        match method {
            Ok(method) => {
                let scopes = self.in_force(&scopes);
                Ok(Granted { method, scopes, token: None, handed: Vec::new(), is_invited: false })
            }
            Err(failure) => Err(self.refuse(failure, &Key::of(self.peer)).await),
        }
    }

    async fn with_device(&self, services: &Services, nonce: &str) -> Result<Granted, Refusal> {
        let Some(proof) = &self.params.device else { return self.without_device().await };
        device_auth::verify(self.params, proof, nonce, base::now_ms()).map_err(Refusal::proof)?;
        let known = services.store.known_device(&proof.id).await.map_err(out_of_order)?;
        // A device we know is charged for its own mistakes; a new one could be made for every attempt (RATE-7).
        let key = if known.is_some() { Key::of_device(&proof.id, self.role) } else { Key::of(self.peer) };
        let entry = match self.check_credentials(services, &proof.id, &key).await {
            Ok(entry) => entry,
            Err(failure) => return Err(self.refuse(failure, &key).await),
        };
        let narrowed = self.vouched_for(known.as_ref());
        match narrowed {
            Some(scopes) => Attempt { scopes, vouched: true, ..*self }.grant(services, known, entry).await,
            None => self.grant(services, known, entry).await,
        }
    }

    async fn grant(&self, services: &Services, known: Option<Device>, entry: Entry) -> Result<Granted, Refusal> {
        let device = self.admit(services, known, &entry).await?;
        let token =
            services.store.issue_token(&device.device_id, self.role, &self.scopes).await.map_err(out_of_order)?;
        let handed = self.hand_over(services, &device, &entry).await.map_err(out_of_order)?;
        let (scopes, is_invited) = (self.in_force(&self.scopes), entry.setup.is_some());
        let token = Some((token.token, token.issued_at_ms));
        Ok(Granted { method: entry.method, scopes, token, handed, is_invited })
    }

    /// `approved` with what the proxy's user has by being who it is, under the cap of the upgrade request (PROXY-3).
    fn in_force(&self, approved: &ScopeSet) -> ScopeSet {
        let Some(Ok(user)) = &self.peer.user else { return approved.clone() };
        let own = self.policy.proxy.scopes_of(user).filter(|_| self.role == Role::Operator);
        let all = own.map_or_else(|| approved.clone(), |own| approved.union(own));
        self.peer.scope_cap.as_ref().map_or_else(|| all.clone(), |cap| all.capped_by(cap))
    }

    /// PAIR-12: what a browser or native page is approved for on the proxy's word; `None` when that plays no part.
    fn vouched_for(&self, known: Option<&Device>) -> Option<ScopeSet> {
        let allowed = self.policy.proxy.auto_approve.as_ref()?;
        let vouched = matches!(self.peer.user, Some(Ok(_))) && self.role == Role::Operator;
        let page = self.peer.origin.is_some() || self.params.client.mode == "ui";
        let enough = known.is_some_and(|it| it.roles.contains(&self.role) && it.scopes.covers(&self.scopes));
        if !(vouched && page) || enough {
            return None;
        }
        let asked = if self.params.scopes.is_none() { allowed } else { &self.scopes };
        let granted = asked.capped_by(allowed);
        Some(self.peer.scope_cap.as_ref().map_or_else(|| granted.clone(), |cap| granted.capped_by(cap)))
    }

    /// Shared secret first, then the device token, then a setup code (AUTH-9).
    async fn check_credentials(&self, services: &Services, device_id: &str, key: &Key) -> Result<Entry, Failure> {
        let auth = self.params.auth.as_ref();
        let bootstrap = auth.and_then(|auth| auth.bootstrap_token.as_ref());
        let shared = match (self.check_shared(key), bootstrap) {
            // A mode that asks for nothing lets nobody's device in; a setup code does.
            (Ok(AuthMethod::None), Some(token)) if self.role == Role::Node => return self.check_link(token, key),
            (Ok(method), _) => return Ok(method.into()),
            (Err(reason), _) => reason,
        };
        let explicit = auth.and_then(|auth| auth.device_token.as_ref()).filter(|token| !token.as_str().is_empty());
        let implicit = auth.and_then(|auth| auth.token.as_ref()).filter(|token| !token.as_str().is_empty());
        if let Some(token) = explicit.or(implicit) {
            match self.check_device_token(services, device_id, token, key).await? {
                Ok(method) => return Ok(method.into()),
                // A plain token was tried as a device token; that it is none says nothing.
                Err(Reason::DeviceTokenMismatch) if explicit.is_none() => {}
                Err(reason) => return Err(Failure::counted(Bucket::DeviceToken, reason)),
            }
        }
        bootstrap.map_or(Err(shared.into()), |token| self.check_link(token, key))
    }

    fn check_shared(&self, key: &Key) -> Result<AuthMethod, Reason> {
        if let Proof::Missing(reason) = self.shared {
            return Err(reason);
        }
        if self.shared == Proof::Valid(AuthMethod::None) {
            return Ok(AuthMethod::None);
        }
        if let Some(left) = self.gate.counted(|throttle| throttle.locked(Bucket::SharedSecret, key, Instant::now())) {
            return Err(Reason::RateLimited(left));
        }
        match self.shared {
            Proof::Valid(method) => {
                self.gate.counted(|throttle| throttle.succeeded(Bucket::SharedSecret, key));
                Ok(method)
            }
            Proof::Wrong(reason) | Proof::Missing(reason) => Err(reason),
        }
    }

    async fn check_device_token(
        &self,
        services: &Services,
        device_id: &str,
        token: &Credential,
        key: &Key,
    ) -> Result<Result<AuthMethod, Reason>, Failure> {
        if let Some(left) = self.gate.counted(|throttle| throttle.locked(Bucket::DeviceToken, key, Instant::now())) {
            return Ok(Err(Reason::RateLimited(left)));
        }
        let token = Secret::new(token.as_str());
        let check = services.store.check_token(device_id, self.role, &token).await.map_err(Failure::Store)?;
        let TokenCheck::Good { scopes, .. } = check else { return Ok(Err(Reason::DeviceTokenMismatch)) };
        if !scopes.covers(&self.scopes) {
            return Ok(Err(Reason::ScopeMismatch));
        }
        self.gate.counted(|throttle| throttle.succeeded(Bucket::DeviceToken, key));
        services.store.touch_token(device_id, self.role).await.map_err(Failure::Store)?;
        Ok(Ok(AuthMethod::DeviceToken))
    }

    /// Counts and logs a wrong credential, makes a local caller wait, and says no.
    async fn refuse(&self, failure: Failure, key: &Key) -> Refusal {
        let (bucket, reason) = match failure {
            Failure::Store(error) => return out_of_order(error),
            Failure::Plain(reason) => (Bucket::SharedSecret, reason),
            Failure::Counted(bucket, reason) => (bucket, reason),
        };
        if let (Reason::Unauthorized, Some(Err(problem))) = (reason, &self.peer.user) {
            return Refusal::proxy(problem);
        }
        let client = &self.params.client;
        if failure_counts(reason) {
            let penalty = self.gate.counted(|throttle| throttle.failed(bucket, key, Instant::now()));
            metrics::counter!("openclaw_auth_failures_total", "reason" => reason.as_str()).increment(1);
            if let Some(count) = penalty.log {
                throttle::log_failure(bucket, key, count, self.peer, &client.id, self.role.as_str(), reason.as_str());
            }
            tokio::time::sleep(penalty.delay).await;
        }
        let auth = self.params.auth.as_ref();
        let plain_token_only = auth.is_some_and(|auth| auth.token.is_some() && auth.device_token.is_none());
        Refusal::auth(reason, client, self.params.device.is_some() && plain_token_only)
    }

    /// PAIR-8: a node that asks for no scopes, straight from a network the owner listed.
    fn is_listed_node(&self) -> bool {
        let direct = matches!(self.peer.attribution, Attribution::DirectLocal | Attribution::DirectRemote);
        let listed = self.policy.auto_approve_nodes_from.iter().any(|range| range.contains(self.peer.client));
        listed && direct && self.role == Role::Node && self.scopes == ScopeSet::none() && self.peer.origin.is_none()
    }

    /// The device, approved for what it asks; or the refusal that tells how to get it approved.
    async fn admit(&self, services: &Services, known: Option<Device>, entry: &Entry) -> Result<Device, Refusal> {
        let Some(proof) = &self.params.device else {
            return Err(Refusal::device_required("DEVICE_IDENTITY_REQUIRED", false));
        };
        let (method, client) = (entry.method, &self.params.client);
        let facts = device::facts(client, &self.peer.client.to_string());
        let request = device::Request {
            role: self.role,
            scopes: &self.scopes,
            facts: &facts,
            client,
            method,
            local: self.policy.auto_approve_local && locality::is_near(self.peer, self.policy, self.shared, client),
            browser: self.peer.origin.is_some(),
            vouched: self.vouched,
            listed: self.is_listed_node(),
            invited: entry.setup.is_some(),
        };
        let operator = entry.access().and_then(|access| access.operator(client));
        let public_key = canonical_key(&proof.public_key);
        let approval = |roles, scopes| NewDevice {
            device_id: proof.id.clone(),
            public_key: public_key.clone(),
            facts: facts.clone(),
            roles,
            scopes,
            via: match method {
                AuthMethod::BootstrapToken => Provenance::Bootstrap,
                _ if request.listed && !request.local => Provenance::TrustedCidr,
                _ => Provenance::Silent,
            },
        };
        if let (Decision::Known, Some(device)) = (device::decide(known.as_ref(), &request), known) {
            return Ok(device);
        }
        // What is remembered may be older than what was approved beside us (PAIR-17).
        let known = services.store.device(&proof.id).await.map_err(out_of_order)?;
        match (device::decide(known.as_ref(), &request), known) {
            (Decision::Known, Some(device)) => Ok(device),
            (Decision::Refresh, Some(device)) => {
                let again = approval(vec![self.role], ScopeSet::none());
                services.store.approve_device(again).await.map_err(out_of_order)?;
                Ok(device)
            }
            (Decision::Ask(requirement), known) => {
                let reason = requirement.as_str().to_owned();
                let (device_id, role, scopes) = (proof.id.clone(), self.role, self.scopes.clone());
                let new = NewPairing { device_id, public_key, facts, role, scopes, reason };
                let asked = self.pairing.ask(new, requirement, known.as_ref()).await.map_err(out_of_order)?;
                Err(self.or_vouched_for_by_its_machine(services, asked))
            }
            (Decision::ApproveSilently | Decision::Known | Decision::Refresh, _) => {
                let new = match operator {
                    Some(scopes) => approval(vec![Role::Operator, self.role], scopes),
                    None => approval(vec![self.role], self.scopes.clone()),
                };
                self.pairing.approve_silently(new).await.map_err(out_of_order)
            }
        }
    }
}

/// Why the credentials of an attempt do not let it in.
enum Failure {
    Plain(Reason),
    Counted(Bucket, Reason),
    Store(StoreError),
}

impl Failure {
    fn counted(bucket: Bucket, reason: Reason) -> Self {
        Self::Counted(bucket, reason)
    }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Plain(reason)
    }
}

/// Only wrong credentials count; missing ones, too narrow ones and a lockout itself do not (RATE-1).
fn failure_counts(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::TokenMismatch | Reason::PasswordMismatch | Reason::DeviceTokenMismatch | Reason::BootstrapTokenInvalid
    )
}

/// The state could not be read or written: the client may try again, and the log says what is wrong.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn out_of_order(error: StoreError) -> Refusal {
    if let StoreError::KeyChanged { .. } = error {
        return Refusal::proof(device_auth::BadProof::IdMismatch);
    }
    tracing::error!(%error, "the state could not be used during a handshake");
    Refusal::policy(
        ErrorShape::unavailable("the gateway cannot use its state right now; see its log").retry_after(2_000),
    )
}

//! Carries out what was decided about devices: silent approvals, requests that wait for a person, and the sockets that
//! close when a device loses what it had.

use serde_json::{Value, json};
use store::{Approval, Device, NewDevice, NewPairing, PairingRequest, Provenance, Store, StoreError};
use tokio::sync::watch;
use wire::device_auth::decode_public_key;
use wire::{ErrorCode, ErrorShape, Role, ScopeSet, close, events};

use crate::auth::device::Requirement;
use crate::auth::refusal::Refusal;
use crate::conn::outbound::Close;
use crate::hub::Hub;

/// A request that waits for a person, and what its device is told.
pub(crate) struct Asked {
    /// The request.
    pub(crate) request: PairingRequest,
    /// The answer to its `connect`.
    pub(crate) refusal: Refusal,
}

/// The desk where devices are approved; cheap to clone.
#[derive(Clone)]
pub(crate) struct Pairing {
    store: Store,
    hub: Hub,
    /// Counts decisions, for those that wait for one.
    decided: watch::Sender<u64>,
}

impl Pairing {
    /// Over this store, announcing on this hub.
    pub(crate) fn new(store: Store, hub: Hub) -> Self {
        Self { store, hub, decided: watch::Sender::new(0) }
    }

    /// Approves a local device without a question, and tells operators that it happened (PAIR-4, PAIR-10).
    pub(crate) async fn approve_silently(&self, new: NewDevice) -> Result<Device, StoreError> {
        let Approval { device, created, reissued } = self.store.approve_device(new).await?;
        tracing::info!(device = %device.device_id, role = %device.role, created, "device approved silently");
        if reissued {
            self.close_sockets(&device.device_id);
        }
        self.resolved(&uuid::Uuid::new_v4().to_string(), &device.device_id, "approved");
        if created && device.approved_via == Provenance::Silent {
            let connected: Vec<String> = self.hub.callers().iter().filter_map(|who| who.device_id.clone()).collect();
            for retired in self.store.retire_silent_devices(&device.device_id, &connected).await? {
                tracing::info!(device = %retired, "an older silent record of the same client is retired");
            }
        }
        Ok(device)
    }

    /// Keeps a request that a person must look at, with the answer that says how to approve it (PAIR-6, PAIR-7, PAIR-15).
    pub(crate) async fn ask(
        &self,
        new: NewPairing,
        requirement: Requirement,
        known: Option<&Device>,
    ) -> Result<Asked, StoreError> {
        let (role, scopes) = (new.role, new.scopes.clone());
        let request = self.put(new, requirement).await?;
        let refusal = required(requirement, &request.request_id, &request.device_id, role, &scopes, known);
        Ok(Asked { request, refusal })
    }

    /// The same for a device that goes on waiting where it is.
    pub(crate) async fn put(&self, new: NewPairing, requirement: Requirement) -> Result<PairingRequest, StoreError> {
        let waiting = self.store.put_pairing_request(new).await?;
        let request = waiting.request;
        if let Some(superseded) = &waiting.superseded {
            self.resolved(superseded, &request.device_id, "rejected");
        }
        if waiting.created {
            tracing::info!(
                device = %request.device_id, reason = requirement.as_str(),
                "a device waits for approval; run: openclaw devices approve {}", request.request_id
            );
            self.hub.broadcast(&events::DEVICE_PAIR_REQUESTED, &pending_row(&request));
        }
        Ok(request)
    }

    /// Changes with every decision about a request.
    pub(crate) fn decided(&self) -> watch::Receiver<u64> {
        self.decided.subscribe()
    }

    /// Approves a waiting request on this word; `None` when it does not wait any more.
    pub(crate) async fn approve(&self, request_id: &str, via: Provenance) -> Result<Option<Device>, StoreError> {
        let Some((request, approval)) = self.store.approve_pairing_request(request_id, via).await? else {
            return Ok(None);
        };
        let (device, by) = (&request.device_id, via.as_str());
        tracing::info!(%device, request = %request.request_id, by, "device approved");
        if !approval.created {
            self.close_sockets(&request.device_id);
        }
        self.resolved(&request.request_id, &request.device_id, "approved");
        Ok(Some(approval.device))
    }

    /// Rejects a waiting request; `None` when it does not wait any more.
    pub(crate) async fn reject(&self, request_id: &str) -> Result<Option<PairingRequest>, StoreError> {
        let taken = self.store.take_pairing_request(request_id).await?;
        if let Some(request) = &taken {
            tracing::info!(device = %request.device_id, request = %request.request_id, "device rejected");
            self.resolved(&request.request_id, &request.device_id, "rejected");
        }
        Ok(taken)
    }

    /// Closes every socket of a device whose credential was withdrawn; the reason released clients know is the same
    /// for removal, rotation and revocation.
    pub(crate) fn close_sockets(&self, device_id: &str) {
        let withdrawn = Close::after_drain(close::AUTH_CHANGED, "device removed");
        self.hub.close(&withdrawn, |who| who.device_id.as_deref() == Some(device_id));
    }

    /// Says that the list of devices changed in some other way.
    pub(crate) fn changed(&self) {
        self.hub.broadcast(&events::DEVICE_PAIR_CHANGED, &json!({}));
    }

    fn resolved(&self, request_id: &str, device_id: &str, decision: &str) {
        let payload =
            json!({"requestId": request_id, "deviceId": device_id, "decision": decision, "ts": base::now_ms()});
        self.hub.broadcast(&events::DEVICE_PAIR_RESOLVED, &payload);
        self.decided.send_modify(|count| *count += 1);
    }
}

/// A waiting request as events and lists show it.
pub(crate) fn pending_row(request: &PairingRequest) -> Value {
    let facts = &request.facts;
    let mut row = json!({
        "requestId": request.request_id, "deviceId": request.device_id, "publicKey": request.public_key,
        "role": request.role, "roles": request.roles, "scopes": request.scopes,
        "silent": false, "isRepair": request.is_repair, "ts": request.created_at_ms,
    });
    let optional = [
        ("displayName", &facts.display_name),
        ("platform", &facts.platform),
        ("deviceFamily", &facts.device_family),
        ("clientId", &facts.client_id),
        ("clientMode", &facts.client_mode),
        ("remoteIp", &facts.remote_ip),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            row[key] = Value::from(value.as_str());
        }
    }
    row
}

fn required(
    requirement: Requirement,
    request_id: &str,
    device_id: &str,
    role: Role,
    scopes: &ScopeSet,
    known: Option<&Device>,
) -> Refusal {
    let mut details = json!({
        "code": "PAIRING_REQUIRED", "reason": requirement.as_str(), "requestId": request_id,
        "remediationHint": format!("{} On the Gateway host run: openclaw devices approve {request_id}", requirement.hint()),
        "deviceId": device_id, "requestedRole": role,
    });
    if !scopes.is_empty() {
        details["requestedScopes"] = json!(scopes);
    }
    if let Some(device) = known {
        details["approvedRoles"] = json!(device.roles);
        if !device.scopes.is_empty() {
            details["approvedScopes"] = json!(device.scopes);
        }
    }
    let message = format!("pairing required: {}", requirement.sentence());
    let reason = format!("{message} (requestId: {request_id})");
    let error = ErrorShape::new(ErrorCode::NotPaired, message).with(details);
    Refusal { error: Box::new(error), close: Close::after_drain(close::POLICY, reason) }
}

/// The public key in the one form records keep, whatever base64 a client sent.
pub(crate) fn canonical_key(public_key: &str) -> String {
    decode_public_key(public_key)
        .map_or_else(|| public_key.to_owned(), |raw| wire::device_auth::encode_public_key(&raw))
}

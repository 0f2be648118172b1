//! Who comes for the first time: by a link or a setup code (CON-3, SSH-17, N-3.7), or as a node whose own machine can vouch
//! for it (PAIR-9).

use std::time::Instant;

use store::{Device, StoreError};
use wire::Role;
use wire::connect::{AuthMethod, Credential, RoleToken};
use wire::events;
use wire::methods::device::SetupCompleted;

use super::{Attempt, Failure};
use crate::auth::links::{Guest, Taken};
use crate::auth::locality::Attribution;
use crate::auth::newcomer::Access;
use crate::auth::refusal::{Reason, Refusal, is_web};
use crate::auth::throttle::{Bucket, Key};
use crate::pairing::Asked;
use crate::services::Services;
use crate::ssh_verify::{self, Candidate};

/// What proved that somebody may come in.
pub(super) struct Entry {
    pub(super) method: AuthMethod,
    /// The setup code that was used up.
    pub(super) setup: Option<Taken>,
}

impl From<AuthMethod> for Entry {
    fn from(method: AuthMethod) -> Self {
        Self { method, setup: None }
    }
}

impl Entry {
    /// What its setup code hands over.
    pub(super) fn access(&self) -> Option<Access> {
        match self.setup.as_ref()?.guest {
            Guest::Newcomer(access) => Some(access),
            Guest::Page | Guest::Device => None,
        }
    }
}

impl Attempt<'_> {
    /// CON-3, SSH-17, N-3.7: a link of ours lets a page or a device in, a setup code a node, once.
    pub(super) fn check_link(&self, token: &Credential, key: &Key) -> Result<Entry, Failure> {
        let now = Instant::now();
        if let Some(left) = self.gate.counted(|throttle| throttle.locked(Bucket::BootstrapToken, key, now)) {
            return Err(Failure::counted(Bucket::BootstrapToken, Reason::RateLimited(left)));
        }
        let fits = |guest| match (guest, self.role) {
            (Guest::Newcomer(_), role) => role == Role::Node,
            (Guest::Page, role) => role == Role::Operator && is_web(&self.params.client),
            (Guest::Device, role) => role == Role::Operator && !is_web(&self.params.client),
        };
        let Some(taken) = self.gate.links(|links| links.take(fits, token.as_str(), now)) else {
            return Err(Failure::counted(Bucket::BootstrapToken, Reason::BootstrapTokenInvalid));
        };
        self.gate.counted(|throttle| throttle.succeeded(Bucket::BootstrapToken, key));
        let setup = Some(taken).filter(|taken| matches!(taken.guest, Guest::Newcomer(_)));
        Ok(Entry { method: AuthMethod::BootstrapToken, setup })
    }

    /// What a setup code gives beside the token of the role, and the news that it was used (N-3.7). A device that is an
    /// operator already and may do more keeps the token it has.
    pub(super) async fn hand_over(
        &self,
        services: &Services,
        device: &Device,
        entry: &Entry,
    ) -> Result<Vec<RoleToken>, StoreError> {
        let (Some(access), Some(taken)) = (entry.access(), &entry.setup) else { return Ok(Vec::new()) };
        let mut handed = Vec::new();
        if let Some(scopes) = access.operator(&self.params.client) {
            let issued = services.store.issue_token(&device.device_id, Role::Operator, &scopes).await?;
            handed.extend(scopes.covers(&issued.scopes).then(|| RoleToken {
                device_token: Credential::new(issued.token.expose()),
                role: Role::Operator,
                scopes: issued.scopes,
                issued_at_ms: issued.issued_at_ms,
            }));
        }
        let completed = SetupCompleted {
            setup_id: taken.id.clone(),
            device_id: device.device_id.clone(),
            device_name: self.params.client.display_name.clone(),
            access: access.as_str().to_owned(),
            ts: base::now_ms(),
        };
        services.hub.broadcast(&events::DEVICE_PAIR_SETUP_COMPLETED, &completed);
        self.gate.links(|links| links.completed(completed, Instant::now()));
        Ok(handed)
    }

    /// A person is asked. A new node, straight from its machine, may be vouched for by that meanwhile; then it is told to
    /// come again soon (PAIR-9).
    pub(super) fn or_vouched_for_by_its_machine(&self, services: &Services, asked: Asked) -> Refusal {
        let Asked { request, refusal } = asked;
        let is_direct = matches!(self.peer.attribution, Attribution::DirectLocal | Attribution::DirectRemote);
        if !is_direct || self.peer.origin.is_some() || !ssh_verify::is_a_mere_node(&request) {
            return refusal;
        }
        let candidate = Candidate {
            address: self.peer.client,
            request,
            client: self.params.client.clone(),
            offered: services.nodes.offer_of(self.params),
        };
        if services.ssh_verify.consider(candidate) { refusal.worth_waiting_for() } else { refusal }
    }
}

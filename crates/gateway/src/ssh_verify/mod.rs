//! A new node that its own machine vouches for (PAIR-9): the Gateway logs in there with the keys of this account, as its
//! owner could, and asks the `openclaw` there for its identity. Only the very device that asks to be let in is, and what it
//! offered with that question is approved with it.
//!
//! Nothing else follows from such a login: an operator, a device that is known, and a node from elsewhere ask a person.

mod ask;
mod turns;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use store::{PairingRequest, Provenance, Store, StoreError};
use tokio::task::JoinSet;
use wire::connect::ClientInfo;
use wire::methods::node::Surface;
use wire::{Role, ScopeSet};

use self::turns::{Outcome, Turns};
use crate::auth::net;
use crate::config_now::ConfigNow;
use crate::nodes::Nodes;
use crate::pairing::Pairing;

/// A node that waits for a person.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Where it says it is.
    pub(crate) address: IpAddr,
    /// Its request.
    pub(crate) request: PairingRequest,
    /// What it says about itself.
    pub(crate) client: ClientInfo,
    /// What it offers, as far as a node of its kind may.
    pub(crate) offered: Surface,
}

/// Whoever calls back; cheap to clone.
#[derive(Clone)]
pub(crate) struct SshVerify(Arc<Inner>);

struct Inner {
    config: ConfigNow,
    store: Store,
    pairing: Pairing,
    nodes: Nodes,
    turns: Mutex<Turns>,
    /// Ended with the Gateway.
    calls: Mutex<JoinSet<()>>,
}

impl SshVerify {
    /// Nobody is called yet.
    pub(crate) fn new(config: ConfigNow, store: Store, pairing: Pairing, nodes: Nodes) -> Self {
        let (turns, calls) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { config, store, pairing, nodes, turns, calls }))
    }

    /// Calls the candidate's machine back, unless that was tried just now or is not wanted; whether an answer may come.
    pub(crate) fn consider(&self, candidate: Candidate) -> bool {
        if !reaches(&self.rules(), candidate.address) {
            return false;
        }
        let (address, device) = (candidate.address, candidate.request.device_id.clone());
        match self.turns(|turns| turns.begin(address, &device, Instant::now())) {
            turns::Turn::Call => {}
            turns::Turn::UnderWay => return true,
            turns::Turn::NotNow => return false,
        }
        let this = self.clone();
        let mut calls = self.0.calls.lock().unwrap_or_else(PoisonError::into_inner);
        while calls.try_join_next().is_some() {}
        calls.spawn(async move {
            let outcome = this.verify(&candidate).await;
            this.turns(|turns| turns.end(address, outcome, Instant::now()));
        });
        true
    }

    async fn verify(&self, candidate: &Candidate) -> Outcome {
        let (rules, address) = (self.rules(), candidate.address);
        let device = &candidate.request.device_id;
        let said = match ask::identity(&rules, self.0.config.env(), address).await {
            Ok(said) => said,
            Err(error) => {
                tracing::info!(%address, %device, %error, "a new node's machine was not asked who it is; a person decides");
                return Outcome::Failed;
            }
        };
        if said.device_id != *device || said.public_key != candidate.request.public_key {
            tracing::warn!(%address, %device, there = %said.device_id, "another device is at the address of a new node");
            return Outcome::OtherDevice;
        }
        // What was allowed when the call began may not be any more.
        if !reaches(&self.rules(), address) {
            tracing::info!(%address, %device, "calling back was switched off meanwhile; a person decides");
            return Outcome::Failed;
        }
        match self.admit(candidate).await {
            Ok(true) => Outcome::Verified,
            Ok(false) => Outcome::Failed,
            Err(error) => {
                tracing::error!(%error, "a verified node could not be written down");
                Outcome::Failed
            }
        }
    }

    /// Lets it in, if its request is still what was looked at.
    async fn admit(&self, candidate: &Candidate) -> Result<bool, StoreError> {
        let asked = &candidate.request;
        let Some(now) = self.0.store.pairing_request(&asked.request_id).await? else { return Ok(false) };
        if now.public_key != asked.public_key || !is_a_mere_node(&now) {
            return Ok(false);
        }
        if self.0.pairing.approve(&asked.request_id, Provenance::SshVerified).await?.is_none() {
            return Ok(false);
        }
        self.0.nodes.admit(&asked.device_id, &candidate.client, candidate.offered.clone()).await?;
        Ok(true)
    }

    fn rules(&self) -> config::SshVerify {
        self.0.config.current().gateway.nodes.pairing.ssh_verify.clone()
    }

    fn turns<T>(&self, act: impl FnOnce(&mut Turns) -> T) -> T {
        act(&mut self.0.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a request is for a node and nothing more.
pub(crate) fn is_a_mere_node(request: &PairingRequest) -> bool {
    request.roles == [Role::Node] && request.scopes == ScopeSet::none() && !request.is_repair
}

/// Private networks and tailnets, and what the owner lists; never this machine by itself.
fn reaches(rules: &config::SshVerify, address: IpAddr) -> bool {
    let listed = rules.cidrs.iter().any(|range| range.contains(address));
    rules.enabled && (listed || (net::is_private(address) && !net::is_loopback(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PAIR-9
    #[test]
    fn private_networks_are_called_back_and_the_internet_never() {
        let rules = config::SshVerify { cidrs: vec!["203.0.113.0/24".parse().unwrap()], ..<_>::default() };
        let called = |rules: &config::SshVerify, address: &str| reaches(rules, address.parse().unwrap());
        for near in ["192.168.1.5", "10.0.0.1", "100.64.0.9", "fd00::1", "203.0.113.9"] {
            assert!(called(&rules, near), "{near}");
        }
        for far in ["8.8.8.8", "127.0.0.1", "::1", "2001:db8::1"] {
            assert!(!called(&rules, far), "{far}");
        }
        assert!(!called(&config::SshVerify { enabled: false, ..rules }, "203.0.113.9"));
    }
}

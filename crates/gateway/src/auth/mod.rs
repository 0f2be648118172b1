//! Who may come in. The order of the checks is the protocol's (`protocol.md` 3.2); the first that fails is the answer.
//!
//! Trust here: whoever knows the shared secret is the owner; whoever holds a device key is that device and nothing
//! more; a header is hearsay unless it comes from a configured proxy; a browser page is judged by its origin before
//! anything it sends is looked at.

pub(crate) mod device;
pub(crate) mod host;
pub(crate) mod links;
pub(crate) mod locality;
pub(crate) mod net;
pub(crate) mod newcomer;
pub(crate) mod origin;
pub(crate) mod policy;
pub(crate) mod provenance;
pub(crate) mod proxy;
pub(crate) mod refusal;
pub(crate) mod run_token;
pub(crate) mod scopes;
pub(crate) mod shared;
mod tailnet;
pub(crate) mod throttle;
mod verdict;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use links::Links;
use policy::Policy;
use throttle::Throttle;

pub(crate) use verdict::{Admitted, judge};

/// The rules in force and the failures counted under them; cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate {
    policy: Arc<RwLock<Arc<Policy>>>,
    throttle: Arc<Mutex<Throttle>>,
    links: Arc<Mutex<Links>>,
}

impl Gate {
    /// With these rules and nothing counted.
    pub(crate) fn new(policy: Policy) -> Self {
        let throttle = Throttle::new(policy.limits.clone());
        Self {
            policy: Arc::new(RwLock::new(Arc::new(policy))),
            throttle: Arc::new(Mutex::new(throttle)),
            links: Arc::default(),
        }
    }

    /// The rules in force.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts new rules in force.
    pub(crate) fn replace(&self, policy: Policy) {
        self.counted(|throttle| throttle.set_limits(policy.limits.clone()));
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Makes or uses up a link; the lock is held for this one call.
    pub(crate) fn links<T>(&self, act: impl FnOnce(&mut Links) -> T) -> T {
        act(&mut self.links.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at or changes what is counted; the lock is held for this one call.
    pub(crate) fn counted<T>(&self, act: impl FnOnce(&mut Throttle) -> T) -> T {
        act(&mut self.throttle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::policy::{Limits, Policy, Shared};
    use super::provenance::Provenance;
    use super::proxy::Rules;

    /// A policy without any exception.
    pub(super) fn policy() -> Policy {
        Policy {
            shared: Shared::None,
            limits: Limits::default(),
            allowed_origins: Vec::new(),
            host_header_fallback: false,
            own_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            proxy: Rules::lower(&config::Config::default()),
            real_ip_fallback: false,
            auto_approve_local: true,
            auto_approve_nodes_from: Vec::new(),
            in_container: false,
            hsts: None,
            allow_tailscale: false,
        }
    }

    /// Over TCP from this address and port.
    pub(super) fn tcp(address: &str) -> Provenance {
        Provenance::Tcp(address.parse().unwrap())
    }

    /// Headers from pairs.
    pub(super) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| -> (HeaderName, HeaderValue) {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }
}

//! Who may come in. The order of the checks is the protocol's (`protocol.md` 3.2); the first that fails is the answer.

pub(crate) mod locality;
pub(crate) mod refusal;

use std::sync::Arc;

use wire::connect::{AuthMethod, ConnectParams, HelloAuth};
use wire::{ErrorShape, Role, ScopeSet};

use crate::rpc::{Caller, ConnId};
use crate::services::Services;
use locality::Peer;
use refusal::Refusal;

/// A client that may come in.
pub(crate) struct Admitted {
    /// Who it is from now on.
    pub(crate) caller: Arc<Caller>,
    /// What `hello-ok` tells it about that.
    pub(crate) auth: HelloAuth,
}

/// Decides about one `connect`.
pub(crate) async fn judge(
    services: &Services,
    peer: &Peer,
    conn_id: ConnId,
    params: ConnectParams,
) -> Result<Admitted, Refusal> {
    let role = params.role.as_deref().unwrap_or("operator");
    let role = Role::parse(role).ok_or_else(|| Refusal::policy(ErrorShape::invalid("invalid role")))?;
    let method = match &services.shared_token {
        None => AuthMethod::None,
        Some(token) => {
            let auth = params.auth.as_ref();
            let given = auth.and_then(|auth| auth.token.as_ref().or(auth.password.as_ref()));
            if !given.is_some_and(|given| token.matches(given.as_str())) {
                return Err(Refusal::policy(ErrorShape::invalid("unauthorized: gateway token mismatch")));
            }
            AuthMethod::Token
        }
    };
    let scopes = ScopeSet::new(params.scopes.clone().unwrap_or_default());
    let auth = HelloAuth {
        method,
        role: role.to_string(),
        scopes: scopes.clone(),
        device_token: None,
        issued_at_ms: None,
        notice: None,
    };
    let caller = Caller {
        conn_id,
        role,
        scopes,
        device_id: None,
        caps: params.caps.unwrap_or_default(),
        client: params.client,
        auth: method,
        peer: peer.addr.ip(),
    };
    Ok(Admitted { caller: Arc::new(caller), auth })
}

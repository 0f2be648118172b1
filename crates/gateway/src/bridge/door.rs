//! From a connection to a node that has proven itself (N-14.5, N-14.9): a token we gave it, or a person's word. Until then
//! it may send 64 KiB a line and a few of them, and has as long as any other handshake.

use std::net::SocketAddr;
use std::time::Instant as Now;

use base::Secret;
use http::HeaderMap;
use store::{Device, StoreError, TokenCheck};
use tokio::time::{Instant, timeout_at};
use wire::Role;
use wire::bridge::{self, FromNode, Hello, NO_KEY, ToNode};

use super::Door;
use super::line::{Lines, Said};
use super::pairing::{self, Word};
use crate::auth::locality::Peer;
use crate::auth::provenance::Provenance;
use crate::auth::throttle::{self, Bucket, Key};
use crate::rpc::ConnId;
use crate::services::Services;

/// Lines of one connection that may be refused before it is in.
const MAX_REFUSED: u32 = 32;

/// A node that is in.
pub(super) struct Entered {
    pub(super) lines: Lines,
    pub(super) device: Device,
    pub(super) hello: Hello,
    pub(super) peer: SocketAddr,
    pub(super) conn_id: ConnId,
}

/// Why a line is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct No {
    code: &'static str,
    message: String,
}

impl No {
    pub(super) fn unauthorized(message: &str) -> Self {
        Self { code: "UNAUTHORIZED", message: message.to_owned() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { code: "INVALID_REQUEST", message: message.into() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
    pub(super) fn out_of_order(error: StoreError) -> Self {
        tracing::error!(%error, "the bridge met a state that cannot be used");
        Self { code: "UNAVAILABLE", message: "the state cannot be used; see the Gateway's log".into() }
    }

    fn line(&self) -> String {
        ToNode::Error { code: self.code, message: &self.message }.line()
    }
}

/// Who knocks.
pub(super) struct Visitor<'a> {
    pub(super) services: &'a Services,
    pub(super) peer: SocketAddr,
    pub(super) conn_id: ConnId,
}

/// Reads until the node is in; `None` when it is sent away or gone.
pub(super) async fn let_in(mut lines: Lines, peer: SocketAddr, door: &Door) -> Option<Entered> {
    let conn_id = ConnId::random();
    let visitor = Visitor { services: &door.front.services, peer, conn_id };
    let patience = door.front.limits.handshake_timeout;
    let mut deadline = Instant::now() + patience;
    for _ in 0..=MAX_REFUSED {
        let line = match timeout_at(deadline, lines.reading.next()).await {
            Ok(Said::Line(line)) => line,
            Ok(Said::End) => return None,
            Ok(Said::Unreadable(why)) => {
                lines.part("INVALID_REQUEST", why).await;
                return None;
            }
            Err(_) => {
                lines.part("UNAUTHORIZED", "handshake timeout").await;
                return None;
            }
        };
        let refused = match bridge::read(&line) {
            Ok(FromNode::Hello(hello)) => match visitor.prove(&hello).await {
                Ok(device) => return Some(Entered { lines, device, hello, peer, conn_id }),
                Err(no) => no.line(),
            },
            Ok(FromNode::PairRequest(hello)) => {
                let word = pairing::wait(&mut lines, &hello, &visitor, &door.waiting).await;
                deadline = Instant::now() + patience;
                match word {
                    Ok(Word::Yes { device, token }) => {
                        lines.writing.send(&ToNode::PairOk { token: token.expose() }.line()).await.ok()?;
                        return Some(Entered { lines, device: *device, hello, peer, conn_id });
                    }
                    Ok(Word::Gone) => return None,
                    Err(no) => no.line(),
                }
            }
            other => match unproven(other) {
                Some(line) => line,
                None => continue,
            },
        };
        lines.writing.send(&refused).await.ok()?;
    }
    lines.part("UNAUTHORIZED", "too many refused lines").await;
    None
}

/// The answer to a line that only a node that is in may send; `None` when it needs none.
pub(super) fn unproven(said: Result<FromNode, String>) -> Option<String> {
    match said {
        Ok(FromNode::Req(call)) => Some(bridge::refused(&call.id, "UNAUTHORIZED", "not authenticated")),
        Ok(FromNode::Pong(_) | FromNode::Hello(_) | FromNode::PairRequest(_)) => None,
        Ok(FromNode::Event(_) | FromNode::InvokeRes(_) | FromNode::Ping(_)) => {
            Some(No::unauthorized("not authenticated").line())
        }
        Err(why) => Some(No::invalid(why).line()),
    }
}

impl Visitor<'_> {
    /// The device of this node, if it was let in on the Bridge. One that holds a key proves itself with it, elsewhere.
    pub(super) async fn device(&self, node_id: &str) -> Result<Option<Device>, No> {
        let device = self.services.store.device(node_id).await.map_err(No::out_of_order)?;
        Ok(device.filter(|device| device.public_key == NO_KEY && device.roles.contains(&Role::Node)))
    }

    /// Checks the token. A wrong one counts against the address it came from, like every wrong device token.
    async fn prove(&self, hello: &Hello) -> Result<Device, No> {
        let node_id = hello.id().map_err(No::invalid)?;
        let known = self.device(node_id).await?;
        let token = hello.token.as_ref().map(|token| Secret::new(token.as_str())).filter(|it| !it.expose().is_empty());
        let (device, token) = match (known, token) {
            (None, _) => return Err(No { code: "NOT_PAIRED", message: "pairing required".into() }),
            (Some(_), None) => return Err(No::unauthorized("pairing required")),
            (Some(device), Some(token)) => (device, token),
        };
        let gate = &self.services.gate;
        let peer = Peer::read(Provenance::Tcp(self.peer), &HeaderMap::new(), &gate.policy());
        let key = Key::of(&peer);
        if gate.counted(|throttle| throttle.locked(Bucket::DeviceToken, &key, Now::now())).is_some() {
            return Err(No::unauthorized("too many failed attempts; try again later"));
        }
        let check = self.services.store.check_token(node_id, Role::Node, &token).await.map_err(No::out_of_order)?;
        if matches!(check, TokenCheck::Good { .. }) {
            gate.counted(|throttle| throttle.succeeded(Bucket::DeviceToken, &key));
            self.services.store.touch_token(node_id, Role::Node).await.map_err(No::out_of_order)?;
            return Ok(device);
        }
        let penalty = gate.counted(|throttle| throttle.failed(Bucket::DeviceToken, &key, Now::now()));
        if let Some(count) = penalty.log {
            let reason = "bridge_token_mismatch";
            throttle::log_failure(Bucket::DeviceToken, &key, count, &peer, bridge::CLIENT, Role::Node.as_str(), reason);
        }
        tokio::time::sleep(penalty.delay).await;
        Err(No::unauthorized("invalid token"))
    }
}

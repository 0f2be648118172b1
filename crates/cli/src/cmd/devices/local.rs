//! The right of the owner of the state folder (PAIR-17): with no Gateway to ask, or one that lets this command in without
//! the scope, waiting devices are looked at and approved in the state itself. So no request can ever block the command
//! that would approve it.

use serde_json::{Value, json};
use store::{GatewayLock, Provenance, Store, StoreError};

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;

/// The state of this host's Gateway, opened for one command.
pub(super) struct Desk(Store);

impl Desk {
    /// Opens the state where `failure` is no answer to somebody who may read it.
    ///
    /// # Errors
    /// `failure` itself where the command meant another host, or the Gateway's word stands.
    pub(super) fn instead_of(app: &App, rpc: &Rpc, failure: Failure) -> Result<Self, Failure> {
        let is_meant = rpc.reach.url.is_none() && rpc::way(app, &rpc.reach, None, true)?.target.source().is_this_host();
        let is_nobody_there = failure.is_unreachable() && matches!(GatewayLock::holder(&app.paths), Ok(None));
        let may = is_meant && (is_nobody_there || failure.is_about_scope());
        if !may || !app.paths.database().exists() {
            return Err(failure);
        }
        app.out.note("note: looking into the Gateway's state on this host");
        Store::open(&app.paths).map(Self).map_err(explained)
    }

    /// As the Gateway lists them.
    pub(super) async fn list(&self) -> Result<Value, Failure> {
        let pending = self.0.pairing_requests().await.map_err(explained)?;
        let paired = self.0.devices().await.map_err(explained)?;
        let pending = pending.iter().map(|request| {
            let mut row = json!(request);
            row["ts"] = json!(request.created_at_ms);
            row
        });
        let paired = paired.iter().map(|device| {
            let tokens = device.tokens.iter().filter(|token| token.revoked_at_ms.is_none()).map(|token| {
                json!({"role": token.role, "scopes": token.scopes, "createdAtMs": token.created_at_ms,
                    "lastUsedAtMs": token.last_used_at_ms})
            });
            let mut row = json!(device);
            row["tokens"] = tokens.collect();
            row
        });
        Ok(json!({"pending": pending.collect::<Vec<_>>(), "paired": paired.collect::<Vec<_>>()}))
    }

    /// Says yes; the device comes in when it next asks.
    pub(super) async fn approve(self, request_id: &str) -> Result<Value, Failure> {
        let done = self.0.approve_pairing_request(request_id, Provenance::Owner).await.map_err(explained)?;
        self.0.close().await;
        let (request, approval) = done.ok_or_else(|| gone(request_id))?;
        Ok(json!({"requestId": request.request_id, "device": approval.device}))
    }

    /// Says no.
    pub(super) async fn reject(self, request_id: &str) -> Result<Value, Failure> {
        let taken = self.0.take_pairing_request(request_id).await.map_err(explained)?;
        self.0.close().await;
        let request = taken.ok_or_else(|| gone(request_id))?;
        Ok(json!({"requestId": request.request_id, "deviceId": request.device_id}))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn explained(error: StoreError) -> Failure {
    Failure::of(&error)
}

fn gone(request_id: &str) -> Failure {
    Failure::new("NOT_FOUND", format!("the request `{request_id}` does not wait any more")).run("openclaw devices list")
}

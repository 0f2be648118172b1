//! Devices, decided on in the state itself (PAIR-17).

use serde_json::{Value, json};
use store::Provenance;

use crate::desk::{Desk, explained, gone};
use crate::exit::Failure;

const LIST: &str = "openclaw devices list";

impl Desk {
    /// As the Gateway lists them.
    pub(super) async fn devices(&self) -> Result<Value, Failure> {
        let pending = self.store().pairing_requests().await.map_err(explained)?;
        let paired = self.store().devices().await.map_err(explained)?;
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
    pub(super) async fn approve_device(self, request_id: &str) -> Result<Value, Failure> {
        let done = self.store().approve_pairing_request(request_id, Provenance::Owner).await.map_err(explained)?;
        self.close().await;
        let (request, approval) = done.ok_or_else(|| gone(request_id, LIST))?;
        Ok(json!({"requestId": request.request_id, "device": approval.device}))
    }

    /// Says no.
    pub(super) async fn reject_device(self, request_id: &str) -> Result<Value, Failure> {
        let taken = self.store().take_pairing_request(request_id).await.map_err(explained)?;
        self.close().await;
        let request = taken.ok_or_else(|| gone(request_id, LIST))?;
        Ok(json!({"requestId": request.request_id, "deviceId": request.device_id}))
    }
}

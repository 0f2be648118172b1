//! WebSocket close codes as the protocol uses them (`protocol.md` 4, RECON-5).

use crate::limits::CLOSE_REASON_MAX_BYTES;

/// Normal end, and a handshake that never came.
pub const NORMAL: u16 = 1000;
/// No common protocol level.
pub const PROTOCOL_MISMATCH: u16 = 1002;
/// Refused: authentication, policy, a slow consumer.
pub const POLICY: u16 = 1008;
/// A message above the limit.
pub const TOO_BIG: u16 = 1009;
/// The server failed.
pub const SERVER_ERROR: u16 = 1011;
/// The Gateway stops or restarts.
pub const SERVICE_RESTART: u16 = 1012;
/// The Gateway is not ready yet.
pub const STARTING: u16 = 1013;
/// Sent by clients that heard no tick.
pub const TICK_TIMEOUT: u16 = 4000;
/// The credential this connection was made with is withdrawn.
pub const AUTH_CHANGED: u16 = 4001;

/// `reason` cut to what a close frame can carry, at a character boundary.
pub fn reason(reason: &str) -> &str {
    if reason.len() <= CLOSE_REASON_MAX_BYTES {
        return reason;
    }
    let end = (0..=CLOSE_REASON_MAX_BYTES).rev().find(|&at| reason.is_char_boundary(at)).unwrap_or(0);
    &reason[..end]
}

#[cfg(test)]
mod tests {
    /// AUTH-6
    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let long = "ä".repeat(100);
        let cut = super::reason(&long);
        assert_eq!(cut.len(), 122);
        assert_eq!(super::reason("short"), "short");
    }
}

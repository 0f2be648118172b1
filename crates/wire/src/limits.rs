//! Every number both ends must agree on (`protocol.md` 1 and 3.6).

use std::time::Duration;

/// Largest message before `connect` has succeeded; a larger one closes with 1009.
pub const PRE_AUTH_MAX_BYTES: usize = 65_536;
/// Largest message afterwards, `policy.maxPayload`.
pub const MAX_PAYLOAD_BYTES: usize = 26_214_400;
/// Bytes waiting for a slow reader before the socket closes with 1008, `policy.maxBufferedBytes`.
pub const MAX_BUFFERED_BYTES: usize = 52_428_800;
/// From the upgrade to a valid `connect`; then close 1000 without a frame.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);
/// Frames that may wait behind `connect`; one more closes with 1008.
pub const MAX_PENDING_HANDSHAKE_FRAMES: usize = 15;
/// Between two `tick` events, `policy.tickIntervalMs`.
pub const TICK_INTERVAL: Duration = Duration::from_secs(30);
/// Silence before the server sends a WebSocket ping, and again before it gives the connection up.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
/// How far `device.signedAt` may be from the server's clock, either way.
pub const SIGNATURE_WINDOW_MS: i64 = 120_000;
/// Longest close reason in bytes (RFC 6455 section 5.5: 125 less the code).
pub const CLOSE_REASON_MAX_BYTES: usize = 123;
/// Refused role checks in a row before the socket closes with 1008.
pub const MAX_UNAUTHORIZED_CALLS: u32 = 10;
/// `policy.attachments.maxBytes`: what fits in a frame once it is base64.
pub const ATTACHMENT_MAX_BYTES: usize = 19_464_192;
/// `policy.attachments.maxImageBytes`.
pub const ATTACHMENT_MAX_IMAGE_BYTES: usize = 6_291_456;
/// Longest `traceparent` and `expectedProfileId` of a request.
pub const REQUEST_LABEL_MAX_BYTES: usize = 128;

//! Test harness: a Gateway per test, a client that says exactly what it is told, fake vendors, a systemd.

mod client;
mod cut_line;
mod gateway;
mod netns;
mod sshd;
mod systemd;
mod tailnet;
mod telegram;
pub mod tls;
pub mod vendors;

pub use client::{Client, Closed, Connect, Received, Refused, device_id, device_key};
pub use cut_line::{CutLine, Line};
pub use ed25519_dalek::SigningKey;
pub use gateway::{TOKEN, TestGateway, free_port, signal};
pub use netns::Netns;
pub use rustix::process::Signal;
pub use sshd::Sshd;
pub use systemd::Systemd;
pub use tailnet::{Claimed, TAILNET_NAME, Tailnet};
pub use telegram::{Call, FakeTelegram, SentFile, Shown, TelegramFault};

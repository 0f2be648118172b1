//! The channels there are. A new one is a folder and a line here.

use crate::Channel;
use crate::telegram::Telegram;
use crate::webhook::Webhook;

/// Every channel, in the order they are shown.
pub static CHANNELS: &[&dyn Channel] = &[&Telegram, &Webhook];

/// The channel of that name.
pub fn find(id: &str) -> Option<&'static dyn Channel> {
    CHANNELS.iter().copied().find(|channel| channel.id() == id)
}

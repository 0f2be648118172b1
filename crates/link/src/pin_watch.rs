//! Hears, on a connection that showed a pinned certificate, which one will come next (TLS-12).

use wire::connect::Features;
use wire::events::tls::TlsNext;

use crate::handshake::Connect;
use crate::pin::Pin;
use crate::pin_store::PinStore;

/// What one connection needs to remember to believe an announcement.
#[derive(Debug)]
pub(crate) struct PinWatch {
    store: PinStore,
    origin: String,
    configured: Pin,
    shown: Pin,
}

impl PinWatch {
    /// Only a connection that showed a pinned certificate is believed, and only where announcements are kept.
    pub(crate) fn of(how: &Connect, shown: Option<Pin>) -> Option<Self> {
        let (configured, shown) = (how.pin?, shown?);
        Some(Self { store: how.pin_store.clone()?, origin: how.target.origin(), configured, shown })
    }

    /// What `hello-ok` says about the next certificate, or that it says nothing.
    pub(crate) fn hello(&self, features: &Features) {
        self.keep(features.capabilities.iter().find_map(|word| TlsNext::of_capability(word)));
    }

    /// What an event says. An event that announces nothing any more comes with the switch itself, when the announced
    /// certificate is about to be shown; only a hello under the old one takes an announcement back.
    pub(crate) fn event(&self, event: &wire::frame::Event) {
        if event.event == wire::events::TLS_NEXT.name
            && let Some(payload) = &event.payload
            && let Ok(next) = serde_json::from_str::<TlsNext>(payload.get())
            && next.fingerprint.is_some()
        {
            self.keep(Some(next));
        }
    }

    /// Failing to keep it is no reason to end a working connection; the next hello says it again.
    fn keep(&self, announced: Option<TlsNext>) {
        let next = announced.and_then(|announced| announced.fingerprint?.parse().ok());
        if let Err(error) = self.store.seen(&self.origin, self.configured, self.shown, next) {
            tracing::warn!(%error, "the announced certificate could not be kept");
        }
    }
}

//! How the Gateway is found: multicast DNS on the local network, and a zone file for a domain of the owner's.
//!
//! Finding must never hurt: what fails here is logged, and the Gateway goes on (DISC-6).

mod advertise;
mod names;
mod record;
mod when;
mod zone;

use std::net::SocketAddr;

use base::Env;

use crate::http::tailnet;
use crate::services::Services;

pub(crate) use advertise::Advertiser;
pub(crate) use record::{BridgeFacts, Record};

/// What is advertised while this is held; goodbye packets are sent when it is closed.
#[derive(Default)]
pub(crate) struct Discovery {
    advertiser: Option<Advertiser>,
}

impl Discovery {
    /// Starts what the config asks for. Never fails; waits for nobody, and for the kernel's list of addresses where a zone
    /// is to hold them.
    pub(crate) async fn start(
        services: &Services,
        addresses: &[SocketAddr],
        fingerprint: Option<&str>,
        bridge: Option<BridgeFacts>,
    ) -> Self {
        let config = services.config.current();
        let env = services.config.env();
        let record = Record { bridge, ..Record::of(services, addresses, fingerprint) };
        if let Some(domain) = &config.discovery.wide_area.domain {
            let folder = services.config.paths().dns();
            match zone::publish(&folder, domain, &record, &tailnet::addresses().await) {
                Ok(zone::Published::Written(file)) => tracing::info!(file = %file.display(), "wide-area zone written"),
                Ok(zone::Published::Unchanged) => {}
                Ok(zone::Published::NoTailnet) => {
                    tracing::warn!(%domain, "no wide-area zone: this machine has no tailnet address");
                }
                Err(error) => tracing::warn!(%error, %domain, "the wide-area zone could not be written"),
            }
        }
        let mode = when::mode(&when::Asked {
            written: services.config.loaded().source.pointer("/discovery/mdns/mode").is_some(),
            mode: config.discovery.mdns.mode,
            disabled: switch(env),
            in_container: config::in_container(env),
            is_macos: cfg!(target_os = "macos"),
        });
        let advertiser = mode.and_then(|mode| match Advertiser::start(&record, mode) {
            Ok(advertiser) => Some(advertiser),
            Err(error) => {
                tracing::warn!(%error, "the Gateway is not advertised on the local network");
                None
            }
        });
        Self { advertiser }
    }

    /// Says goodbye to the network; within a second.
    pub(crate) async fn stop(self) {
        if let Some(advertiser) = self.advertiser {
            advertiser.stop().await;
        }
    }
}

/// `OPENCLAW_DISABLE_BONJOUR`: set and true, set and false, or not set.
fn switch(env: &Env) -> Option<bool> {
    env.get("DISABLE_BONJOUR").map(|_| env.is_on("DISABLE_BONJOUR"))
}

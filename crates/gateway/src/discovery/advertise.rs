//! Multicast DNS, in this process. The responder settles a name that is taken and watches the interfaces by itself.

use std::time::Duration;

use config::MdnsMode;
use mdns_sd::{ServiceDaemon, ServiceInfo};
use wire::discovery::{BRIDGE_SERVICE_TYPE, LOCAL_DOMAIN, SERVICE_TYPE};

use super::Record;

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What is told on the local network: the Gateway, and its Bridge when it has one.
pub(crate) struct Advertiser {
    daemon: ServiceDaemon,
    full_names: Vec<String>,
}

impl Advertiser {
    /// Starts to answer for `record`.
    ///
    /// # Errors
    /// When there is no multicast socket to be had, or the names do not fit DNS.
    pub(crate) fn start(record: &Record, mode: MdnsMode) -> Result<Self, mdns_sd::Error> {
        let host = format!("{}.{LOCAL_DOMAIN}", record.host);
        let service = |kind: &str, port: u16, pairs: Vec<(&'static str, String)>| {
            let kind = format!("{kind}.{LOCAL_DOMAIN}");
            let service = ServiceInfo::new(&kind, &record.instance, &host, "", port, pairs.as_slice());
            service.map(ServiceInfo::enable_addr_auto)
        };
        let mut services = vec![service(SERVICE_TYPE, record.port, record.txt(mode, true))?];
        if let Some(bridge) = &record.bridge {
            services.push(service(BRIDGE_SERVICE_TYPE, bridge.port, record.bridge_txt(bridge, mode, true))?);
        }
        let full_names = services.iter().map(|service| service.get_fullname().to_owned()).collect();
        let daemon = ServiceDaemon::new()?;
        services.into_iter().try_for_each(|service| daemon.register(service))?;
        tracing::info!(name = %record.instance, "advertised on the local network");
        Ok(Self { daemon, full_names })
    }

    /// Takes the service back, with goodbye packets.
    pub(crate) async fn stop(self) {
        let goodbye = async {
            for name in &self.full_names {
                if let Ok(said) = self.daemon.unregister(name) {
                    // The answer only says that the packets are out; a daemon that is gone has none to send.
                    let _gone = said.recv_async().await;
                }
            }
            if let Ok(ended) = self.daemon.shutdown() {
                let _gone = ended.recv_async().await;
            }
        };
        if tokio::time::timeout(GOODBYE, goodbye).await.is_err() {
            tracing::debug!("the goodbye on the local network took too long");
        }
    }
}

//! Multicast DNS, in this process. The responder settles a name that is taken and watches the interfaces by itself.

use std::time::Duration;

use config::MdnsMode;
use mdns_sd::{ServiceDaemon, ServiceInfo};
use wire::discovery::{LOCAL_DOMAIN, SERVICE_TYPE};

use super::Record;

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A service on the local network.
pub(crate) struct Advertiser {
    daemon: ServiceDaemon,
    full_name: String,
}

impl Advertiser {
    /// Starts to answer for `record`.
    ///
    /// # Errors
    /// When there is no multicast socket to be had, or the names do not fit DNS.
    pub(crate) fn start(record: &Record, mode: MdnsMode) -> Result<Self, mdns_sd::Error> {
        let service_type = format!("{SERVICE_TYPE}.{LOCAL_DOMAIN}");
        let host = format!("{}.{LOCAL_DOMAIN}", record.host);
        let pairs = record.txt(mode, true);
        let service = ServiceInfo::new(&service_type, &record.instance, &host, "", record.port, pairs.as_slice())?
            .enable_addr_auto();
        let full_name = service.get_fullname().to_owned();
        let daemon = ServiceDaemon::new()?;
        daemon.register(service)?;
        tracing::info!(name = %record.instance, "advertised on the local network");
        Ok(Self { daemon, full_name })
    }

    /// Takes the service back, with goodbye packets.
    pub(crate) async fn stop(self) {
        let goodbye = async {
            if let Ok(said) = self.daemon.unregister(&self.full_name) {
                // The answer only says that the packets are out; a daemon that is gone has none to send.
                let _gone = said.recv_async().await;
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

//! Multicast DNS, in this process: no tool of the platform is needed (DISC-9).

use std::collections::BTreeMap;
use std::time::Duration;

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::time::Instant;
use wire::discovery::{LEGACY_SERVICE_TYPES, LOCAL_DOMAIN, SERVICE_TYPE};

use super::beacon::{Beacon, Heard, decoded};

/// Listens for `timeout`, under the present name and the earlier ones.
pub(super) async fn browse(timeout: Duration) -> Result<Vec<Beacon>, mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    let until = Instant::now() + timeout;
    let types = [SERVICE_TYPE].into_iter().chain(LEGACY_SERVICE_TYPES);
    let mut listeners = tokio::task::JoinSet::new();
    for service_type in types {
        let events = daemon.browse(&format!("{service_type}.{LOCAL_DOMAIN}"))?;
        listeners.spawn(async move {
            let mut heard: BTreeMap<String, Heard> = BTreeMap::new();
            while let Ok(Ok(event)) = tokio::time::timeout_at(until, events.recv_async()).await {
                take(&mut heard, service_type, event);
            }
            heard
        });
    }
    let heard = listeners.join_all().await;
    if let Ok(ended) = daemon.shutdown() {
        // Only says that its thread has ended.
        let _gone = ended.recv_async().await;
    }
    Ok(heard.into_iter().flat_map(BTreeMap::into_values).map(Beacon::from).collect())
}

fn take(heard: &mut BTreeMap<String, Heard>, service_type: &'static str, event: ServiceEvent) {
    match event {
        ServiceEvent::ServiceFound(_, full_name) => {
            let one = Heard {
                instance: instance(&full_name, service_type),
                domain: LOCAL_DOMAIN.to_owned(),
                legacy: service_type != SERVICE_TYPE,
                ..Heard::default()
            };
            heard.entry(full_name).or_insert(one);
        }
        ServiceEvent::ServiceResolved(service) => {
            heard.insert(service.fullname.clone(), resolved(&service, service_type));
        }
        ServiceEvent::ServiceRemoved(_, full_name) => {
            heard.remove(&full_name);
        }
        _ => {}
    }
}

fn resolved(service: &ResolvedService, service_type: &str) -> Heard {
    let properties = service.txt_properties.iter();
    let mut addresses: Vec<_> = service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr).collect();
    addresses.sort();
    Heard {
        instance: instance(&service.fullname, service_type),
        domain: LOCAL_DOMAIN.to_owned(),
        resolved: Some((service.host.trim_end_matches('.').to_owned(), service.port)),
        address: addresses.first().map(ToString::to_string),
        txt: properties.map(|pair| (pair.key().to_owned(), pair.val_str().to_owned())).collect(),
        legacy: service_type != SERVICE_TYPE,
    }
}

fn instance(full_name: &str, service_type: &str) -> String {
    let end = full_name.find(&format!(".{service_type}.")).unwrap_or(full_name.len());
    decoded(&full_name[..end])
}

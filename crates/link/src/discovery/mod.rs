//! Gateways that say they are there (DISC-5, DISC-7, DISC-9). What is heard is a suggestion: host and port are those
//! that were resolved, nothing is connected to, no credential is sent, no config is changed.

mod beacon;
mod browse;
mod wide_area;

use std::net::IpAddr;
use std::time::Duration;

pub use beacon::Beacon;

/// Where to look.
#[derive(Debug, Clone)]
pub struct Search {
    /// For the whole search.
    pub timeout: Duration,
    /// A domain with a wide-area zone, and the name servers to ask for it (the peers of a tailnet).
    pub wide_area: Option<(String, Vec<IpAddr>)>,
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The domains that were looked in.
    pub domains: Vec<String>,
    /// The Gateways, by name, each once.
    pub beacons: Vec<Beacon>,
    /// What could not be looked at, in words.
    pub problems: Vec<String>,
}

/// Looks until the time is up.
pub async fn discover(search: &Search) -> Found {
    let local = browse::browse(search.timeout);
    let wide = async {
        match &search.wide_area {
            Some((domain, servers)) => wide_area::ask(domain, servers, search.timeout).await,
            None => Vec::new(),
        }
    };
    let (local, wide) = tokio::join!(local, wide);
    let mut found = Found { domains: vec!["local.".into()], ..Found::default() };
    match local {
        Ok(beacons) => found.beacons = beacons,
        Err(error) => found.problems.push(format!("the local network cannot be searched: {error}")),
    }
    found.domains.extend(search.wide_area.iter().map(|(domain, _)| format!("{}.", domain.trim_end_matches('.'))));
    found.beacons.extend(wide);
    found.beacons.sort_by(|a, b| (&a.display_name, &a.domain, a.port).cmp(&(&b.display_name, &b.domain, b.port)));
    found.beacons.dedup_by(|a, b| a.instance_name == b.instance_name && a.domain == b.domain);
    found
}

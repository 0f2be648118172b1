//! What the local network is told (DISC-3).

use config::MdnsMode;

use super::pages::worse_when_exposed;
use super::{Check, Finding, Subject};

pub(super) const CHECKS: &[Check] = &[full_mode];

fn full_mode(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.config.discovery.mdns.mode != MdnsMode::Full {
        return Vec::new();
    }
    let detail = "discovery.mdns.mode=full tells everyone on the network the SSH port, program path and tailnet name.";
    let severity = worse_when_exposed(subject);
    vec![
        Finding::new("discovery.mdns_full_mode", severity, "Discovery tells a lot", detail)
            .mend("openclaw config set discovery.mdns.mode minimal"),
    ]
}

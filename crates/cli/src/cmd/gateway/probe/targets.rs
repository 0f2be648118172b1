//! Which Gateways a probe looks at, in which order and for how long (PROBE-8, SSH-18).

use std::time::Duration;

use config::Mode;
use link::discovery::Beacon;
use link::{Source, SshTarget};

use super::Args;
use crate::app::App;
use crate::args::{Reach, SshFlags, Via};
use crate::cred::Way;
use crate::exit::Failure;
use crate::rpc;

/// The Gateway of this host when another one is meant.
const LOOPBACK_WITHIN: Duration = Duration::from_millis(800);
/// Any other that is not meant.
const OTHER_WITHIN: Duration = Duration::from_millis(1500);
/// A tunnel that nobody named.
const TUNNEL_WITHIN: Duration = Duration::from_secs(2);

/// One to look at.
pub(super) struct Planned {
    pub(super) way: Way,
    /// Whether commands would go there.
    pub(super) is_active: bool,
    pub(super) within: Duration,
}

/// The `--ssh-auto` host and the port of the Gateway on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) host: SshTarget,
    pub(super) port: u16,
}

/// The first Gateway whose resolved host can be logged in to; only the SSH port is taken from what it tells of itself.
pub(super) fn heard(beacons: &[Beacon], user: Option<&str>) -> Option<Heard> {
    let login = |beacon: &Beacon| {
        let host = beacon.host.as_deref()?.trim_end_matches('.');
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let target = SshTarget::parse(&format!("{user}{host}:{}", beacon.ssh_port.unwrap_or(link::SSH_PORT))).ok()?;
        Some(Heard { host: target, port: beacon.port? })
    };
    beacons.iter().find_map(login)
}

/// Every target: explicit, through SSH, the configured remote, this host; each URL once.
pub(super) fn planned(app: &App, args: &Args, heard: Option<&Heard>, whole: Duration) -> Result<Vec<Planned>, Failure> {
    let direct = SshFlags { via: Some(Via::Direct), ..SshFlags::default() };
    let reach = &args.rpc.reach;
    let at = |reach: &Reach, port, flags: &SshFlags| rpc::way_by(app, reach, port, flags, true);
    let mut plan = Plan { found: Vec::new(), whole };
    if reach.url.is_some() || (args.port.is_none() && app.env.get("GATEWAY_URL").is_some()) {
        plan.add(at(reach, None, &direct)?, true, whole);
    }
    let secrets = Reach { url: None, ..reach.clone() };
    let asks_for_ssh = app.ssh.ssh.is_some() || app.ssh.via == Some(Via::Ssh);
    let ssh = match heard {
        Some(heard) if !asks_for_ssh => {
            let flags = SshFlags { ssh: Some(heard.host.to_string()), ..app.ssh.clone() };
            Some((at(&secrets, Some(args.port.unwrap_or(heard.port)), &flags)?, TUNNEL_WITHIN))
        }
        _ if asks_for_ssh || plan.found.is_empty() => {
            let way = at(&secrets, args.port, &app.ssh)?;
            way.target.ssh().is_some().then_some((way, whole))
        }
        _ => None,
    };
    let goes_through_ssh = ssh.is_some();
    if let Some((way, within)) = ssh {
        plan.add(way, true, within);
    }
    if let Some(way) = configured(app, args, goes_through_ssh)? {
        let is_meant = plan.found.is_empty() && app.config()?.config.gateway.mode == Some(Mode::Remote);
        plan.add(way, is_meant, OTHER_WITHIN);
    }
    let port = args.port.or_else(|| app.config_port()).unwrap_or_else(|| app.paths.profile.default_port());
    // The secrets of the command line are for the Gateway that is meant.
    let is_meant = plan.found.iter().all(|planned| !planned.is_active);
    let (own, port) = if is_meant { (secrets, args.port) } else { (Reach::default(), Some(port)) };
    plan.add(at(&own, port, &direct)?, is_meant, LOOPBACK_WITHIN);
    Ok(plan.found)
}

struct Plan {
    found: Vec<Planned>,
    whole: Duration,
}

impl Plan {
    /// Adds a target unless it is there; the one that is meant has all the time there is, but for a tunnel nobody named.
    fn add(&mut self, way: Way, is_active: bool, otherwise: Duration) {
        let name = way.target.to_string();
        if self.found.iter().any(|planned| planned.way.target.to_string() == name) {
            return;
        }
        let within = if is_active && way.target.ssh().is_none() { self.whole } else { otherwise.min(self.whole) };
        self.found.push(Planned { way, is_active, within });
    }
}

/// `gateway.remote.url`, active or not: with `--port` alone it is ignored, and the local end of a tunnel is no Gateway of
/// its own.
fn configured(app: &App, args: &Args, goes_through_ssh: bool) -> Result<Option<Way>, Failure> {
    let only_port = args.port.is_some() && args.rpc.reach.url.is_none();
    if only_port || app.config().is_err() {
        return Ok(None);
    }
    let Some(way) = rpc::configured_remote(app)? else { return Ok(None) };
    let is_near_end = goes_through_ssh && way.target.is_loopback();
    Ok((!is_near_end && *way.target.source() == Source::ConfigRemote).then_some(way))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beacon(host: Option<&str>, ssh_port: Option<u16>) -> Beacon {
        let text = serde_json::json!({"host": host, "sshPort": ssh_port});
        let port = host.map(|_| 18790);
        Beacon {
            instance_name: text.to_string(),
            display_name: "Studio".into(),
            domain: "local.".into(),
            host: host.map(str::to_owned),
            port,
            address: None,
            lan_host: Some("elsewhere.local".into()),
            tailnet_dns: Some("elsewhere.ts.net".into()),
            gateway_port: Some(1),
            ssh_port,
            gateway_tls: false,
            gateway_tls_fingerprint_sha256: None,
            cli_path: None,
            role: None,
            transport: None,
            txt: std::collections::BTreeMap::new(),
            ws_url: None,
            legacy: false,
        }
    }

    /// SSH-18, PROBE-8: hints are ignored; what was resolved decides.
    #[test]
    fn the_first_resolved_host_is_taken_and_hints_are_not() {
        let found = heard(&[beacon(None, None), beacon(Some("studio.local."), None)], Some("ada")).unwrap();
        assert_eq!((found.host.to_string().as_str(), found.port), ("ada@studio.local:22", 18790));
        let found =
            heard(&[beacon(Some("-oProxyCommand=x"), None), beacon(Some("b.local"), Some(2222))], None).unwrap();
        assert_eq!(found.host.to_string(), "b.local:2222");
        assert_eq!(heard(&[beacon(None, Some(22))], Some("ada")), None);
    }
}

//! Whether Tailscale is why a device of a tailnet cannot be reached (TS-11): a dial that met silence says nothing about
//! the network this machine has left, and `tailscale status` does. Asked only after a dial failed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use base::{Code, Explain, Kind, Step};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::error::{Awaited, DialError};
use crate::target::{Route, Target};

/// A person already waited for the dial.
const PATIENCE: Duration = Duration::from_secs(2);
/// The status of a tailnet with ten thousand devices fits.
const STATUS_MAX_BYTES: u64 = 32 * 1024 * 1024;
/// On the path, and where the macOS app has it.
const PROGRAMS: [&str; 2] = ["tailscale", "/Applications/Tailscale.app/Contents/MacOS/Tailscale"];

/// A dial that failed, and what Tailscale has to do with it.
#[derive(Debug, thiserror::Error)]
#[error("{} ({error})", .why.sentence(.target))]
pub struct TailnetFault {
    target: Target,
    why: Why,
    error: DialError,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    NotInstalled,
    NotRunning,
    Stopped,
    LoggedOut,
    NeedsLogin,
    Offline,
    Blocked,
}

impl TailnetFault {
    /// What the dial itself met.
    pub const fn error(&self) -> &DialError {
        &self.error
    }
}

impl Why {
    fn sentence(self, target: &Target) -> String {
        let (host, port) = (target.host(), target.port());
        match self {
            Self::NotInstalled => {
                format!("`{host}` is a name of a tailnet, and tailscale is not installed on this machine")
            }
            Self::NotRunning => "tailscaled does not answer on this machine".into(),
            Self::Stopped => "Tailscale is stopped on this machine".into(),
            Self::LoggedOut => "tailscale is logged out on this machine".into(),
            Self::NeedsLogin => "tailscale needs a login on this machine".into(),
            Self::Offline => format!("`{host}` is offline on the tailnet"),
            Self::Blocked => {
                format!("`{host}` is online on the tailnet, and its policy may not let this machine reach port {port}")
            }
        }
    }
}

impl Explain for TailnetFault {
    fn code(&self) -> Code {
        Code(match self.why {
            Why::NotInstalled => "TAILSCALE_NOT_INSTALLED",
            Why::NotRunning => "TAILSCALE_NOT_RUNNING",
            Why::Stopped => "TAILSCALE_STOPPED",
            Why::LoggedOut => "TAILSCALE_LOGGED_OUT",
            Why::NeedsLogin => "TAILSCALE_NEEDS_LOGIN",
            Why::Offline => "TAILNET_OFFLINE",
            Why::Blocked => "TAILNET_BLOCKED",
        })
    }

    fn kind(&self) -> Kind {
        Kind::Unreachable
    }

    fn next(&self) -> Vec<Step> {
        let host = self.target.host();
        match self.why {
            Why::NotInstalled => vec![Step::advise("install it from https://tailscale.com/download")],
            Why::NotRunning => vec![Step::run("sudo systemctl start tailscaled")],
            Why::Stopped | Why::LoggedOut | Why::NeedsLogin => vec![Step::run("sudo tailscale up")],
            Why::Offline => vec![Step::advise(format!("on {host} run: sudo tailscale up"))],
            Why::Blocked => vec![
                Step::advise(format!("on {host} run: openclaw gateway status")),
                Step::advise("if it answers there, allow the port: https://login.tailscale.com/admin/acls"),
            ],
        }
    }
}

/// The same outcome; a failure that Tailscale explains says so.
pub(crate) async fn looked_into<T>(outcome: Result<T, DialError>) -> Result<T, DialError> {
    let error = match outcome {
        Err(error) if may_be_tailscales(&error) => error,
        outcome => return outcome,
    };
    let Some(target) = target_of(&error).cloned() else { return Err(error) };
    match judge(&ask().await, &target, &error) {
        Some(why) => Err(DialError::Tailnet(Box::new(TailnetFault { target, why, error }))),
        None => Err(error),
    }
}

fn target_of(error: &DialError) -> Option<&Target> {
    match error {
        DialError::Dns { target, .. }
        | DialError::Unreachable { target, .. }
        | DialError::Timeout { target, awaited: Awaited::Connection, .. } => Some(target),
        _ => None,
    }
}

/// Nobody was met on a straight way to a tailnet.
fn may_be_tailscales(error: &DialError) -> bool {
    target_of(error).is_some_and(|target| *target.route() == Route::Direct && is_in_tailnet(target.host()))
}

/// A MagicDNS name, or an address tailnets hand out: 100.64.0.0/10 and `fd7a:115c:a1e0::/48`.
pub(crate) fn is_in_tailnet(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(v4)) => v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]),
        Ok(IpAddr::V6(v6)) => v6.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
        Err(_) => is_magic_name(host),
    }
}

/// `machine.tailnet.ts.net`.
pub(crate) fn is_magic_name(host: &str) -> bool {
    host.trim_end_matches('.').to_ascii_lowercase().ends_with(".ts.net")
}

/// What the program said.
enum Asked {
    NotInstalled,
    Silent,
    Said(Status),
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Status {
    backend_state: String,
    have_node_key: bool,
    peer: Option<BTreeMap<String, Device>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Device {
    #[serde(rename = "DNSName")]
    dns_name: String,
    #[serde(rename = "TailscaleIPs")]
    tailscale_ips: Option<Vec<IpAddr>>,
    online: bool,
}

impl Device {
    fn is(&self, host: &str) -> bool {
        let name = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        let by_address = |address: IpAddr| self.tailscale_ips.iter().flatten().any(|one| *one == address);
        host.parse().map_or_else(|_| name(&self.dns_name) == name(host), by_address)
    }
}

async fn ask() -> Asked {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.args(["status", "--json"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut child) = command.kill_on_drop(true).spawn() else { continue };
        let Some(stdout) = child.stdout.take() else { return Asked::Silent };
        let mut said = String::new();
        let read = tokio::time::timeout(PATIENCE, stdout.take(STATUS_MAX_BYTES).read_to_string(&mut said)).await;
        let json = said.find('{').zip(said.rfind('}')).and_then(|(from, to)| said.get(from..=to));
        let status = json.filter(|_| matches!(read, Ok(Ok(_)))).and_then(|json| serde_json::from_str(json).ok());
        return status.map_or(Asked::Silent, Asked::Said);
    }
    Asked::NotInstalled
}

/// What that means for a dial to `target`; `None` when it explains nothing. Pure.
fn judge(asked: &Asked, target: &Target, error: &DialError) -> Option<Why> {
    let status = match asked {
        // Another network may use the same addresses, and a funnel's name is known everywhere.
        Asked::NotInstalled => {
            let unknown = is_magic_name(target.host()) && matches!(error, DialError::Dns { .. });
            return unknown.then_some(Why::NotInstalled);
        }
        Asked::Silent => return Some(Why::NotRunning),
        Asked::Said(status) => status,
    };
    match status.backend_state.as_str() {
        "Stopped" => Some(Why::Stopped),
        "NeedsLogin" if status.have_node_key => Some(Why::NeedsLogin),
        "NeedsLogin" => Some(Why::LoggedOut),
        "Running" => {
            let device = status.peer.iter().flatten().map(|(_, device)| device).find(|one| one.is(target.host()))?;
            let is_silent = matches!(error, DialError::Timeout { .. });
            if device.online { is_silent.then_some(Why::Blocked) } else { Some(Why::Offline) }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use serde_json::{Value, json};

    use super::*;
    use crate::target::Source;

    fn silent(url: &str) -> DialError {
        let target = Target::parse(url, Source::ConfigRemote).unwrap();
        DialError::Timeout { target, awaited: Awaited::Connection, waited: PATIENCE }
    }

    fn unknown(url: &str) -> DialError {
        let target = Target::parse(url, Source::ConfigRemote).unwrap();
        DialError::Dns { target, source: io::Error::from(io::ErrorKind::NotFound) }
    }

    fn judged(status: Value, error: &DialError) -> Option<Why> {
        judge(&Asked::Said(serde_json::from_value(status).unwrap()), target_of(error).unwrap(), error)
    }

    const BOX: &str = "wss://box.tail1.ts.net";

    /// TS-11, TS-10
    #[test]
    fn each_state_of_the_local_tailscale_has_its_sentence() {
        let state = |state: &str, key: bool| json!({"BackendState": state, "HaveNodeKey": key});
        assert_eq!(judged(state("Stopped", true), &silent(BOX)), Some(Why::Stopped));
        assert_eq!(judged(state("NeedsLogin", false), &silent(BOX)), Some(Why::LoggedOut));
        assert_eq!(judged(state("NeedsLogin", true), &unknown(BOX)), Some(Why::NeedsLogin));
        assert_eq!(judged(state("Running", true), &silent(BOX)), None, "nothing is known of that name");
        let peers = |online: bool| {
            let device = json!({"DNSName": "Box.tail1.ts.net.", "TailscaleIPs": ["100.64.0.2"], "Online": online});
            json!({"BackendState": "Running", "Peer": {"nodekey:1": device}})
        };
        for url in [BOX, "ws://100.64.0.2:18789"] {
            assert_eq!(judged(peers(false), &silent(url)), Some(Why::Offline), "{url}");
            assert_eq!(judged(peers(true), &silent(url)), Some(Why::Blocked), "{url}");
        }
        assert_eq!(judged(peers(true), &unknown(BOX)), None, "a name that does not resolve is no policy");
    }

    /// TS-11
    #[test]
    fn without_tailscale_only_a_name_nobody_knows_is_put_down_to_it() {
        let judged = |error: &DialError| judge(&Asked::NotInstalled, target_of(error).unwrap(), error);
        assert_eq!(judged(&unknown(BOX)), Some(Why::NotInstalled));
        assert_eq!(judged(&silent(BOX)), None);
        assert_eq!(judged(&silent("ws://100.64.0.2:18789")), None);
    }

    /// TS-11
    #[test]
    fn only_dials_to_a_tailnet_that_met_nobody_are_looked_into() {
        let looked = |url: &str| may_be_tailscales(&silent(url));
        assert!(looked(BOX) && looked("ws://100.127.0.1:1") && looked("ws://[fd7a:115c:a1e0::1]:1"));
        assert!(!looked("ws://100.128.0.1:1") && !looked("wss://gateway.example") && !looked("ws://[fd00::1]:1"));
        assert!(!may_be_tailscales(&DialError::Refused { target: Target::parse(BOX, Source::Flag).unwrap() }));
    }
}

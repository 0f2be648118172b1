//! What the `openclaw` of a far host says of its own Gateway: the port, and the certificate (SSH-17, TLS-11).

use std::time::Duration;

use link::{DialError, Pin, Ran, Route, Source, SshRoute, SshTarget, Target};
use serde_json::Value;

use crate::app::App;
use crate::exit::Failure;
use crate::invitation;
use crate::rpc::block_on;
use crate::{passphrase, ssh};

/// Two quick commands over there.
const WITHIN: Duration = Duration::from_secs(30);

/// The Gateway of that host.
pub(super) struct There {
    pub(super) port: u16,
    pub(super) pin: Option<Pin>,
}

/// Asks the host. One that has no `openclaw` in its `PATH` may still forward to a Gateway: then the usual port is meant.
pub(super) fn ask(app: &App, host: &SshTarget, port: Option<u16>) -> Result<There, Failure> {
    let asked = passphrase::asked_for(app, target(app, host, base::DEFAULT_PORT, false)?)?;
    let route = asked.ssh().cloned();
    let route = route.unwrap_or_else(|| SshRoute::new(host.clone()));
    let said = told(&run(&route, "gateway target --json")?);
    let port = port.or_else(|| port_of(&said)).unwrap_or(base::DEFAULT_PORT);
    let tls = told(&run(&route, "gateway tls show --json")?);
    let pin = tls["fingerprint"].as_str().filter(|_| tls["enabled"] == true).and_then(|text| text.parse().ok());
    Ok(There { port, pin })
}

fn port_of(said: &Value) -> Option<u16> {
    Target::parse(said["url"].as_str()?, Source::ConfigRemote).ok().filter(Target::is_loopback).map(|url| url.port())
}

fn run(route: &SshRoute, words: &str) -> Result<Ran, Failure> {
    let script = invitation::script(words);
    block_on(async {
        let ran = link::ssh_run(route, &script, tokio::io::empty(), WITHIN).await;
        ran.map_err(|failure| Failure::dial(&DialError::Ssh(Box::new(failure))))
    })
}

/// Its one value; null when it gave none.
fn told(ran: &Ran) -> Value {
    let text = String::from_utf8_lossy(&ran.stdout);
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default()
}

/// The Gateway on the loopback of the far host, as every command will reach it.
pub(super) fn target(app: &App, host: &SshTarget, port: u16, tls: bool) -> Result<Target, Failure> {
    let route = SshRoute { identity: app.ssh.ssh_identity.clone(), ..SshRoute::new(host.clone()) };
    let source = Source::SshFlag(format!("ssh tunnel {}", host.whole()));
    let scheme = if tls { "wss" } else { "ws" };
    let target = Target::parse(&format!("{scheme}://127.0.0.1:{port}"), source)?;
    ssh::outfit(app, target.by(Route::Ssh(Box::new(route))))
}

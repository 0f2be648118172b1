//! What the user's SSH configuration makes of a target (SSH-3): an alias may stand for another host, user and port.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::{SshRoute, SshTarget, openssh, options};

/// `ssh -G` reads files only; a configuration that runs slow programs (`Match exec`) is not waited for.
const WITHIN: Duration = Duration::from_millis(800);
/// More than any configuration prints.
const OUTPUT_MAX: u64 = 64 * 1024;

/// The target with user, host and port filled in. Any failure keeps it as it is written.
pub(super) fn resolve(route: &SshRoute) -> SshTarget {
    ask(route).map_or_else(|| route.target.clone(), |text| filled(&route.target, &text))
}

fn ask(route: &SshRoute) -> Option<String> {
    let mut command = Command::new(openssh::program()?);
    command.args(options::explain(route)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let stdout = child.stdout.take()?;
    let (send, receive) = mpsc::sync_channel(1);
    // The thread ends with the pipe, which ends with the child below.
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.take(OUTPUT_MAX).read_to_string(&mut text);
        // Nobody waits any more once the time is up.
        let _late = send.send(read.is_ok().then_some(text));
    });
    let text = receive.recv_timeout(WITHIN).ok().flatten();
    // When it has answered it is at its end; when not, it is not waited for.
    let _ended_already = child.kill();
    let _status = child.wait();
    text
}

fn filled(target: &SshTarget, text: &str) -> SshTarget {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).map(str::to_owned);
    let port = value("port").and_then(|port| port.parse().ok()).filter(|port| *port != 0);
    target.filled(value("user"), value("hostname"), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SSH-3
    #[test]
    fn an_alias_gets_the_user_host_and_port_of_the_configuration() {
        let alias = SshTarget::parse("studio").unwrap();
        let text = "host studio\nuser ada\nhostname 10.0.0.5\nport 2200\nidentityfile ~/.ssh/id_ed25519\n";
        assert_eq!(filled(&alias, text).whole(), "ada@10.0.0.5:2200");
        assert_eq!(filled(&alias, "").to_string(), "studio");
        assert_eq!(filled(&alias, "hostname -oBad\nport 0\n").to_string(), "studio");
    }
}

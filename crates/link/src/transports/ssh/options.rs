//! Which options our `ssh` runs with (SSH-4), as a pure function. What the person's own configuration says beyond these
//! holds: agent, keys, jump hosts, proxies, aliases.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::{HostKeys, SshRoute};

/// Until the SSH handshake is done, in seconds (SSH-4).
const CONNECT_SECS: u32 = 5;
/// A silent server is given up after three of these, in seconds (SSH-4).
const ALIVE_EVERY_SECS: u32 = 15;
/// How long the socket path of a shared connection may be: `ssh` binds a name 17 bytes longer first, and the smallest
/// limit of a system is 104 bytes with the closing zero.
const SOCKET_PATH_MAX: usize = 86;

/// The shared connection a call joins or starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) socket: &'a Path,
    pub(super) idle: Duration,
}

/// The arguments that make `ssh` one byte stream to `far_port` of the host's own loopback.
///
/// `-W` never goes to the background by itself, so `ForkAfterAuthentication`, which OpenSSH before 8.7 refuses to
/// read, is not named.
pub(super) fn stream(route: &SshRoute, far_port: u16, shared: Option<Shared<'_>>) -> Vec<OsString> {
    let mut args = connection(route, shared);
    args.extend(["-W".into(), format!("127.0.0.1:{far_port}").into()]);
    args.extend(["--".into(), route.target.login().into()]);
    args
}

/// The arguments that make `ssh` run `script` in a plain shell of the far host, whatever shell its user likes.
pub(super) fn command(route: &SshRoute, script: &str, shared: Option<Shared<'_>>) -> Vec<OsString> {
    let mut args = connection(route, shared);
    args.extend(["--".into(), route.target.login().into()]);
    args.push(in_plain_shell(script).into());
    args
}

/// The command line that runs `script` in a plain shell, whatever shell reads it.
pub(super) fn in_plain_shell(script: &str) -> String {
    format!("exec sh -c {}", shell_words::quote(script))
}

fn connection(route: &SshRoute, shared: Option<Shared<'_>>) -> Vec<OsString> {
    let mut args = common(route);
    let mut option = |text: String| args.extend([OsString::from("-o"), OsString::from(text)]);
    match shared {
        Some(shared) => {
            option("ControlMaster=auto".into());
            option(format!("ControlPersist={}", shared.idle.as_secs().max(1)));
            option(format!("ControlPath={}", shared.socket.display()));
        }
        None => {
            option("ControlMaster=no".into());
            option("ControlPath=none".into());
        }
    }
    args
}

/// The arguments that make `ssh` say what it would do, without connecting (SSH-3).
pub(super) fn explain(route: &SshRoute) -> Vec<OsString> {
    let mut args = vec![OsString::from("-G")];
    args.extend(place(route));
    args.extend(["--".into(), route.target.login().into()]);
    args
}

fn common(route: &SshRoute) -> Vec<OsString> {
    let mut args = place(route);
    let mut option = |text: &str| args.extend([OsString::from("-o"), OsString::from(text)]);
    if route.host_keys == HostKeys::Strict {
        option("StrictHostKeyChecking=yes");
        option("UpdateHostKeys=yes");
    }
    option("BatchMode=yes");
    option("ExitOnForwardFailure=yes");
    option("ClearAllForwardings=yes");
    option("PermitLocalCommand=no");
    option("TCPKeepAlive=yes");
    option(&format!("ConnectTimeout={CONNECT_SECS}"));
    option(&format!("ServerAliveInterval={ALIVE_EVERY_SECS}"));
    option("ServerAliveCountMax=3");
    // What `ssh` says is how a failure is told apart; a quiet configuration must not hide it.
    option("LogLevel=INFO");
    args.extend(["-a", "-x", "-T"].map(OsString::from));
    args
}

/// Config file, port and key, where they were named.
fn place(route: &SshRoute) -> Vec<OsString> {
    let mut args = Vec::new();
    if let Some(file) = &route.config_file {
        args.extend(["-F".into(), file.clone().into_os_string()]);
    }
    if let Some(port) = route.target.named_port() {
        args.extend(["-p".into(), port.to_string().into()]);
    }
    if let Some(identity) = &route.identity {
        args.extend(["-i".into(), identity.clone().into_os_string()]);
    }
    args
}

/// Whether `ssh` takes this path as the socket of a shared connection, letter for letter and short enough.
pub(super) fn is_socket_path(path: &Path) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@,=".contains(c);
    path.is_absolute() && path.to_str().is_some_and(|text| text.len() <= SOCKET_PATH_MAX && text.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transports::ssh::SshTarget;

    fn text(args: &[OsString]) -> String {
        args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    /// SSH-4, SSH-6
    #[test]
    fn the_command_is_strict_shows_no_agent_and_ends_in_the_host() {
        let route = SshRoute::new(SshTarget::parse("me@host:2222").unwrap());
        let shared = Shared { socket: Path::new("/s/ssh/x"), idle: Duration::from_secs(600) };
        let line = text(&stream(&route, 18789, Some(shared)));
        for part in [
            "-p 2222 ",
            "-o BatchMode=yes",
            "-o StrictHostKeyChecking=yes",
            "-o UpdateHostKeys=yes",
            "-o ExitOnForwardFailure=yes",
            "-o ConnectTimeout=5",
            "-o ServerAliveInterval=15",
            "-o ServerAliveCountMax=3",
            "-o PermitLocalCommand=no",
            "-a -x -T",
            "-o ControlMaster=auto",
            "-o ControlPersist=600",
            "-o ControlPath=/s/ssh/x",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(line.ends_with(" -W 127.0.0.1:18789 -- me@host"), "{line}");
        let alone = text(&stream(&route, 1, None));
        assert!(alone.contains("-o ControlMaster=no -o ControlPath=none") && !alone.contains("Persist"), "{alone}");
    }

    /// SSH-17: one word for the far shell, whatever is in it.
    #[test]
    fn a_command_reaches_the_far_shell_as_it_is_written() {
        let route = SshRoute::new(SshTarget::parse("me@host").unwrap());
        let line = text(&command(&route, "echo \"it's $HOME\"; exit 3", None));
        assert!(line.ends_with(r#"-- me@host exec sh -c 'echo "it'\''s $HOME"; exit 3'"#), "{line}");
        assert!(!line.contains("-W"), "{line}");
    }

    /// SSH-6
    #[test]
    fn the_openssh_policy_leaves_host_keys_to_the_users_config() {
        let target = SshTarget::parse("studio").unwrap();
        let route = SshRoute { host_keys: HostKeys::Openssh, ..SshRoute::new(target) };
        let line = text(&stream(&route, 1, None));
        assert!(!line.contains("HostKey") && !line.contains("-p "), "{line}");
    }

    /// SSH-3
    #[test]
    fn an_alias_is_asked_about_with_what_was_named_and_no_more() {
        let target = SshTarget::parse("me@studio").unwrap();
        let identity = Some("/k/id".into());
        let route = SshRoute { identity, config_file: Some("/c/cfg".into()), ..SshRoute::new(target) };
        assert_eq!(text(&explain(&route)), "-G -F /c/cfg -i /k/id -- me@studio");
    }

    #[test]
    fn a_socket_path_is_short_absolute_and_plain() {
        assert!(is_socket_path(Path::new("/home/me/.openclaw/ssh/0123456789abcdef")));
        for bad in ["ssh/x", "/home/a b/x", "/h/%h", "/h/${X}", &format!("/{}", "x".repeat(SOCKET_PATH_MAX))] {
            assert!(!is_socket_path(Path::new(bad)), "{bad}");
        }
    }
}

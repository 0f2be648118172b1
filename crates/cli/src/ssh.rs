//! When a command goes through SSH, to whom, and with what (SSH-12, SSH-18, SSH-19): a pure function from flags and
//! config to a target, and the few things of this machine that its `ssh` is given.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Env;
use config::{HostKeyPolicy, Mode, Transport};
use link::{Caller, HostKeys, Route, SHARED_IDLE, Sharing, Source, SshBackend, SshRoute, SshTarget, Target};

use crate::app::App;
use crate::args::{self, Backend, Via};
use crate::cred::{Asked, Given, NoWay};
use crate::exit::Failure;

/// The far end's port when nothing names one.
const FAR_PORT: u16 = 18789;

/// The target behind SSH, when the command goes that way: asked for by flag, or by the config of remote mode unless a
/// flag or the environment names another Gateway.
pub(crate) fn target(asked: &Asked, given: Given<'_>) -> Result<Option<Target>, NoWay> {
    let by_flag = asked.ssh.ssh.is_some() || asked.ssh.via == Some(Via::Ssh);
    if by_flag {
        if asked.ssh.via == Some(Via::Direct) {
            return Err(NoWay::SshConflict("--via direct"));
        }
        if asked.url.is_some() {
            return Err(NoWay::SshConflict("--url"));
        }
        return through(asked, given, host(asked, given)?).map(Some);
    }
    let elsewhere = asked.ssh.via == Some(Via::Direct) || asked.url.is_some() || asked.port.is_some();
    if elsewhere || given.env.get("GATEWAY_URL").is_some() || given.config.gateway.mode != Some(Mode::Remote) {
        return Ok(None);
    }
    let remote = &given.config.gateway.remote;
    let url = remote_url(given)?;
    let near = url.as_ref().is_none_or(Target::is_loopback);
    match configured(given)? {
        Some(host) if remote.transport == Transport::Ssh && near => through(asked, given, host).map(Some),
        _ => Ok(None),
    }
}

/// `--ssh HOST`, else the configured host, else a guess from the URL's (SSH-18), never from a loopback one (SSH-19).
fn host(asked: &Asked, given: Given<'_>) -> Result<SshTarget, NoWay> {
    if let Some(text) = asked.ssh.ssh.as_deref().filter(|text| !text.trim().is_empty()) {
        return Ok(SshTarget::parse(text)?);
    }
    if let Some(host) = configured(given)? {
        return Ok(host);
    }
    let Some(url) = remote_url(given)?.filter(|url| !url.is_loopback()) else { return Err(NoWay::SshTargetMissing) };
    let user = given.env.raw("USER").map(|user| format!("{user}@")).unwrap_or_default();
    Ok(SshTarget::parse(&format!("{user}{}", url.host()))?)
}

fn through(asked: &Asked, given: Given<'_>, host: SshTarget) -> Result<Target, NoWay> {
    let remote = &given.config.gateway.remote;
    let url = remote_url(given)?.filter(Target::is_loopback);
    let port = asked.port.or(remote.remote_port).or(url.as_ref().map(Target::port)).unwrap_or(FAR_PORT);
    // CRED-2, CRED-4: secrets of the config are for the host the config names.
    let is_configured = given.config.gateway.mode == Some(Mode::Remote) && configured(given)?.as_ref() == Some(&host);
    let words = format!("ssh tunnel {}", host.whole());
    // A fingerprint without a URL means TLS over there, inside SSH.
    let pinned = is_configured && remote.tls_fingerprint.as_deref().is_some_and(|text| !text.trim().is_empty());
    let scheme = if url.as_ref().map_or(pinned, Target::is_tls) { "wss" } else { "ws" };
    let source = if is_configured { Source::SshConfig(words) } else { Source::SshFlag(words) };
    let target = Target::parse(&format!("{scheme}://127.0.0.1:{port}"), source)?;
    let policy = if is_configured { remote.ssh_host_key_policy } else { HostKeyPolicy::Strict };
    let by_flag = asked.ssh.ssh.is_some() || asked.ssh.via == Some(Via::Ssh);
    let route = SshRoute {
        identity: asked.ssh.ssh_identity.clone().or_else(|| remote.ssh_identity.clone()),
        host_keys: match policy {
            HostKeyPolicy::Strict => HostKeys::Strict,
            HostKeyPolicy::Openssh => HostKeys::Openssh,
        },
        // Who asks for SSH gets SSH; a forward kept by hand counts where only the config speaks of it.
        standing: url.filter(|_| !by_flag).map(Box::new),
        ..SshRoute::new(host)
    };
    Ok(target.by(Route::Ssh(Box::new(route))))
}

fn configured(given: Given<'_>) -> Result<Option<SshTarget>, NoWay> {
    let text = given.config.gateway.remote.ssh_target.as_deref().filter(|text| !text.trim().is_empty());
    Ok(text.map(SshTarget::parse).transpose()?)
}

fn remote_url(given: Given<'_>) -> Result<Option<Target>, NoWay> {
    let text = given.config.gateway.remote.url.as_deref().filter(|text| !text.trim().is_empty());
    Ok(text.map(|url| Target::parse(url, Source::ConfigRemote)).transpose()?)
}

/// Who speaks SSH: whoever was named, else the system's `ssh` where there is one (SSH-2).
fn backend(asked: Option<Backend>) -> SshBackend {
    match asked {
        None => SshBackend::of_this_machine(),
        Some(Backend::Openssh) => SshBackend::Openssh,
        Some(Backend::Builtin) => SshBackend::Builtin,
    }
}

/// A strict route to `host` with what this machine has for it.
pub(crate) fn route_to(app: &App, host: SshTarget) -> SshRoute {
    let config_file = app.env.get("SSH_CONFIG").map(|path| at_home(Path::new(&path), &app.env));
    let (backend, caller) = (backend(app.ssh.ssh_backend), Caller::of(&app.env));
    SshRoute { config_file, backend, caller, ..SshRoute::new(host) }
}

/// Gives a route what this machine has for it: who speaks SSH, another `ssh_config`, shared connections, and what an
/// alias stands for.
pub(crate) fn outfit(app: &App, target: Target) -> Result<Target, Failure> {
    let Some(route) = target.ssh() else { return Ok(target) };
    let keep = app.env.get("SSH_KEEP").map(|text| args::seconds(&text)).transpose();
    let keep = keep.map_err(|error| Failure::usage(format!("OPENCLAW_SSH_KEEP: {error}")))?.unwrap_or(SHARED_IDLE);
    let route = SshRoute {
        identity: route.identity.as_deref().map(|path| at_home(path, &app.env)),
        sharing: (keep > Duration::ZERO).then(|| Sharing { folder: app.paths.ssh(), idle: keep }),
        host_keys: route.host_keys,
        standing: route.standing.clone(),
        ..route_to(app, route.target.clone())
    };
    Ok(target.by(Route::Ssh(Box::new(route.resolved()))))
}

/// `~/` as shells write it.
fn at_home(path: &Path, env: &Env) -> PathBuf {
    match (path.strip_prefix("~"), env.raw("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::SshFlags;
    use config::Config;

    fn config(text: &str) -> Config {
        let loaded = config::load_text(text, Path::new("/c/openclaw.json"), &Env::default());
        (*loaded.unwrap().config).clone()
    }

    fn meant(config: &Config, env: &[(&str, &str)], asked: &Asked) -> Result<Option<Target>, NoWay> {
        let env = Env::of(env.iter().copied());
        target(
            asked,
            Given { config, env: &env, profile_port: 18789, run_token: None, local_pin: None, is_report: false },
        )
    }

    fn asks(ssh: &str) -> Asked {
        Asked { ssh: SshFlags { ssh: Some(ssh.into()), ..SshFlags::default() }, ..Asked::default() }
    }

    fn shown(target: Result<Option<Target>, NoWay>) -> String {
        target.unwrap().map_or("direct".into(), |target| target.to_string())
    }

    /// SSH-12, SEED-3
    #[test]
    fn remote_mode_with_a_target_and_no_url_or_a_loopback_one_goes_through_ssh() {
        let case = |remote: &str| {
            let config = config(&format!("{{gateway: {{mode: 'remote', remote: {{{remote}}}}}}}"));
            shown(meant(&config, &[], &Asked::default()))
        };
        let via = |port: u16| format!("ws://127.0.0.1:{port} via ssh me@far");
        assert_eq!(case("sshTarget: 'me@far'"), via(18789));
        assert_eq!(case("sshTarget: 'me@far', remotePort: 19000"), via(19000));
        assert_eq!(case("sshTarget: 'me@far', url: 'ws://127.0.0.1:18800'"), via(18800));
        assert_eq!(case("sshTarget: 'me@far', url: 'ws://localhost:1', remotePort: 2"), via(2));
        assert_eq!(case("sshTarget: 'me@far', url: 'wss://127.0.0.1:3'"), via(3).replace("ws:", "wss:"));
        let pin = "00".repeat(32);
        assert_eq!(case(&format!("sshTarget: 'me@far', tlsFingerprint: '{pin}'")), via(18789).replace("ws:", "wss:"));
        assert_eq!(case("sshTarget: 'me@far', transport: 'direct', url: 'ws://127.0.0.1:1'"), "direct");
        assert_eq!(case("sshTarget: 'me@far', url: 'wss://far.example'"), "direct");
        assert_eq!(case("url: 'ws://127.0.0.1:18789'"), "direct");
    }

    /// CRED-1, SSH-12: a flag or the environment that names another Gateway wins.
    #[test]
    fn what_names_another_gateway_switches_the_configured_tunnel_off() {
        let remote = config("{gateway: {mode: 'remote', remote: {sshTarget: 'me@far'}}}");
        let direct = SshFlags { via: Some(Via::Direct), ..SshFlags::default() };
        assert_eq!(shown(meant(&remote, &[], &Asked { port: Some(5), ..Asked::default() })), "direct");
        assert_eq!(shown(meant(&remote, &[], &Asked { ssh: direct.clone(), ..Asked::default() })), "direct");
        assert_eq!(shown(meant(&remote, &[("OPENCLAW_GATEWAY_URL", "ws://10.0.0.1:1")], &Asked::default())), "direct");
        let local = config("{gateway: {mode: 'local', remote: {sshTarget: 'me@far'}}}");
        assert_eq!(shown(meant(&local, &[], &Asked::default())), "direct");
        let both = Asked { url: Some("ws://10.0.0.1:1".into()), ..asks("me@far") };
        assert_eq!(meant(&remote, &[], &both).unwrap_err().to_string(), "--ssh and --url cannot be combined");
        let both = Asked { ssh: SshFlags { ssh: Some(String::new()), ..direct }, ..Asked::default() };
        assert!(matches!(meant(&remote, &[], &both), Err(NoWay::SshConflict("--via direct"))));
    }

    /// SSH-18, SSH-19
    #[test]
    fn the_host_is_the_flags_then_the_configs_then_guessed_but_never_from_loopback() {
        let user = [("USER", "ada")];
        let remote = |text: &str| config(&format!("{{gateway: {{remote: {{{text}}}}}}}"));
        let full = remote("sshTarget: 'me@far', url: 'wss://gw.example:444'");
        assert_eq!(shown(meant(&full, &user, &asks("you@near:2222"))), "ws://127.0.0.1:18789 via ssh you@near:2222");
        assert_eq!(shown(meant(&full, &user, &asks(""))), "ws://127.0.0.1:18789 via ssh me@far");
        let guess = remote("url: 'wss://gw.example:444'");
        assert_eq!(shown(meant(&guess, &user, &asks(""))), "ws://127.0.0.1:18789 via ssh ada@gw.example");
        let loopback = remote("url: 'ws://127.0.0.1:18789'");
        assert!(matches!(meant(&loopback, &user, &asks("")), Err(NoWay::SshTargetMissing)));
        let far = Asked { port: Some(19000), ..asks("me@far") };
        assert_eq!(shown(meant(&full, &user, &far)), "ws://127.0.0.1:19000 via ssh me@far");
    }

    /// SSH-6: the relaxed policy and the forward kept by hand are the configured host's own.
    #[test]
    fn another_host_than_the_configured_one_is_strict() {
        let text = "{gateway: {mode: 'remote', remote: {sshTarget: 'me@far', url: 'ws://127.0.0.1:1', \
            sshHostKeyPolicy: 'openssh'}}}";
        let remote = config(text);
        let route = |asked: &Asked| meant(&remote, &[], asked).unwrap().unwrap().ssh().unwrap().clone();
        assert_eq!(route(&Asked::default()).host_keys, HostKeys::Openssh);
        assert!(route(&Asked::default()).standing.is_some());
        assert_eq!(route(&asks("me@other")).host_keys, HostKeys::Strict);
        assert!(route(&asks("me@other")).standing.is_none());
    }
}

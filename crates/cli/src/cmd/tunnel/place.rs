//! Where a tunnel leads, as the flags and the config say; and which of those that are up is meant.

use std::path::PathBuf;

use clap::ValueEnum;
use link::{HostKeys, Route, SshRoute, SshTarget, Target};

use crate::app::App;
use crate::args::Via;
use crate::cred::{Asked, Given};
use crate::exit::Failure;
use crate::ssh;
use crate::tunnel::Record;

/// The far end.
#[derive(Debug, clap::Args)]
pub(super) struct There {
    /// user@host[:port], or a Host of your ~/.ssh/config; without one, gateway.remote.sshTarget
    target: Option<String>,
    /// The Gateway's port over there [default: as the config says, else 18789]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    remote_port: Option<u16>,
    /// Private key for SSH, beside those your SSH configuration names
    #[arg(long, value_name = "PATH")]
    identity: Option<PathBuf>,
    /// `strict`: the host's key must be known; `openssh`: your SSH configuration decides
    #[arg(long, value_name = "POLICY", value_enum)]
    host_key: Option<HostKeyFlag>,
}

/// `--host-key` (SSH-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum HostKeyFlag {
    Strict,
    Openssh,
}

impl There {
    /// The target, always through SSH.
    pub(super) fn target(&self, app: &App) -> Result<Target, Failure> {
        let mut flags = app.ssh.clone();
        flags.ssh = self.target.clone().or(flags.ssh).or_else(|| Some(String::new()));
        flags.via = flags.via.filter(|via| *via != Via::Auto);
        flags.ssh_identity = self.identity.clone().or(flags.ssh_identity);
        let asked = Asked { ssh: flags, port: self.remote_port, ..Asked::default() };
        let config = &*app.config()?.config;
        let profile_port = app.paths.profile.default_port();
        let given = Given { config, env: &app.env, profile_port, run_token: None, local_pin: None, is_report: false };
        let target = ssh::target(&asked, given).map_err(|error| Failure::of(&error))?;
        let target = target.ok_or_else(|| Failure::usage("a tunnel goes through SSH, and no host was named"))?;
        let route = target.ssh().cloned().map(|route| self.with_policy(route));
        let target = route.map_or(target.clone(), |route| target.by(Route::Ssh(Box::new(route))));
        ssh::outfit(app, target)
    }

    fn with_policy(&self, route: SshRoute) -> SshRoute {
        let host_keys = match self.host_key {
            None => route.host_keys,
            Some(HostKeyFlag::Strict) => HostKeys::Strict,
            Some(HostKeyFlag::Openssh) => HostKeys::Openssh,
        };
        SshRoute { host_keys, ..route }
    }
}

/// The same place as arguments of the keeper, with nothing left for it to decide.
pub(super) fn arguments(route: &SshRoute, far_port: u16) -> std::io::Result<Vec<std::ffi::OsString>> {
    let policy = match route.host_keys {
        HostKeys::Strict => "strict",
        HostKeys::Openssh => "openssh",
    };
    let mut args: Vec<std::ffi::OsString> =
        vec![route.target.to_string().into(), "--remote-port".into(), far_port.to_string().into()];
    args.extend(["--host-key".into(), policy.into()]);
    args.extend(["--ssh-backend".into(), route.backend.as_str().into()]);
    if let Some(identity) = &route.identity {
        args.extend(["--identity".into(), std::path::absolute(identity)?.into_os_string()]);
    }
    Ok(args)
}

/// Of the tunnels that are up those to `target`; all without one.
pub(super) fn those_to(live: Vec<Record>, target: Option<&str>) -> Result<Vec<Record>, Failure> {
    let Some(target) = target else { return Ok(live) };
    let target = SshTarget::parse(target).map_err(|error| Failure::of(&error))?.to_string();
    Ok(live.into_iter().filter(|record| record.target == target).collect())
}

/// There is no tunnel to `target`.
pub(super) fn not_up(target: &str) -> Failure {
    Failure::new("TUNNEL_NOT_UP", format!("no tunnel to {target} is up")).run("openclaw tunnel list")
}

//! `openclaw connect`: this machine becomes a client of a Gateway elsewhere, once that has answered (CON-2), or by a setup
//! code a node of it (N-3.7).

use std::path::PathBuf;
use std::time::Duration;

use link::Pin;
use serde_json::json;

use super::node::{self, Offer};
use crate::app::App;
use crate::args::seconds;
use crate::exit::Failure;
use crate::join::{self, Joined, To, Wanted, ticket};
use crate::rpc;

/// Make this machine a client, or with a setup code a node, of a Gateway elsewhere
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// user@host[:port] for SSH, a ws:// or wss:// address, or a setup code, oc-pair:// link or join page
    #[arg(required_unless_present_any = ["target_file", "ssh"])]
    target: Option<String>,
    /// Read the target from this file
    #[arg(long, value_name = "PATH", conflicts_with = "target")]
    target_file: Option<PathBuf>,
    #[command(flatten)]
    how: How,
    /// With a setup code: keep this machine a node, as a service of this user
    #[arg(long)]
    service: bool,
    #[command(flatten)]
    offer: Offer,
}

impl Args {
    /// Whether this stays, as a node, and says on stderr what it does.
    pub(super) fn is_host(&self) -> bool {
        !self.service && (self.target_file.is_some() || self.target.as_deref().is_some_and(ticket::is_meant))
    }
}

/// How to be let in, for `connect` and `onboard`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct How {
    /// The Gateway's port on the far host [default: what its openclaw says, else 18789]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    remote_port: Option<u16>,
    /// The Gateway's token; `-` reads it from stdin
    #[arg(long, alias = "token", value_name = "TOKEN", allow_hyphen_values = true)]
    remote_token: Option<String>,
    /// Read it from this file
    #[arg(long, alias = "token-file", value_name = "PATH", conflicts_with = "remote_token")]
    remote_token_file: Option<PathBuf>,
    /// The Gateway's password; `-` reads it from stdin
    #[arg(long, alias = "password", value_name = "PASSWORD", allow_hyphen_values = true)]
    remote_password: Option<String>,
    /// Read it from this file
    #[arg(long, alias = "password-file", value_name = "PATH", conflicts_with = "remote_password")]
    remote_password_file: Option<PathBuf>,
    /// The fingerprint of its certificate, as `openclaw gateway tls show` prints it there; asks nothing then
    #[arg(long, alias = "tls-fingerprint", value_name = "SHA256")]
    accept_fingerprint: Option<String>,
    /// How long to wait for its owner to let this machine in
    #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "5m")]
    wait: Duration,
    /// Keep the way there even when it does not work now
    #[arg(long)]
    save_anyway: bool,
}

impl How {
    /// What is wanted, with the secrets read.
    pub(super) fn wanted(&self, to: To) -> Result<Wanted, Failure> {
        let accepted = self.accept_fingerprint.as_deref().map(str::parse::<Pin>).transpose();
        let (token, token_file) = (self.remote_token.as_deref(), self.remote_token_file.as_deref());
        let (password, password_file) = (self.remote_password.as_deref(), self.remote_password_file.as_deref());
        Ok(Wanted {
            to,
            token: rpc::secret("--remote-token", token, token_file)?,
            password: rpc::secret("--remote-password", password, password_file)?,
            accepted: accepted.map_err(|error| Failure::of(&error))?,
            save_anyway: self.save_anyway,
            patience: self.wait,
        })
    }

    pub(super) const fn port(&self) -> Option<u16> {
        self.remote_port
    }

    /// Whether a secret is named, whatever it is.
    pub(super) const fn has_secret(&self) -> bool {
        self.remote_token.is_some()
            || self.remote_token_file.is_some()
            || self.remote_password.is_some()
            || self.remote_password_file.is_some()
    }
}

const EXAMPLES: &str = "\
Over SSH the host lets this machine in by itself. Elsewhere the Gateway's token is shown once, and where its owner has to
say yes, the line that does is printed and waited for. Only what has worked is written into the config.
A setup code (openclaw qr, openclaw devices join-code) makes this machine a node instead, and nothing else has to be said.

Examples:
  openclaw connect me@host
  openclaw connect wss://gw.example --remote-token-file token
  openclaw connect https://gw.example/j/CODE --service";

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let target = target(app, args)?;
    if target == "-" || ticket::is_meant(&target) {
        return node::join(app, &target, &args.offer, args.service);
    }
    if args.service || args.offer.is_given() {
        return Err(Failure::usage("--service and what a node offers go with a setup code")
            .advise("have one made where the Gateway runs (openclaw qr), or run: openclaw node install"));
    }
    let to = To::parse(&target, args.how.port())?;
    if app.config()?.config.gateway.mode == Some(config::Mode::Local) {
        let file = app.config_file().display();
        let message = format!("`{file}` is that of a Gateway of this machine (gateway.mode is local)");
        return Err(Failure::new("CONNECT_IS_A_GATEWAY", message)
            .advise("give this machine's client a profile of its own with --profile NAME, or run openclaw onboard"));
    }
    say(app, join::join(app, &args.how.wanted(to)?)?)
}

/// What was written here, in the file, or behind `--ssh`.
fn target(app: &App, args: &Args) -> Result<String, Failure> {
    match (&args.target, &args.target_file) {
        (Some(target), _) => Ok(target.clone()),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map(|text| text.trim().to_owned())
            .map_err(|error| Failure::usage(format!("--target-file `{}`: {error}", file.display()))),
        (None, None) => Ok(app.ssh.ssh.clone().unwrap_or_default()),
    }
}

/// Tells what came of it; what was saved although it does not work is a failure all the same.
pub(super) fn say(app: &App, joined: Joined) -> Result<(), Failure> {
    if let Some(failure) = joined.failed {
        return Err(failure.advise(format!("{} was written all the same", app.config_file().display())));
    }
    let target = joined.target.to_string();
    let value = json!({"ok": true, "mode": "remote", "target": target, "path": app.config_file(),
        "health": joined.health, "next": ["openclaw status"]});
    app.out
        .either(&value, || format!("{target} answers, and commands of this machine go there.\nNext: openclaw status"));
    Ok(())
}

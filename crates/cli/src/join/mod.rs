//! Making this machine a client of a Gateway elsewhere: connect for real, be let in, ask its health, and only then write
//! the way there into the profile (CON-1, CON-2).

mod host;
mod letting;
mod save;
pub(crate) mod ticket;

use std::time::Duration;

use base::Secret;
use link::{Credentials, Pin, Source, SshTarget, Target};
use serde_json::Value;
use wire::Scope;

use crate::app::App;
use crate::cmd::gateway::tls;
use crate::cred::{PinSource, Way};
use crate::exit::Failure;
use crate::rpc::{self, As, Want, block_on};

/// Where the Gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    /// At a `ws(s)://` address.
    Url(Target),
    /// Behind a login.
    Host { host: SshTarget, port: Option<u16> },
}

impl To {
    /// What a person wrote: a `ws(s)://` address, or `user@host` or a `Host` of an `ssh_config`.
    pub(crate) fn parse(text: &str, port: Option<u16>) -> Result<Self, Failure> {
        let text = text.trim();
        if !ticket::is_meant(text)
            && ["ws://", "wss://", "http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
        {
            return Ok(Self::Url(Target::parse(text, Source::ConfigRemote)?));
        }
        if ticket::is_meant(text) {
            let message =
                "a setup code makes a machine a node; a client is let in by its own login or the Gateway's token";
            return Err(Failure::usage(message).run("openclaw connect CODE").run("openclaw connect user@host"));
        }
        Ok(Self::Host { host: SshTarget::parse(text).map_err(|error| Failure::of(&error))?, port })
    }
}

/// What the person gave.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) to: To,
    pub(crate) token: Option<Secret>,
    pub(crate) password: Option<Secret>,
    /// The certificate that was compared already.
    pub(crate) accepted: Option<Pin>,
    /// Write the way there even when it leads nowhere now.
    pub(crate) save_anyway: bool,
    /// How long to wait for somebody to let this machine in.
    pub(crate) patience: Duration,
}

/// What came of it.
pub(crate) struct Joined {
    /// What the Gateway answered; null when the way was saved anyway.
    pub(crate) health: Value,
    pub(crate) target: Target,
    /// Why it does not work, when it was saved anyway.
    pub(crate) failed: Option<Failure>,
}

/// Connects, and saves what worked.
pub(crate) fn join(app: &App, wanted: &Wanted) -> Result<Joined, Failure> {
    match &wanted.to {
        To::Url(target) => {
            link::plaintext_rule(target, app.env.is_on("ALLOW_INSECURE_PRIVATE_WS"))
                .map_err(|refused| Failure::of(&refused))?;
            let tried =
                pin_of(app, target, wanted.accepted).and_then(|pin| Ok((pin, attempt(app, wanted, target, pin)?)));
            keep(app, wanted, target.clone(), tried)
        }
        To::Host { host, port } => {
            // To name the host is to agree that it is asked.
            let app = app.through(host);
            let there = host::ask(&app, host, *port);
            let port = there.as_ref().map_or(port.unwrap_or(base::DEFAULT_PORT), |there| there.port);
            let pin = there.as_ref().ok().and_then(|there| there.pin).or(wanted.accepted);
            let target = host::target(&app, host, port, pin.is_some())?;
            let tried = there.and_then(|_| Ok((pin, attempt(&app, wanted, &target, pin)?)));
            keep(&app, wanted, target, tried)
        }
    }
}

/// Saves what worked, or anyway when that was asked for.
fn keep(
    app: &App,
    wanted: &Wanted,
    target: Target,
    tried: Result<(Option<Pin>, letting::Let), Failure>,
) -> Result<Joined, Failure> {
    match tried {
        Ok((pin, made)) => {
            save::save(app, wanted, &target, pin, !made.has_device_token)?;
            Ok(Joined { health: made.health, target, failed: None })
        }
        Err(failure) if wanted.save_anyway => {
            save::save(app, wanted, &target, wanted.accepted, true)?;
            Ok(Joined { health: Value::Null, target, failed: Some(failure) })
        }
        Err(failure) => Err(failure.advise("nothing was saved; --save-anyway keeps what does not work yet")),
    }
}

/// TLS-9, TLS-11: what this machine's authorities vouch for needs no pin; anything else is compared by a person.
fn pin_of(app: &App, target: &Target, accepted: Option<Pin>) -> Result<Option<Pin>, Failure> {
    if target.is_tls() { tls::accept(app, target, accepted, rpc::TIMEOUT) } else { Ok(None) }
}

/// One real connect with everything an owner may do, waiting to be let in.
fn attempt(app: &App, wanted: &Wanted, target: &Target, pin: Option<Pin>) -> Result<letting::Let, Failure> {
    let scopes = Scope::ALL.into_iter().take(6).collect();
    let want = Want { who: As::Cli, scopes, caps: Vec::new(), timeout: rpc::TIMEOUT };
    let credentials =
        Credentials { token: wanted.token.clone(), password: wanted.password.clone(), bootstrap_token: None };
    let (token_source, password_source, warnings) = (None, None, Vec::new());
    let pin = pin.map(|pin| (pin, PinSource::Config));
    let way = Way { target: target.clone(), credentials, token_source, password_source, pin, warnings };
    let place = rpc::place(app, &way);
    let how = rpc::how(app, way, &want)?;
    block_on(letting::connect(app, how, wanted.patience)).map_err(|failure| failure.at(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_or_a_login_or_a_code() {
        let url = |text: &str| matches!(To::parse(text, None), Ok(To::Url(_)));
        assert!(url("wss://gw.example") && url(" ws://127.0.0.1:1 ") && url("https://gw.example"));
        for host in ["me@far", "studio", "ssh://me@far:22", "me@[::1]:22"] {
            assert!(matches!(To::parse(host, None), Ok(To::Host { .. })), "{host}");
        }
        let code = To::parse(&"eyJ1cmwi".repeat(8), None).unwrap_err();
        assert_eq!((code.exit, code.next[0].text()), (2, "openclaw connect CODE"));
        assert_eq!(To::parse("me@", None).unwrap_err().exit, 2);
    }
}

//! Which Gateway a node host belongs to, and what it shows to be let in (N-11.1, N-11.4): what was said now, else what it
//! joined before, else what every command of this machine means.

use base::Secret;
use link::{Credentials, Device, Pin, Route, Source, SshTarget, Target, TokenStore};
use wire::Role;

use super::kept::{Endpoint, Kept};
use crate::app::App;
use crate::args::Reach;
use crate::cred::{PinSource, Way, usable};
use crate::exit::Failure;
use crate::{rpc, ssh};

/// Where the Gateway is, and how to be let in.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Place {
    /// The Gateway's host
    #[arg(long, conflicts_with = "url")]
    host: Option<String>,
    /// The Gateway's port [default: 18789]
    #[arg(long, conflicts_with = "url", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// With --host: the path the Gateway has behind a proxy
    #[arg(long, value_name = "PATH", requires = "host")]
    context_path: Option<String>,
    /// With --host: through TLS
    #[arg(long, requires = "host", conflicts_with = "no_tls")]
    tls: bool,
    /// With --host: in the clear
    #[arg(long, requires = "host")]
    no_tls: bool,
    #[command(flatten)]
    reach: Reach,
}

/// The Gateway that is meant.
pub(super) struct Chosen {
    pub(super) way: Way,
    /// What to keep once this Gateway has let the node in; `None` when it goes without saying.
    pub(super) keep: Option<Endpoint>,
    /// The command line with the SSH of the way there.
    pub(super) app: App,
}

/// Decides.
pub(super) fn choose(app: &App, place: &Place, kept: &Kept) -> Result<Chosen, Failure> {
    if let Some(endpoint) = named(place)? {
        return at(app, place, endpoint);
    }
    let asked_for_ssh = app.ssh.ssh.is_some();
    let said_otherwise = asked_for_ssh || place.port.is_some() || app.env.get("GATEWAY_URL").is_some();
    if let Some(endpoint) = kept.gateway.as_ref().filter(|_| !said_otherwise) {
        return at(app, place, endpoint.clone());
    }
    let way = rpc::way(app, &place.reach, place.port, false)?;
    let keep = (asked_for_ssh || place.port.is_some()).then(|| endpoint_of(app, &way));
    Ok(Chosen { way: shown(app, place, way)?, keep, app: app.afresh() })
}

/// What was named as a host or a URL.
fn named(place: &Place) -> Result<Option<Endpoint>, Failure> {
    let pin = place.reach.tls_fingerprint.as_deref().map(str::parse::<Pin>).transpose();
    let pin = pin.map_err(|error| Failure::of(&error))?;
    if let Some(url) = &place.reach.url {
        return Ok(Some(Endpoint::of_url(Target::parse(url, Source::Flag)?.url(), pin)));
    }
    let Some(host) = &place.host else { return Ok(None) };
    Ok(Some(Endpoint {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: place.port.unwrap_or(base::DEFAULT_PORT),
        tls: place.tls || (pin.is_some() && !place.no_tls),
        tls_fingerprint: pin.map(|pin| pin.to_string()),
        context_path: place.context_path.clone(),
        ..Endpoint::default()
    }))
}

/// The Gateway at `endpoint`, with what this machine may show it. What the config holds is for the Gateway the config
/// names, and not shown there (CRED-2).
pub(super) fn at(app: &App, place: &Place, endpoint: Endpoint) -> Result<Chosen, Failure> {
    let Chosen { way, keep, app } = bare(app, endpoint)?;
    let way = shown(&app, place, way)?;
    if way.credentials.is_empty() && !has_token(&app, &way)? && way.target.ssh().is_none() {
        let message = format!("nothing here lets this node in at {}", way.target);
        return Err(Failure::credentials_required(message)
            .advise("have a code made there (openclaw qr) and run: openclaw connect CODE")
            .advise("or give the Gateway's token once, with --token-file PATH"));
    }
    Ok(Chosen { way, keep, app })
}

/// The Gateway at `endpoint`, with nothing to show it.
pub(super) fn bare(app: &App, endpoint: Endpoint) -> Result<Chosen, Failure> {
    let app = match &endpoint.ssh {
        Some(login) => app.through(&SshTarget::parse(login).map_err(|error| Failure::of(&error))?),
        None => app.afresh(),
    };
    let pin = endpoint.tls_fingerprint.as_deref().map(str::parse::<Pin>).transpose();
    let pin = pin.map_err(|error| Failure::of(&error))?.map(|pin| (pin, PinSource::Kept));
    let target = Target::parse(&endpoint.url(), Source::NodeHost)?;
    let target = match &endpoint.ssh {
        Some(login) => {
            let host = SshTarget::parse(login).map_err(|error| Failure::of(&error))?;
            let route = link::SshRoute { identity: endpoint.ssh_identity.clone(), ..link::SshRoute::new(host) };
            target.by(Route::Ssh(Box::new(route)))
        }
        None => target,
    };
    let target = ssh::outfit(&app, target)?;
    link::plaintext_rule(&target, app.env.is_on("ALLOW_INSECURE_PRIVATE_WS"))
        .map_err(|refused| Failure::of(&refused))?;
    let credentials = Credentials::default();
    let way = Way { target, credentials, token_source: None, password_source: None, pin, warnings: Vec::new() };
    Ok(Chosen { way, keep: Some(endpoint), app })
}

/// N-11.4: what was said, else the environment, else this device's own token for that very Gateway, else what the config
/// has for it; what the config has for a Gateway elsewhere never goes to this host's.
fn shown(app: &App, place: &Place, way: Way) -> Result<Way, Failure> {
    let reach = &place.reach;
    let token = rpc::secret("--token", reach.token.as_deref(), reach.token_file.as_deref())?;
    let password = rpc::secret("--password", reach.password.as_deref(), reach.password_file.as_deref())?;
    let with = |token: Option<Secret>, password: Option<Secret>, way: Way| {
        let credentials = Credentials { token, password, bootstrap_token: None };
        Way { credentials, token_source: None, password_source: None, ..way }
    };
    if token.is_some() || password.is_some() {
        return Ok(with(token, password, way));
    }
    let of_env = |name: &str| app.env.get(name).and_then(|text| usable(&Secret::new(text)));
    let (token, password) = (of_env("GATEWAY_TOKEN"), of_env("GATEWAY_PASSWORD"));
    if token.is_some() || password.is_some() {
        return Ok(with(token, password, way));
    }
    if has_token(app, &way)? {
        return Ok(with(None, None, way));
    }
    if !way.target.source().is_this_host() {
        return Ok(way);
    }
    let own = |source: Option<&str>| source.is_none_or(|source| !source.starts_with("gateway.remote."));
    let (own_token, own_password) = (own(way.token_source), own(way.password_source));
    let Credentials { token, password, .. } = way.credentials;
    let (token, password) = (token.filter(|_| own_token), password.filter(|_| own_password));
    Ok(Way { credentials: Credentials { token, password, bootstrap_token: None }, ..way })
}

/// Whether this device has a node's token for that Gateway.
pub(super) fn has_token(app: &App, way: &Way) -> Result<bool, Failure> {
    let identity = app.paths.device_identity();
    if !identity.exists() {
        return Ok(false);
    }
    let device = Device::load_or_create(&identity)?;
    Ok(TokenStore::beside(&identity).get(&way.target.origin(), device.id(), Role::Node).is_some())
}

/// The same Gateway, to come back to.
fn endpoint_of(app: &App, way: &Way) -> Endpoint {
    let mut endpoint = Endpoint::of_url(way.target.url(), way.pin.map(|(pin, _)| pin));
    if let Some(route) = way.target.ssh() {
        endpoint.ssh = Some(route.target.to_string());
        endpoint.ssh_identity = app.ssh.ssh_identity.as_ref().and_then(|path| std::path::absolute(path).ok());
    }
    endpoint
}

#[cfg(test)]
mod tests {
    use base::Env;
    use link::StoredToken;

    use super::*;
    use crate::args::Globals;
    use crate::out::Out;

    /// What this machine shows to its own Gateway, as source and secret.
    fn shown_here(config: &str, env: &[(&str, &str)], is_known: bool) -> (Option<&'static str>, Option<String>) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".openclaw");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("openclaw.json"), config).unwrap();
        let env = Env::of([("HOME", home.path().to_str().unwrap())].into_iter().chain(env.iter().copied()));
        let app = App::new(&Globals::default(), env, Out::plain()).unwrap();
        let way = rpc::way(&app, &Reach::default(), None, false).unwrap();
        if is_known {
            let identity = app.paths.device_identity();
            let device = Device::load_or_create(&identity).unwrap();
            let token = StoredToken { token: Secret::new("own"), scopes: Vec::new() };
            TokenStore::beside(&identity).put(&way.target.origin(), device.id(), Role::Node, &token).unwrap();
        }
        let way = shown(&app, &Place::default(), way).unwrap();
        (way.token_source, way.credentials.token.map(|token| token.expose().to_owned()))
    }

    /// N-11.4
    #[test]
    fn a_node_shows_the_environments_secret_then_its_own_token_then_the_configs() {
        let some = |text: &str| Some(text.to_owned());
        let full = "{gateway: {mode: 'local', auth: {mode: 'token', token: 'at'}, remote: {token: 'rt'}}}";
        let env = [("OPENCLAW_GATEWAY_TOKEN", "et")];
        assert_eq!(shown_here(full, &env, true), (None, some("et")));
        assert_eq!(shown_here(full, &[], true), (None, None), "the link shows this device's own");
        assert_eq!(shown_here(full, &[], false), (Some("gateway.auth.token"), some("at")));
        let foreign = "{gateway: {mode: 'local', remote: {url: 'ws://10.0.0.9:1', token: 'rt'}}}";
        assert_eq!(shown_here(foreign, &[], false).1, None, "that secret is for a Gateway elsewhere");
        let remote = foreign.replace("local", "remote");
        assert_eq!(shown_here(&remote, &[], false), (Some("gateway.remote.token"), some("rt")));
    }
}

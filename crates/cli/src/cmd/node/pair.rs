//! A node joins by a setup code (N-3.7): the token in it is shown once, to the first address that answers, and from then
//! on this device has a token of its own.

use link::{Credentials, Device, DialError, StoredToken, TokenStore};
use url::Url;
use wire::{Role, SetupCode};

use super::host;
use super::kept::{Endpoint, Kept};
use super::place::{self, Chosen, Place};
use crate::app::App;
use crate::exit::Failure;
use crate::invitation;
use crate::rpc::{self, block_on};

/// Joins the Gateway that this code is for. With `if_needed` nothing is used up where this device is known already.
pub(super) fn come_in(app: &App, code: &SetupCode, kept: &Kept, if_needed: bool) -> Result<Chosen, Failure> {
    let identity = app.paths.device_identity();
    let device = Device::load_or_create(&identity)?;
    let tokens = TokenStore::beside(&identity);
    let mut last = None;
    for url in code.addresses() {
        let endpoint = endpoint(code, url)?;
        let known = tokens.get(&origin(url)?, device.id(), Role::Node);
        if if_needed && known.is_some() {
            return place::at(app, &Place::default(), endpoint);
        }
        match attempt(app, code, &endpoint, kept, &tokens, known) {
            Ok(()) => {
                host::keep(app, kept, Some(endpoint.clone()));
                return place::at(app, &Place::default(), endpoint);
            }
            Err(failure) if failure.is_unreachable() => {
                app.out.note(&format!("{url} does not answer: {}", failure.message));
                last = Some(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(last.unwrap_or_else(|| Failure::usage("this setup code names no Gateway")))
}

/// Where `--ssh` was said and nothing else lets this machine in, the host that it may log in to does (SSH-17).
pub(super) fn by_login(app: &App, chosen: Chosen, kept: &Kept) -> Result<Chosen, Failure> {
    let needs_it = chosen.way.credentials.is_empty() && !place::has_token(&chosen.app, &chosen.way)?;
    let Some(route) = chosen.way.target.ssh().filter(|_| needs_it && app.ssh.ssh.is_some()).cloned() else {
        return Ok(chosen);
    };
    let url = chosen.way.target.url().as_str().trim_end_matches('/').to_owned();
    let code = block_on(invitation::ask_for_node(&route, &url, rpc::TIMEOUT))?;
    let shown_at = rpc::place(app, &chosen.way);
    let mut options = host::options(&chosen, kept)?;
    let token = base::Secret::new(code.bootstrap_token.as_str());
    options.connect.credentials = Credentials { bootstrap_token: Some(token), ..Credentials::default() };
    let joined: Result<(), DialError> = block_on(async { Ok(::node::enrol(&options).await) })?;
    joined.map_err(|error| Failure::dial(&error).at(&shown_at))?;
    host::keep(app, kept, chosen.keep.clone());
    app.out.note(&format!(
        "{} lets this machine in; to take it back, run there: openclaw devices list",
        route.target.whole()
    ));
    Ok(chosen)
}

fn endpoint(code: &SetupCode, url: &str) -> Result<Endpoint, Failure> {
    let pin = code.tls_fingerprint.as_deref().map(str::parse::<link::Pin>).transpose();
    let pin = pin.map_err(|error| Failure::of(&error))?;
    let url = Url::parse(url).map_err(|error| Failure::usage(format!("this setup code names `{url}`: {error}")))?;
    let is_tls = url.scheme() == "wss";
    Ok(Endpoint::of_url(&url, pin.filter(|_| is_tls)))
}

fn origin(url: &str) -> Result<String, Failure> {
    Ok(link::Target::parse(url, link::Source::NodeHost)?.origin())
}

/// One address. A token this device had there before would be shown first; it comes back when the code does not help.
fn attempt(
    app: &App,
    code: &SetupCode,
    endpoint: &Endpoint,
    kept: &Kept,
    tokens: &TokenStore,
    known: Option<StoredToken>,
) -> Result<(), Failure> {
    let chosen = place::bare(app, endpoint.clone())?;
    let (origin, shown_at) = (chosen.way.target.origin(), rpc::place(app, &chosen.way));
    let mut options = host::options(&chosen, kept)?;
    let token = base::Secret::new(code.bootstrap_token.as_str());
    options.connect.credentials = Credentials { bootstrap_token: Some(token), ..Credentials::default() };
    if known.is_some() {
        tokens.forget(&origin, Role::Node)?;
    }
    let joined: Result<(), DialError> = block_on(async { Ok(::node::enrol(&options).await) })?;
    if let (Err(_), Some(known)) = (&joined, &known) {
        tokens.put(&origin, options.device.id(), Role::Node, known)?;
    }
    joined.map_err(|error| Failure::dial(&error).at(&shown_at))
}

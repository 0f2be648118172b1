//! `device.pair.setupCode` and `device.pair.setupStatus`: a code that lets one new device in, and whether it has
//! (N-3.7, PAIR-14, CON-4).

use std::time::Instant;

use serde_json::json;
use url::Url;
use wire::connect::Credential;
use wire::methods::device::{
    MakeSetupCode, SetupCodeParams, SetupCodeResult, SetupStatus, SetupStatusParams, SetupStatusResult,
};
use wire::setup_code::MAX_URLS;
use wire::{ErrorShape, SetupCode};

use crate::auth::links;
use crate::auth::newcomer::Access;
use crate::endpoints::{self, Endpoint};
use crate::rpc::{Cx, Table};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<MakeSetupCode>(make).on::<SetupStatus>(status)
}

async fn make(cx: Cx, params: SetupCodeParams) -> Result<SetupCodeResult, ErrorShape> {
    let access = access(&params)?;
    let endpoints = endpoints(&cx, &params)?;
    let Some(first) = endpoints.first() else { return Err(only_here()) };
    let pages = params.join_url.unwrap_or(false).then(|| page_folder(&endpoints)).transpose()?;
    let urls: Vec<String> = endpoints.iter().map(|endpoint| endpoint.url.clone()).collect();
    let several = if urls.len() > 1 { urls } else { Vec::new() };
    let expires_at_ms = links::expires_at_ms();
    let draft = SetupCode {
        url: first.url.clone(),
        urls: several.clone(),
        bootstrap_token: Credential::default(),
        expires_at_ms: Some(expires_at_ms),
        tls_fingerprint: cx.tls.as_ref().filter(|_| first.is_own_tls).map(|tls| tls.fingerprint()),
    };
    let made = cx.gate.links(|links| links.make_setup(access, draft, pages.is_some(), Instant::now()));
    tracing::info!(by = %cx.who.client.id, id = %made.id, access = access.as_str(), "made a setup code");
    let join_url = pages.zip(made.page).map(|(folder, code)| Credential::new(format!("{folder}{}", code.expose())));
    Ok(SetupCodeResult {
        setup_id: made.id,
        setup_code: Credential::new(made.code.encode()),
        join_url,
        gateway_url: first.url.clone(),
        gateway_urls: several,
        auth: cx.gate.policy().shared.as_str().to_owned(),
        url_source: first.source.to_owned(),
        access: access.as_str().to_owned(),
        expires_at_ms,
    })
}

async fn status(cx: Cx, params: SetupStatusParams) -> Result<SetupStatusResult, ErrorShape> {
    let completion = cx.gate.links(|links| links.completion(&params.setup_id, Instant::now()));
    Ok(SetupStatusResult { completion })
}

/// A page is for machines, which become nodes and nothing more.
fn access(params: &SetupCodeParams) -> Result<Access, ErrorShape> {
    let wants_page = params.join_url.unwrap_or(false);
    match params.bootstrap_profile.as_deref() {
        None if wants_page => Ok(Access::Node),
        None => Ok(Access::default()),
        Some(profile) => match Access::parse(profile) {
            Some(Access::Limited | Access::VoiceNode) if wants_page => {
                Err(ErrorShape::invalid("a join page is for nodes: bootstrapProfile must be `node`"))
            }
            Some(access) => Ok(access),
            None => Err(ErrorShape::invalid(
                "invalid device.pair.setupCode params: at /bootstrapProfile: must be `limited`, `node` or `voice-node`",
            )),
        },
    }
}

fn endpoints(cx: &Cx, params: &SetupCodeParams) -> Result<Vec<Endpoint>, ErrorShape> {
    let named = |text: &str, source| match Endpoint::named(cx, text, source) {
        Ok(endpoint) => Ok(vec![endpoint]),
        Err(unfit) => Err(ErrorShape::invalid(unfit.to_string()).with(json!({"code": "SETUP_ADDRESS_UNFIT"}))),
    };
    if let Some(url) = &params.public_url {
        return named(url, "request.publicUrl");
    }
    let remote = cx.config.current().gateway.remote.url.clone().filter(|_| params.prefer_remote_url == Some(true));
    if let Some(url) = remote {
        return named(&url, "gateway.remote.url");
    }
    let mut known = endpoints::known(cx);
    known.truncate(MAX_URLS);
    Ok(known)
}

fn only_here() -> ErrorShape {
    let message = "no address of this Gateway is for other machines, so that a setup code would lead nowhere: it listens \
                   on loopback, or in the clear on a network that is not local";
    ErrorShape::invalid(message).with(json!({"code": "SETUP_LOOPBACK_ONLY"}))
}

/// Where join pages are. A page holds the token, so that it is fetched through TLS or on this machine.
fn page_folder(endpoints: &[Endpoint]) -> Result<String, ErrorShape> {
    let folder = |endpoint: &Endpoint| {
        let url = Url::parse(&endpoint.url).ok()?;
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let (rest, scheme) = match url.scheme() {
            "wss" => (endpoint.url.strip_prefix("wss")?, "https"),
            _ if is_here => (endpoint.url.strip_prefix("ws")?, "http"),
            _ => return None,
        };
        Some(format!("{scheme}{rest}/j/"))
    };
    endpoints.iter().find_map(folder).ok_or_else(|| {
        ErrorShape::invalid(
            "a join page needs a Gateway behind TLS; use the setup code itself on a network in the clear",
        )
        .with(json!({"code": "JOIN_PAGE_NEEDS_TLS"}))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-3.7: what holds the token never goes over the network in the clear as a page.
    #[test]
    fn a_page_is_fetched_through_tls_or_on_this_machine() {
        let folder = |url: &str| {
            page_folder(&[Endpoint { url: url.into(), source: "test", is_own_tls: false }]).map_err(|error| error.code)
        };
        assert_eq!(folder("wss://gw.example/base").unwrap(), "https://gw.example/base/j/");
        assert_eq!(folder("ws://127.0.0.1:18789").unwrap(), "http://127.0.0.1:18789/j/");
        assert!(folder("ws://192.168.1.5:18789").is_err());
    }
}

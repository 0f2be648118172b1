//! What Tailscale says of a caller, on the listener its route leads to (TS-3, TS-4).
//!
//! The listener is what vouches, not the headers: on every other door the same headers make a request unattributable.
//! tailscaled replaces what a client sends of them, so a request that lacks one, or has more than tailscaled writes, did
//! not come from it. A login counts only when tailscaled says the same of the address.

use std::net::IpAddr;

use http::HeaderMap;
use wire::Role;
use wire::connect::{ConnectAuth, ConnectParams, Credential};

use super::locality::{Attribution, FUNNEL_HEADER, Peer};
use super::net;
use super::policy::Policy;
use super::provenance::Way;
use crate::tailscale::Tailscale;

const LOGIN_HEADER: &str = "tailscale-user-login";

/// Whose request it is, and the address of the device that made it; `None` when tailscaled would not have sent it.
pub(super) fn attribute(way: Way, headers: &HeaderMap) -> Option<(Attribution, IpAddr)> {
    let funnel = headers.get(FUNNEL_HEADER).map(http::HeaderValue::as_bytes);
    let attribution = match (way, funnel) {
        (Way::Serve, None) => Attribution::TailscaleServe,
        (Way::Funnel, Some(b"?1")) => Attribution::TailscaleFunnel,
        (Way::Serve, Some(_)) | (Way::Funnel, _) => return None,
    };
    only(headers, "x-forwarded-proto")?;
    only(headers, "x-forwarded-host")?;
    let client = only(headers, "x-forwarded-for")?.parse().ok().map(net::plain)?;
    (!net::is_loopback(client)).then_some((attribution, client))
}

/// The login tailscaled names, on the serve listener.
pub(super) fn login(attribution: Attribution, headers: &HeaderMap) -> Option<String> {
    only(headers, LOGIN_HEADER).filter(|_| attribution == Attribution::TailscaleServe).map(str::to_owned)
}

/// The value of a header that is there once and not blank.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}

/// Whether Tailscale's word lets this caller in: an operator's page on the serve listener that shows no secret, whose
/// login `whois` confirms (TS-3).
pub(super) async fn vouches(
    tailscale: &Tailscale,
    peer: &Peer,
    policy: &Policy,
    role: Role,
    params: &ConnectParams,
) -> bool {
    let is_page = params.client.id == "openclaw-control-ui" && role == Role::Operator;
    if !policy.allow_tailscale || !is_page || params.auth.as_ref().is_some_and(shows_a_secret) {
        return false;
    }
    let Some(claimed) = &peer.tailnet_login else { return false };
    match tailscale.login_at(peer.client).await {
        Some(known) if known.eq_ignore_ascii_case(claimed) => true,
        Some(_) => {
            tracing::warn!(client = %peer.client, "tailscale whois names somebody else than the request does");
            false
        }
        None => false,
    }
}

fn shows_a_secret(auth: &ConnectAuth) -> bool {
    let all = [&auth.token, &auth.password, &auth.device_token, &auth.bootstrap_token];
    all.into_iter().flatten().map(Credential::as_str).any(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::headers;

    const FORWARDED: [(&str, &str); 3] =
        [("x-forwarded-for", "100.64.0.7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "box.tail1.ts.net")];

    fn seen(way: Way, more: &[(&str, &str)]) -> Option<Attribution> {
        attribute(way, &headers(&[&FORWARDED[..], more].concat())).map(|(attribution, _)| attribution)
    }

    /// TS-4
    #[test]
    fn each_listener_takes_only_what_its_route_sends() {
        let marker = "tailscale-funnel-request";
        assert_eq!(seen(Way::Serve, &[]), Some(Attribution::TailscaleServe));
        assert_eq!(seen(Way::Serve, &[(marker, "?1")]), None, "the internet on the listener of the tailnet");
        assert_eq!(seen(Way::Funnel, &[(marker, "?1")]), Some(Attribution::TailscaleFunnel));
        for marker in [&[][..], &[(marker, "?0")], &[(marker, "1")], &[(marker, "")]] {
            assert_eq!(seen(Way::Funnel, marker), None, "{marker:?}");
        }
        for (missing, _) in FORWARDED {
            let pairs: Vec<_> = FORWARDED.into_iter().filter(|(name, _)| *name != missing).collect();
            assert_eq!(attribute(Way::Serve, &headers(&pairs)), None, "{missing}");
        }
        for bad in ["", "127.0.0.1", "::ffff:127.0.0.1", "unknown", "100.64.0.7, 100.64.0.8"] {
            let pairs = [("x-forwarded-for", bad), FORWARDED[1], FORWARDED[2]];
            assert_eq!(attribute(Way::Serve, &headers(&pairs)), None, "{bad}");
        }
        let mut twice = headers(&FORWARDED);
        twice.append("x-forwarded-for", http::HeaderValue::from_static("100.64.0.8"));
        assert_eq!(attribute(Way::Serve, &twice), None, "somebody wrote one before");
    }

    /// TS-3
    #[test]
    fn a_funnel_names_nobody() {
        let named = headers(&[("tailscale-user-login", "ann@example.com")]);
        assert_eq!(login(Attribution::TailscaleServe, &named).as_deref(), Some("ann@example.com"));
        for elsewhere in [Attribution::TailscaleFunnel, Attribution::DirectLocal, Attribution::TrustedProxy] {
            assert_eq!(login(elsewhere, &named), None);
        }
    }
}

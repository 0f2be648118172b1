//! Posting JSON to a URL that somebody named. Addresses of this machine and of private networks are refused unless their
//! owner allows them, whatever a name resolves to at that moment, and redirects are not followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use base::Secret;
use serde_json::Value;
use url::Url;

/// How long a name may take to resolve.
const RESOLVES_WITHIN: Duration = Duration::from_secs(5);
/// How long the whole may take.
const DONE_WITHIN: Duration = Duration::from_secs(15);

/// Where a post may lead.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Any private address.
    pub private: bool,
    /// Hosts that may be private.
    pub hosts: Vec<String>,
    /// Hosts that are refused, `*.example.com` for all below one.
    pub blocked: Vec<String>,
}

/// Why a post did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One sentence, without the URL's path and query, which may hold secrets.
    pub why: String,
    /// Whether another try may do better.
    pub may_pass: bool,
}

/// Posts `body` to `to`, with a bearer token if there is one. Any answer of 2xx is success.
///
/// # Errors
/// [`Failure`].
pub async fn json(to: &str, token: Option<&Secret>, body: &Value, allowed: &Allowed) -> Result<(), Failure> {
    let url = Url::parse(to).map_err(|_| never("the URL cannot be read"))?;
    let host = url.host_str().ok_or_else(|| never("the URL names no host"))?.to_lowercase();
    let host = host.trim_matches(['[', ']']).to_owned();
    let addresses = addresses(&url, &host, allowed).await?;
    let client = reqwest::Client::builder()
        .timeout(DONE_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(&host, &addresses)
        .build()
        .map_err(|_| never("no HTTP client could be made"))?;
    let request = client.post(url).json(body);
    let request = match token {
        Some(token) => request.bearer_auth(token.expose()),
        None => request,
    };
    let answer = request.send().await.map_err(|error| Failure {
        why: format!("{host} did not answer: {}", if error.is_timeout() { "too slow" } else { "no connection" }),
        may_pass: true,
    })?;
    let status = answer.status();
    match status.is_success() {
        true => Ok(()),
        false => Err(Failure {
            why: format!("{host} answered {}", status.as_u16()),
            may_pass: status.is_server_error() || status.as_u16() == 429,
        }),
    }
}

/// What the host's name means now; only these are dialled, so that a second answer of the name server changes nothing.
async fn addresses(url: &Url, host: &str, allowed: &Allowed) -> Result<Vec<SocketAddr>, Failure> {
    if !matches!(url.scheme(), "http" | "https") || allowed.blocked.iter().any(|blocked| is_below(host, blocked)) {
        return Err(never(&format!("{host} may not be reached")));
    }
    let port = url.port_or_known_default().unwrap_or(443);
    let looked_up = tokio::time::timeout(RESOLVES_WITHIN, tokio::net::lookup_host((host.to_owned(), port))).await;
    let found: Vec<SocketAddr> = match looked_up {
        Ok(Ok(found)) => found.collect(),
        _ => return Err(Failure { why: format!("{host} is not found"), may_pass: true }),
    };
    let trusted = allowed.private || allowed.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    if !trusted && found.iter().any(|address| is_private(address.ip())) {
        return Err(never(&format!("{host} is a private address; name it in cron.webhookSsrfPolicy.allowedHostnames")));
    }
    Ok(found)
}

fn never(why: &str) -> Failure {
    Failure { why: why.to_owned(), may_pass: false }
}

fn is_below(host: &str, pattern: &str) -> bool {
    let pattern = pattern.to_lowercase();
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => host == pattern,
    }
}

/// Whether an address is not of the public internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_private_v4(address),
            None => is_private_v6(address),
        },
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 198 && (18..20).contains(&second))
        || address.octets()[..3] == [192, 0, 0]
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // What carries an IPv4 address inside (NAT64, 6to4) leads wherever that leads.
    let carried = segments[0] == 0x64 && segments[1] == 0xff9b || segments[0] == 0x2002;
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || segments[..6] == [0; 6]
        || carried
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn refused(to: &str, allowed: &Allowed) -> String {
        let failure = json(to, None, &json!({}), allowed).await.unwrap_err();
        assert!(!failure.may_pass, "{failure:?}");
        failure.why
    }

    #[tokio::test]
    async fn private_addresses_are_refused_in_every_spelling() {
        let strict = Allowed::default();
        for to in [
            "http://127.0.0.1:1/x",
            "http://0/x",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://10.1.2.3/",
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://[fd00::1]/",
            "http://localhost/",
            "http://192.168.0.1/",
            "http://[64:ff9b::7f00:1]/",
            "http://0x7f.1/",
        ] {
            assert!(refused(to, &strict).await.contains("private address"), "{to}");
        }
        assert!(refused("ftp://example.com/", &strict).await.contains("may not"));
        assert!(refused("file:///etc/passwd", &strict).await.contains("no host"));
    }

    #[tokio::test]
    async fn a_blocked_host_is_refused_before_its_name_is_looked_up() {
        let blocked = Allowed { blocked: vec!["*.example.com".into()], private: true, ..Allowed::default() };
        assert!(refused("https://a.b.example.com/hook?key=secret", &blocked).await.ends_with("may not be reached"));
        assert!(!is_below("example.com", "*.example.com") && !is_below("badexample.com", "*.example.com"));
    }
}

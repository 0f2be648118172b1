//! Where a vendor is and how to knock: address, credential, patience, and the clients that hold the connections.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use base::Secret;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::{Host, Url};

use super::failure::Failure;
use super::{FailureClass, Params, Switches};

/// How long a vendor in the cloud may be silent before a call is given up.
pub const IDLE_CLOUD: Duration = Duration::from_secs(120);
/// The same for a server of one's own, which may first load a model from disk.
pub const IDLE_LOCAL: Duration = Duration::from_secs(300);
/// From the first packet to an open connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A vendor's address and credential, and what is known of the model to call there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The provider's id in the config, the name a person knows it by.
    pub provider: String,
    /// As the config has it, with or without `/v1`.
    pub base_url: Url,
    /// Local servers need none.
    pub api_key: Option<Secret>,
    /// Sent with every call; they win over ours.
    pub headers: Vec<(String, Secret)>,
    /// The longest silence; the default depends on where the server is.
    pub idle: Duration,
    /// Whether the model sees pictures; they are left out with a note when it does not.
    pub sees_images: bool,
    /// Whether the model can reason, and so may be told how hard.
    pub reasons: bool,
    /// Most tokens the model writes, when known.
    pub max_tokens: Option<u64>,
    /// What the config says of the server's dialect.
    pub switches: Switches,
    /// What a person adds to every call of the model.
    pub params: Params,
}

impl Endpoint {
    /// An endpoint without a credential and with nothing known of its model.
    pub fn new(provider: impl Into<String>, base_url: Url) -> Self {
        let idle = if is_local(&base_url) { IDLE_LOCAL } else { IDLE_CLOUD };
        Self {
            provider: provider.into(),
            base_url,
            api_key: None,
            headers: Vec::new(),
            idle,
            sees_images: true,
            reasons: false,
            max_tokens: None,
            switches: Switches::default(),
            params: Params::default(),
        }
    }

    /// The host's name in lower case, empty when there is none.
    pub(super) fn host(&self) -> &str {
        self.base_url.host_str().unwrap_or_default()
    }

    /// Whether the server is on this machine or its network.
    pub(crate) fn is_local(&self) -> bool {
        is_local(&self.base_url)
    }

    /// The address of `path` (`v1/messages`), whatever part of it `baseUrl` already spells. A base without any path
    /// gets the whole of it; one with a path is believed to hold the version already.
    pub(super) fn url(&self, version: &str, path: &str, version_always: bool) -> Url {
        let mut url = self.base_url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        let joined = if base.ends_with(path) {
            base
        } else if base.is_empty() || (version_always && !base.ends_with(&format!("/{version}"))) {
            format!("{base}/{version}/{path}")
        } else {
            format!("{base}/{path}")
        };
        url.set_path(&joined);
        url
    }

    /// Headers of the config over `ours`, every value marked as not to be shown.
    pub(super) fn headers(&self, ours: Vec<(HeaderName, String)>) -> Result<HeaderMap, Failure> {
        let unusable = |_| Failure::saying(FailureClass::Format, "has a key or header with a character HTTP forbids");
        let mut map = HeaderMap::new();
        for (name, value) in ours {
            map.insert(name, sensitive(&value).map_err(unusable)?);
        }
        for (name, value) in &self.headers {
            let Ok(name) = name.parse::<HeaderName>() else {
                return Err(Failure::saying(FailureClass::Format, "has a header with a name HTTP forbids"));
            };
            map.insert(name, sensitive(value.expose()).map_err(unusable)?);
        }
        Ok(map)
    }

    /// Everything that must not reach a log.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.api_key.iter().map(Secret::expose).chain(self.headers.iter().map(|(_, value)| value.expose()))
    }
}

fn sensitive(value: &str) -> Result<HeaderValue, reqwest::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether `url` names this machine or a private network.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || [".localhost", ".local", ".lan", ".internal"].iter().any(|end| name.ends_with(end))
        }
        Some(Host::Ipv4(ip)) => is_private(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_private(IpAddr::V6(ip)),
        None => false,
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        // 100.64/10 is what tailnets number their machines with.
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.octets()[..1] == [100] && ip.octets()[1] & 0xc0 == 64
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The HTTP clients all calls share, built when first needed: reading the system's certificates takes longer than the
/// whole start of a Gateway may.
#[derive(Debug, Default)]
pub struct Http {
    cloud: OnceLock<reqwest::Client>,
    local: OnceLock<reqwest::Client>,
}

impl Http {
    /// The client for `endpoint`. One for local servers ignores the proxy of the environment, which would look for
    /// `127.0.0.1` on itself.
    pub(super) fn client(&self, endpoint: &Endpoint) -> Result<&reqwest::Client, Failure> {
        let local = endpoint.is_local();
        let slot = if local { &self.local } else { &self.cloud };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = build(local).map_err(|error| {
            tracing::error!(error = %error, "no HTTP client");
            Failure::saying(FailureClass::Network, "cannot be called: the HTTP client did not start")
        })?;
        Ok(slot.get_or_init(|| client))
    }
}

/// No overall timeout, since an answer may stream for an hour; no redirects, since a key would travel with them.
fn build(local: bool) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    if local { builder.no_proxy().build() } else { builder.build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base: &str) -> Endpoint {
        Endpoint::new("p", base.parse().unwrap())
    }

    #[test]
    fn a_base_url_may_be_written_with_or_without_version_and_slash() {
        let cases = [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            ("https://api.openai.com", "https://api.openai.com/v1/chat/completions"),
            ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1/chat/completions"),
            ("https://x.example/v1beta/openai/", "https://x.example/v1beta/openai/chat/completions"),
            ("https://x.example/v1/chat/completions", "https://x.example/v1/chat/completions"),
            ("https://x.example/d/gpt?api-version=2", "https://x.example/d/gpt/chat/completions?api-version=2"),
        ];
        for (base, url) in cases {
            assert_eq!(endpoint(base).url("v1", "chat/completions", false).as_str(), url, "{base}");
        }
        let cases = [
            ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
            ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
            ("https://x.example/anthropic", "https://x.example/anthropic/v1/messages"),
            ("https://x.example/v1/messages", "https://x.example/v1/messages"),
        ];
        for (base, url) in cases {
            assert_eq!(endpoint(base).url("v1", "messages", true).as_str(), url, "{base}");
        }
    }

    ///
    #[test]
    fn servers_of_ones_own_are_given_more_time() {
        for base in [
            "http://localhost:1",
            "http://127.0.0.1:1",
            "http://192.168.1.5:1",
            "http://[::1]:1",
            "http://box.local:1",
            "http://100.101.2.3",
            "http://[::ffff:10.0.0.1]",
        ] {
            assert_eq!(endpoint(base).idle, IDLE_LOCAL, "{base}");
        }
        for base in ["https://api.openai.com/v1", "https://localhost.example", "http://8.8.8.8", "http://100.200.1.1"] {
            assert_eq!(endpoint(base).idle, IDLE_CLOUD, "{base}");
        }
    }

    #[test]
    fn nothing_secret_is_in_the_debug_form() {
        let mut endpoint = endpoint("https://api.openai.com/v1");
        endpoint.api_key = Some(Secret::new("hunter2"));
        endpoint.headers = vec![("x-extra".into(), Secret::new("hunter3"))];
        let headers = endpoint.headers(vec![(reqwest::header::AUTHORIZATION, "Bearer hunter2".into())]);
        assert!(!format!("{endpoint:?} {headers:?}").contains("hunter"));
    }
}

//! What the node host keeps for its next start: what people call it, which Gateway is its own, what it offers (N-11.3).
//! Nothing here is secret: tokens are beside the device's key, in a file of their own.

use std::collections::BTreeSet;
use std::path::PathBuf;

use link::Pin;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::app::App;
use crate::exit::Failure;

const VERSION: u32 = 1;

/// The file, read once and written when something in it has proven itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Kept {
    version: u32,
    /// Tells this client's connections from others of the same device (N-1.6); never its node id.
    pub(super) node_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gateway: Option<Endpoint>,
    /// Offer these only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commands: Option<BTreeSet<String>>,
}

/// Where its Gateway is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls_fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context_path: Option<String>,
    /// Through this login; then `host` is what the Gateway is called there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ssh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ssh_identity: Option<PathBuf>,
}

impl Kept {
    /// What was kept; a machine that kept nothing gets an id for its connections.
    pub(super) fn read(app: &App) -> Result<Self, Failure> {
        let file = app.paths.node_host();
        let unreadable = |why: String| {
            Failure::new("NODE_STATE_UNREADABLE", format!("`{}`: {why}", file.display()))
                .advise(format!("mend that file, or remove it and join anew: {}", file.display()))
        };
        let mut kept = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice::<Self>(&text).map_err(|error| unreadable(error.to_string()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        if kept.node_id.is_empty() {
            kept.node_id = uuid::Uuid::new_v4().to_string();
        }
        kept.version = VERSION;
        Ok(kept)
    }

    /// Writes it, readable by its owner alone.
    pub(super) fn write(&self, app: &App) -> Result<(), Failure> {
        let file = app.paths.node_host();
        let text = serde_json::to_vec_pretty(self).expect("strings and numbers always serialise");
        let written = file.parent().map_or(Ok(()), base::ensure_private_dir);
        written
            .and_then(|()| base::write_atomic(&file, &text))
            .map_err(|error| Failure::new("STATE_DIR_UNWRITABLE", format!("`{}`: {error}", file.display())))
    }
}

impl Endpoint {
    /// That of a URL, with the certificate to insist on.
    pub(super) fn of_url(url: &Url, pin: Option<Pin>) -> Self {
        let path = url.path().trim_end_matches('/');
        Self {
            host: url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().unwrap_or(base::DEFAULT_PORT),
            tls: url.scheme() == "wss",
            tls_fingerprint: pin.map(|pin| pin.to_string()),
            context_path: (!path.is_empty()).then(|| path.to_owned()),
            ..Self::default()
        }
    }

    /// As a URL.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let path = self.context_path.as_deref().unwrap_or_default().trim_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        format!("{scheme}://{host}:{}{slash}{path}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-11.3
    #[test]
    fn an_endpoint_is_the_url_it_came_from() {
        for url in ["ws://127.0.0.1:18789", "wss://gw.example:443/base", "wss://[fd00::1]:18789"] {
            assert_eq!(Endpoint::of_url(&Url::parse(url).unwrap(), None).url(), url);
        }
        assert_eq!(Endpoint::of_url(&Url::parse("wss://gw.example").unwrap(), None).url(), "wss://gw.example:443");
    }
}

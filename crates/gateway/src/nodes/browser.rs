//! Who may steer a node's browser: operator access to somebody's machine (N-4.10, N-4.11). On top of the administrator's
//! scope it is refused to peers on public addresses unless the config says otherwise, never makes or removes profiles,
//! and each call leaves a line in the log under `audit`: who, which node, which path, but nothing of what was asked.

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::node::InvokeParams;

use super::Nodes;
use super::by::By;
use crate::auth::locality::Attribution;
use crate::auth::net;

/// The family of commands this is about.
const FAMILY: &str = "browser.proxy";
/// Longest path in the log, in characters.
const SHOWN_CHARS: usize = 120;

impl Nodes {
    /// Lets a call of a node's browser pass, or not; other calls pass.
    ///
    /// # Errors
    /// Which gate it does not pass.
    pub(super) fn may_browse(&self, by: By<'_>, asked: &InvokeParams) -> Result<(), ErrorShape> {
        if !asked.command.starts_with(FAMILY) {
            return Ok(());
        }
        let public_too = self.0.config.current().gateway.nodes.browser.allow_public_peers;
        let verdict = judge(by, asked, public_too);
        let (method, path) = question(asked.params.as_ref());
        let path: String = path.chars().take(SHOWN_CHARS).collect();
        let refused = verdict.as_ref().err().map(|error| error.message.as_str());
        let (by, peer) = match by {
            By::Client(who) => (who.device_id.clone().unwrap_or_else(|| who.client.id.clone()), Some(who.peer)),
            By::Agent(asker) => (asker.session.to_string(), None),
            By::Gateway => ("gateway".to_owned(), None),
        };
        let peer = peer.map(tracing::field::display);
        tracing::info!(
            target: "audit", %by, peer, node = %asked.node_id, %method, %path, refused, "browser.proxy"
        );
        verdict
    }
}

fn judge(by: By<'_>, asked: &InvokeParams, public_too: bool) -> Result<(), ErrorShape> {
    let refused = |message: String, reason: &str| {
        Err(ErrorShape::invalid(message).with(json!({"reason": reason, "command": asked.command})))
    };
    if let By::Client(who) = by {
        let is_near = net::is_loopback(who.peer) || net::is_private(who.peer);
        if !public_too && (!is_near || who.attribution == Attribution::TailscaleFunnel) {
            let message = format!(
                "node command not allowed: \"{}\" is refused to {}, a public address; \
                 gateway.nodes.browser.allowPublicPeers allows it",
                asked.command, who.peer
            );
            return refused(message, "peer not private");
        }
    }
    let (method, path) = question(asked.params.as_ref());
    if path.contains(['%', '\\']) || path.split('/').any(|part| part == "..") {
        return refused("browser.proxy: a path is written without escapes and without `..`".into(), "path");
    }
    if changes_profiles(&method, &path) {
        let message =
            "node.invoke cannot make, empty or remove browser profiles via browser.proxy; the owner of the node does";
        return refused(message.into(), "profile");
    }
    Ok(())
}

/// The method and the path of a question, without what stands behind `?`.
fn question(params: Option<&Value>) -> (String, String) {
    let text = |name: &str| params.and_then(|params| params[name].as_str()).unwrap_or_default().trim();
    let method = if text("method").is_empty() { "GET" } else { text("method") };
    let path = text("path").split(['?', '#']).next().unwrap_or_default();
    (method.to_ascii_uppercase(), path.to_owned())
}

/// However it is written: a node may read a path more kindly than we do.
fn changes_profiles(method: &str, path: &str) -> bool {
    let plain = path.to_ascii_lowercase();
    let mut parts = plain.split('/').filter(|part| !part.is_empty() && *part != ".");
    match parts.next() {
        Some("reset-profile") => true,
        Some("profiles") => method != "GET" || parts.next().is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-4.11
    #[test]
    fn profiles_are_not_changed_however_the_path_is_written() {
        for (method, path) in [
            ("POST", "/profiles/create"),
            ("DELETE", "/profiles/work"),
            ("POST", "//profiles/./create"),
            ("POST", "/Profiles/create"),
            ("GET", "/reset-profile"),
        ] {
            assert!(changes_profiles(method, path), "{method} {path}");
        }
        for (method, path) in [("GET", "/profiles"), ("GET", "/"), ("POST", "/tabs/open"), ("DELETE", "/tabs/profiles")]
        {
            assert!(!changes_profiles(method, path), "{method} {path}");
        }
    }

    /// N-4.10: what was asked is not written down.
    #[test]
    fn a_question_is_told_without_its_values() {
        let asked = json!({"method": "post", "path": " /act?token=s3cret#x", "body": {"text": "s3cret"}});
        assert_eq!(question(Some(&asked)), ("POST".to_owned(), "/act".to_owned()));
        assert_eq!(question(None), ("GET".to_owned(), String::new()));
    }
}

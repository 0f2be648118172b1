//! Words of older versions that still mean something, and hints about those that no longer do.

use crate::Config;
use crate::path::Path;
use crate::problem::Problem;
use crate::substitute::walk;
use crate::text::{Kind, Node, Sources};

/// Old values and what they mean today: path with `*` for any key, old word, new word.
pub(crate) const WORDS: &[(&str, &str, &str)] = &[
    ("gateway.reload.mode", "restart", "hybrid"),
    ("gateway.reload.mode", "hot", "hybrid"),
    ("messages.queue.mode", "queue", "steer"),
    ("messages.queue.mode", "steer+backlog", "steer-backlog"),
    ("messages.queue.byChannel.*", "queue", "steer"),
    ("messages.queue.byChannel.*", "steer+backlog", "steer-backlog"),
];

/// Keys that are read and have no effect any more.
pub(crate) const IDLE: &[(&str, &str)] = &[
    ("gateway.controlUi.allowInsecureAuth", "has no effect: browsers sign without a secure context"),
    ("gateway.controlUi.dangerouslyDisableDeviceAuth", "has no effect: browsers always sign"),
    ("gateway.reload.debounceMs", "has no effect any more"),
    ("gateway.reload.deferralTimeoutMs", "has no effect any more"),
    ("gateway.roles", "is not enforced by this version, which therefore refuses to serve with it"),
    ("gateway.tailscale.resetOnExit", "has no effect: what the Gateway exposed is always taken back when it stops"),
];

/// Replaces old words by today's, and warns about keys without effect.
pub(crate) fn modernise(root: &mut Node, sources: &Sources) -> Vec<Problem> {
    let mut warnings = Vec::new();
    walk(root, &Path::root(), &mut |node, path| {
        let name = path.to_string();
        if let Some((_, why)) = IDLE.iter().find(|(idle, _)| *idle == name) {
            let line = sources.line(node.source, node.span.start);
            let file = sources.path(node.source).cloned();
            warnings.push(Problem { line, file, ..Problem::new(name.clone(), *why) });
        }
        let Kind::String(text) = &mut node.kind else { return };
        let today = WORDS.iter().find(|(place, old, _)| *old == text.as_str() && is_place(place, &name));
        if let Some((_, _, today)) = today {
            *text = (*today).to_owned();
        }
    });
    warnings
}

pub(crate) fn is_place(place: &str, name: &str) -> bool {
    match place.strip_suffix('*') {
        Some(folder) => name.strip_prefix(folder).is_some_and(|key| !key.contains('.')),
        None => place == name,
    }
}

/// What a reader of the original's pages would expect and not get (START-4, CRED-9, A-9.7).
pub(crate) fn hints(config: &Config) -> Vec<Problem> {
    [remote_token, exec_host].into_iter().filter_map(|hint| hint(config)).collect()
}

fn remote_token(config: &Config) -> Option<Problem> {
    let (auth, remote) = (&config.gateway.auth, &config.gateway.remote);
    let serves = config.gateway.mode != Some(crate::Mode::Remote);
    let only_remote = remote.token.is_some() && auth.token.is_none() && auth.password.is_none() && auth.mode.is_none();
    let message = "is for calls to a remote Gateway and does not enable local auth; set `gateway.auth.token` for that";
    (serves && only_remote).then(|| Problem::new("gateway.remote.token", message))
}

fn exec_host(config: &Config) -> Option<Problem> {
    let host = config.tools.exec.missing_host()?;
    let message = format!(
        "is `{host}`, which this version does not have: no command runs; run `openclaw config set tools.exec.host gateway` \
         for this machine, or `node` for a node"
    );
    Some(Problem::new("tools.exec.host", message))
}

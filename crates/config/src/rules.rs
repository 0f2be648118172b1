//! Rules about single values that a JSON Schema cannot say: origins, addresses, networks.

use serde_json::Value;
use url::Url;

use crate::IpRange;
use crate::path::Path;
use crate::problem::Problem;
use crate::schema::telegram::api_root;
use crate::schema::unit;
use crate::text::{Kind, Node, Sources};

/// One rule: the path, with `*` for every element or member, and what a text there must satisfy.
type Rule = (&'static str, fn(&str) -> Result<(), String>);

const RULES: &[Rule] = &[
    ("gateway.publicOrigin", public_origin),
    ("gateway.remote.url", gateway_url),
    ("gateway.trustedProxies.*", range),
    ("gateway.nodes.pairing.autoApproveCidrs.*", range),
    ("gateway.nodes.pairing.sshVerify.cidrs.*", range),
    ("gateway.controlUi.basePath", base_path),
    ("channels.telegram.apiRoot", api_root),
    ("channels.telegram.accounts.*.apiRoot", api_root),
    ("agents.defaults.heartbeat.every", span),
    ("agents.entries.*.heartbeat.every", span),
    ("agents.list.*.heartbeat.every", span),
    ("cron.sessionRetention", span),
    ("hooks.path", hooks_path),
];

/// Applies every rule.
pub(crate) fn check(root: &Node, sources: &Sources) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, rule) in RULES {
        let keys: Vec<&str> = place.split('.').collect();
        visit(root, &keys, &Path::root(), &mut |node, path| {
            let Kind::String(text) = &node.kind else { return };
            if let Err(message) = rule(text) {
                problems.push(Problem {
                    path: path.to_string(),
                    message,
                    line: sources.line(node.source, node.span.start),
                    file: sources.path(node.source).cloned(),
                    ..Problem::default()
                });
            }
        });
    }
    problems
}

fn visit(node: &Node, keys: &[&str], path: &Path, found: &mut impl FnMut(&Node, &Path)) {
    let Some((key, rest)) = keys.split_first() else { return found(node, path) };
    match (&node.kind, *key) {
        (Kind::Array(items), "*") => {
            items.iter().enumerate().for_each(|(index, item)| visit(item, rest, &path.index(index), found));
        }
        (Kind::Object(members), "*") => {
            members.iter().for_each(|member| visit(&member.value, rest, &path.key(&member.key), found));
        }
        _ => {
            if let Some(inner) = node.get(key) {
                visit(inner, rest, &path.key(*key), found);
            }
        }
    }
}

fn span(text: &str) -> Result<(), String> {
    unit::span(text).map(drop)
}

/// Under the root everything would be a hook.
fn hooks_path(text: &str) -> Result<(), String> {
    match text.trim().trim_matches('/').is_empty() {
        true => Err("must be a path of its own, such as /hooks".into()),
        false => Ok(()),
    }
}

fn range(text: &str) -> Result<(), String> {
    text.parse::<IpRange>().map(drop).map_err(|error| format!("{error}, got {}", Value::from(text)))
}

fn public_origin(text: &str) -> Result<(), String> {
    let wanted = "expected a bare origin such as `https://gateway.example.com`";
    let url = Url::parse(text).map_err(|_| String::from(wanted))?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match (scheme, bare && url.password().is_none()) {
        (true, true) => Ok(()),
        (true, false) => Err(format!("{wanted}, without path, query or credentials")),
        (false, _) => Err(format!("{wanted}; plain http is for localhost only")),
    }
}

fn gateway_url(text: &str) -> Result<(), String> {
    let wanted = "expected an address such as `wss://gateway.example.com`";
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    // A bare MagicDNS name stands for its https route (TS-11).
    if text.trim().is_empty() || (text.trim().ends_with(".ts.net") && is_name(text.trim())) {
        return Ok(());
    }
    let url = Url::parse(text.trim()).map_err(|_| String::from(wanted))?;
    match url.scheme() {
        "ws" | "wss" | "http" | "https" if url.has_host() => Ok(()),
        _ => Err(wanted.to_owned()),
    }
}

fn base_path(text: &str) -> Result<(), String> {
    let plain = !text.contains(['?', '#', '\\']) && !text.split('/').any(|part| part == "..");
    if plain { Ok(()) } else { Err(String::from("expected a path such as `/openclaw`")) }
}

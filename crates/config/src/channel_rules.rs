//! Rules of channels that look at several keys at once, an account's over its channel's root (C-2.3, C-5.4).

use serde_json::Value;

use crate::check::Findings;
use crate::path::Path;
use crate::problem::Problem;
use crate::text::{Node, Sources};

/// Applies them.
pub(crate) fn check(root: &Node, sources: &Sources) -> Findings {
    let mut found = Findings::default();
    let Some(telegram) = root.get("channels").and_then(|channels| channels.get("telegram")) else { return found };
    let path = Path::root().key("channels").key("telegram");
    let mut rules = Rules { sources, found: &mut found };
    rules.account(telegram, None, &path);
    for member in telegram.get("accounts").and_then(Node::members).unwrap_or_default() {
        rules.account(&member.value, Some(telegram), &path.key("accounts").key(&member.key));
    }
    found
}

struct Rules<'r> {
    sources: &'r Sources,
    found: &'r mut Findings,
}

impl Rules<'_> {
    fn account(&mut self, own: &Node, root: Option<&Node>, path: &Path) {
        let lists = ["allowFrom", "groupAllowFrom"];
        for list in lists {
            for (index, entry) in ids(own.get(list)).iter().enumerate().filter(|(_, entry)| !is_id(entry)) {
                let message = format!(
                    "`{entry}` is no id and lets nobody in: who gives a name up, another may take; write the number"
                );
                self.found.warnings.push(self.at(own, &path.key(list).index(index), message));
            }
        }
        if own.get("dmPolicy").is_none() && own.get("allowFrom").is_none() {
            return;
        }
        let says = |key: &str| own.get(key).or_else(|| root.and_then(|root| root.get(key)));
        let allowed = ids(says("allowFrom"));
        let policy = says("dmPolicy").map(Node::to_value);
        let message = match policy.as_ref().and_then(Value::as_str) {
            Some("open") if !allowed.iter().any(|id| id == "*") => "`open` needs `allowFrom: [\"*\"]` beside it",
            Some("allowlist") if allowed.is_empty() => "`allowlist` needs at least one id in `allowFrom`",
            _ => return,
        };
        let key = if own.get("dmPolicy").is_some() { "dmPolicy" } else { "allowFrom" };
        let problem = self.at(own.get(key).unwrap_or(own), &path.key(key), message.into());
        self.found.problems.push(problem);
    }

    fn at(&self, node: &Node, path: &Path, message: String) -> Problem {
        let line = self.sources.line(node.source, node.span.start);
        let file = self.sources.path(node.source).cloned();
        Problem { path: path.to_string(), message, line, file, ..Problem::default() }
    }
}

fn ids(list: Option<&Node>) -> Vec<String> {
    let entries = list.map(Node::to_value);
    let text = |entry: &Value| entry.as_str().map_or_else(|| entry.to_string(), |text| text.trim().to_owned());
    entries.as_ref().and_then(Value::as_array).into_iter().flatten().map(text).collect()
}

fn is_id(entry: &str) -> bool {
    let bare = entry.rsplit(':').next().unwrap_or_default().trim();
    entry == "*" || bare.parse::<i64>().is_ok()
}

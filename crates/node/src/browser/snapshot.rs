//! What a page shows, in words: the tree a screen reader reads, a line a thing, with names to point at. Pure.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// Things a snapshot has at most when nobody says, and at all.
const DEFAULT_THINGS: usize = 2000;
const MAX_THINGS: usize = 20_000;
/// Its length in characters, likewise.
const DEFAULT_CHARS: usize = 80_000;
const MAX_CHARS: usize = 1_000_000;
/// Longest name or value on a line, in characters.
const WORD_CHARS: usize = 500;
/// Deepest tree that is followed.
const MAX_DEPTH: usize = 200;
/// What can be acted on, and so has a name to point at even when it says nothing.
const ACTIVE: &[&str] = &[
    "button",
    "checkbox",
    "combobox",
    "link",
    "listbox",
    "menuitem",
    "menuitemcheckbox",
    "menuitemradio",
    "option",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
    "treeitem",
];
/// What only groups, and is left out when it says nothing.
const SILENT: &[&str] = &["none", "generic", "GenericContainer", "InlineTextBox", "LineBreak", "ListMarker"];
/// States that are told when they are on.
const STATES: &[&str] = &["checked", "selected", "expanded", "disabled", "required", "pressed", "focused", "readonly"];

/// How a snapshot is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wanted {
    /// `ai`, a text, or `aria`, a list.
    pub(super) format: Option<String>,
    limit: Option<usize>,
    max_chars: Option<usize>,
    /// Only what can be acted on.
    interactive: bool,
}

/// A thing of a page.
#[derive(Debug, Clone, PartialEq)]
struct Thing {
    depth: usize,
    role: String,
    name: String,
    value: Option<String>,
    states: Vec<String>,
    /// Its number in the browser, if it can be pointed at.
    node: Option<i64>,
}

/// What was seen.
pub(super) struct Seen {
    things: Vec<Thing>,
    truncated: bool,
    max_chars: usize,
}

impl Seen {
    /// Reads the answer to `Accessibility.getFullAXTree`.
    pub(super) fn of(tree: &Value, wanted: &Wanted) -> Self {
        let nodes: &[Value] = tree["nodes"].as_array().map_or(&[], Vec::as_slice);
        let by_id: HashMap<&str, &Value> =
            nodes.iter().filter_map(|node| Some((node["nodeId"].as_str()?, node))).collect();
        let max_chars = wanted.max_chars.unwrap_or(DEFAULT_CHARS).min(MAX_CHARS);
        let limit = wanted.limit.unwrap_or(DEFAULT_THINGS).clamp(1, MAX_THINGS);
        let mut seen = Self { things: Vec::new(), truncated: false, max_chars };
        let roots = nodes.iter().filter(|node| node["parentId"].is_null());
        let mut left: Vec<(&Value, usize, usize, String)> =
            roots.rev().map(|root| (root, 0, 0, String::new())).collect();
        // Without recursion: a page chooses how deep its tree is.
        while let Some((node, depth, level, above)) = left.pop() {
            if level > MAX_DEPTH {
                seen.truncated = true;
                continue;
            }
            let thing = thing(node, depth, &above).filter(|thing| !wanted.interactive || is_active(&thing.role));
            let (below, spoken) = match thing {
                Some(_) if seen.things.len() == limit => {
                    seen.truncated = true;
                    break;
                }
                Some(thing) => {
                    let name = thing.name.clone();
                    seen.things.push(thing);
                    (if wanted.interactive { depth } else { depth + 1 }, name)
                }
                None => (depth, above),
            };
            let children = node["childIds"].as_array().into_iter().flatten().rev();
            let children = children.filter_map(|id| by_id.get(id.as_str()?).copied());
            left.extend(children.map(|child| (child, below, level + 1, spoken.clone())));
        }
        seen
    }

    /// The names of all things that can be pointed at, and their numbers in the browser.
    pub(super) fn refs(&self) -> HashMap<String, i64> {
        self.named().filter_map(|(name, thing)| Some((name?, thing.node?))).collect()
    }

    fn named(&self) -> impl Iterator<Item = (Option<String>, &Thing)> {
        let mut count = 0;
        self.things.iter().map(move |thing| {
            let name = thing.node.map(|_| {
                count += 1;
                format!("e{count}")
            });
            (name, thing)
        })
    }

    /// As it is answered with.
    pub(super) fn told(&self, wanted: &Wanted) -> Value {
        if wanted.format.as_deref() == Some("aria") {
            let rows = self.named().map(|(name, thing)| {
                json!({
                    "ref": name, "role": thing.role, "name": thing.name, "value": thing.value, "states": thing.states,
                    "depth": thing.depth, "backendDOMNodeId": thing.node,
                })
            });
            return json!({"ok": true, "format": "aria", "nodes": rows.collect::<Vec<_>>(), "truncated": self.truncated});
        }
        let (mut text, mut truncated, mut refs) = (String::new(), self.truncated, serde_json::Map::new());
        for (name, thing) in self.named() {
            let line = thing.line(name.as_deref());
            if text.len() + line.len() > self.max_chars {
                truncated = true;
                break;
            }
            text.push_str(&line);
            if let Some(name) = name {
                refs.insert(name, json!({"role": thing.role, "name": thing.name}));
            }
        }
        json!({"ok": true, "format": "ai", "snapshot": text, "refs": refs, "truncated": truncated})
    }
}

impl Thing {
    /// `- button "Save" [ref=e3] [disabled]: value`
    fn line(&self, name: Option<&str>) -> String {
        let mut line = format!("{}- {}", "  ".repeat(self.depth), self.role);
        if self.role == "text" {
            line.push_str(&format!(": {}\n", self.name));
            return line;
        }
        if !self.name.is_empty() {
            line.push_str(&format!(" {}", Value::from(self.name.as_str())));
        }
        if let Some(name) = name {
            line.push_str(&format!(" [ref={name}]"));
        }
        for state in &self.states {
            line.push_str(&format!(" [{state}]"));
        }
        if let Some(value) = &self.value {
            line.push_str(&format!(": {value}"));
        }
        line.push('\n');
        line
    }
}

fn is_active(role: &str) -> bool {
    ACTIVE.contains(&role)
}

/// What a node of the tree says; `None` when it says nothing, or only what the one above it has said.
fn thing(node: &Value, depth: usize, above: &str) -> Option<Thing> {
    let role = node["role"]["value"].as_str().unwrap_or_default();
    if node["ignored"] == true || role.is_empty() {
        return None;
    }
    let name = word(&node["name"]["value"]);
    let is_text = role == "StaticText";
    if (is_text && (name.is_empty() || above == name))
        || (SILENT.contains(&role) && (name.is_empty() || role != "generic"))
    {
        return None;
    }
    let value = Some(word(&node["value"]["value"])).filter(|value| !value.is_empty() && *value != name);
    let properties = node["properties"].as_array().into_iter().flatten();
    let states = properties.filter_map(|property| {
        let name = property["name"].as_str().filter(|name| STATES.contains(name))?;
        match &property["value"]["value"] {
            Value::Bool(true) => Some(name.to_owned()),
            Value::String(on) if on == "true" => Some(name.to_owned()),
            Value::String(on) if on == "mixed" => Some(format!("{name}=mixed")),
            _ => None,
        }
    });
    let can_be_named = !is_text && (is_active(role) || !name.is_empty());
    Some(Thing {
        depth,
        role: if is_text { "text".to_owned() } else { role.to_owned() },
        value,
        states: states.collect(),
        node: node["backendDOMNodeId"].as_i64().filter(|_| can_be_named),
        name,
    })
}

/// A word on one line.
fn word(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORD_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, parent: Option<&str>, role: &str, name: &str, children: &[&str]) -> Value {
        json!({
            "nodeId": id, "parentId": parent, "ignored": false, "role": {"value": role}, "name": {"value": name},
            "childIds": children, "backendDOMNodeId": id.parse::<i64>().unwrap() + 100,
        })
    }

    fn tree() -> Value {
        let mut boxed = node("5", Some("2"), "checkbox", "Agree", &[]);
        boxed["properties"] =
            json!([{"name": "checked", "value": {"value": "true"}}, {"name": "new", "value": {"value": 1}}]);
        let mut field = node("6", Some("2"), "textbox", "", &[]);
        field["value"] = json!({"value": "a\nb"});
        json!({"nodes": [
            node("1", None, "RootWebArea", "Shop", &["2"]),
            node("2", Some("1"), "generic", "", &["3", "5", "6", "7"]),
            node("3", Some("2"), "button", "Say \"hi\"", &["4"]),
            node("4", Some("3"), "StaticText", "Say \"hi\"", &[]),
            boxed, field,
            node("7", Some("2"), "StaticText", "plain", &["8"]),
            node("8", Some("7"), "InlineTextBox", "plain", &[]),
        ]})
    }

    /// N-10.20
    #[test]
    fn a_page_is_told_in_lines_with_names_to_point_at() {
        let seen = Seen::of(&tree(), &Wanted::default());
        let told = seen.told(&Wanted::default());
        let lines = "- RootWebArea \"Shop\" [ref=e1]\n  - button \"Say \\\"hi\\\"\" [ref=e2]\n  - checkbox \"Agree\" [ref=e3] \
            [checked]\n  - textbox [ref=e4]: a b\n  - text: plain\n";
        assert_eq!(told["snapshot"], lines);
        assert_eq!(told["refs"]["e2"], json!({"role": "button", "name": "Say \"hi\""}));
        assert_eq!(seen.refs()["e4"], 106);
        let wanted = Wanted { interactive: true, limit: Some(2), ..Wanted::default() };
        let few = Seen::of(&tree(), &wanted).told(&wanted);
        assert_eq!(
            (&few["snapshot"], &few["truncated"]),
            (&json!("- button \"Say \\\"hi\\\"\" [ref=e1]\n- checkbox \"Agree\" [ref=e2] [checked]\n"), &json!(true))
        );
        let wanted = Wanted { format: Some("aria".into()), ..Wanted::default() };
        assert_eq!(Seen::of(&tree(), &wanted).told(&wanted)["nodes"][1]["backendDOMNodeId"], 103);
    }

    #[test]
    fn a_strange_tree_is_read_and_ends() {
        let ring = json!({"nodes": [node("1", None, "main", "a", &["2"]), node("2", Some("1"), "main", "b", &["1"])]});
        let seen = Seen::of(&ring, &Wanted::default());
        assert!(seen.truncated && seen.things.len() <= MAX_DEPTH + 1);
        assert!(Seen::of(&json!({"nodes": 3}), &Wanted::default()).things.is_empty());
    }
}

//! `${NAME}` in the texts of a config: variables of the environment.
//!
//! Only upper-case names are variables, so that `${path}` in a template stays as it is; `$${NAME}` writes `${NAME}`.
//! What the environment lacks is looked for in the config's own `env` section, whose texts are variables too.

use std::collections::BTreeMap;

use base::Env;

use crate::path::Path;
use crate::problem::Problem;
use crate::text::{Kind, Node, Sources};

/// Replaces every variable in place. A missing one is a problem that names the path.
pub(crate) fn resolve(root: &mut Node, env: &Env, sources: &Sources, out: &mut Vec<Problem>) {
    let own = own_variables(root);
    let look_up = |name: &str| env.raw(name).or_else(|| own.get(name).cloned());
    walk(root, &Path::root(), &mut |node, path| {
        let place = (node.source, node.span.start);
        let Kind::String(text) = &mut node.kind else { return };
        match expand(text, look_up) {
            Ok(Some(expanded)) => *text = expanded,
            Ok(None) => {}
            Err(missing) => out.extend(missing.into_iter().map(|name| Problem {
                path: path.to_string(),
                message: format!(
                    "the variable `{name}` is not set; set it, or write `$${{{name}}}` for the text itself"
                ),
                line: sources.line(place.0, place.1),
                file: sources.path(place.0).cloned(),
                ..Problem::default()
            })),
        }
    });
}

/// The one variable a text consists of: `NAME` for `${NAME}`.
pub(crate) fn sole_variable(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    is_name(name).then_some(name)
}

/// The text with its variables replaced; `None` when it has none; the names that are missing otherwise.
pub(crate) fn expand(text: &str, look_up: impl Fn(&str) -> Option<String>) -> Result<Option<String>, Vec<String>> {
    if !text.contains("${") {
        return Ok(None);
    }
    let (mut expanded, mut missing, mut rest) = (String::with_capacity(text.len()), Vec::new(), text);
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let name = from[2..].split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
        let Some(name) = name else {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = &from[2..];
            continue;
        };
        let whole = &from[..name.len() + 3];
        rest = &from[whole.len()..];
        if let Some(plain) = before.strip_suffix('$') {
            expanded.push_str(plain);
            expanded.push_str(whole);
        } else {
            expanded.push_str(before);
            match look_up(name) {
                Some(value) => expanded.push_str(&value),
                None => missing.push(name.to_owned()),
            }
        }
    }
    expanded.push_str(rest);
    if missing.is_empty() { Ok(Some(expanded)) } else { Err(missing) }
}

fn is_name(name: &str) -> bool {
    let starts_well = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    starts_well && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// `env.NAME` and `env.vars.NAME`.
fn own_variables(root: &Node) -> BTreeMap<String, String> {
    let Some(env) = root.get("env") else { return BTreeMap::new() };
    let members = [env.members(), env.get("vars").and_then(Node::members)].into_iter().flatten().flatten();
    members
        .filter_map(|member| match &member.value.kind {
            Kind::String(value) if !value.contains("${") => Some((member.key.clone(), value.clone())),
            _ => None,
        })
        .collect()
}

/// Visits every node, outermost first.
pub(crate) fn walk(node: &mut Node, path: &Path, visit: &mut impl FnMut(&mut Node, &Path)) {
    visit(node, path);
    match &mut node.kind {
        Kind::Array(items) => {
            items.iter_mut().enumerate().for_each(|(index, item)| walk(item, &path.index(index), visit));
        }
        Kind::Object(members) => {
            members.iter_mut().for_each(|member| walk(&mut member.value, &path.key(&member.key), visit));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    fn expanded(text: &str) -> Result<Option<String>, Vec<String>> {
        expand(text, |name| (name == "HOST").then(|| "box".to_owned()))
    }

    #[test]
    fn variables_are_replaced_and_doubled_dollars_are_not() {
        assert_eq!(expanded("ws://${HOST}:1").unwrap().unwrap(), "ws://box:1");
        assert_eq!(expanded("$${HOST}").unwrap().unwrap(), "${HOST}");
        assert_eq!(expanded("${lower} ${").unwrap().unwrap(), "${lower} ${");
        assert_eq!(expanded("plain $HOST").unwrap(), None);
    }

    #[test]
    fn every_missing_variable_is_named() {
        assert_eq!(expanded("${A}${HOST}${B}").unwrap_err(), ["A", "B"]);
    }
}

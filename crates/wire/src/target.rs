//! Which node is meant by what a person or a model wrote (N-5.18): its id, its name, its address, or the beginning of
//! its id. The nodes are rows of `node.list`.

use serde_json::Value;

/// Fewer letters of an id name nothing.
const PREFIX_MIN: usize = 6;

/// Why no node is meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Unresolved<'a> {
    /// None is called so.
    Unknown,
    /// Several are.
    Ambiguous(Vec<&'a Value>),
}

/// The one row of `nodes` that is meant. What is more exact goes first, and two of the same kind are an error.
///
/// # Errors
/// When none fits, or several do.
pub fn resolve<'a>(nodes: &'a [Value], asked: &str) -> Result<&'a Value, Unresolved<'a>> {
    let asked = asked.trim();
    let folded = asked.to_lowercase();
    let is_prefix = |row: &Value| asked.len() >= PREFIX_MIN && text(row, "nodeId").starts_with(&folded);
    let ways: [&dyn Fn(&Value) -> bool; 4] = [
        &|row| text(row, "nodeId") == asked,
        &|row| row["displayName"].is_string() && text(row, "displayName").trim().to_lowercase() == folded,
        &|row| text(row, "remoteIp") == asked,
        &is_prefix,
    ];
    for is_meant in ways.into_iter().filter(|_| !asked.is_empty()) {
        match nodes.iter().filter(|row| is_meant(row)).collect::<Vec<_>>().as_slice() {
            [] => {}
            [row] => return Ok(row),
            several => return Err(Unresolved::Ambiguous(several.to_vec())),
        }
    }
    Err(Unresolved::Unknown)
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

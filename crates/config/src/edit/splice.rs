//! Edits of JSON5 text that touch nothing but what they are about: values are replaced, members put in and taken out by
//! their spans, in the manner of their neighbours.

use std::ops::Range;

use serde_json::Value;

use crate::path::{Path, Step};
use crate::text::{Kind, Node, SourceId, Style, SyntaxError, key_text, scan, skip_blank, value_text};

/// One level of indentation where the file shows none.
const DEFAULT_UNIT: &str = "  ";

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SpliceError {
    /// The text is not JSON5.
    Syntax(SyntaxError),
    /// Something on the way is not a container, or a list has no such place. Holds what is there.
    Blocked { at: Path, found: &'static str },
}

impl From<SyntaxError> for SpliceError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

/// Puts `value` at `path`. Where both are objects, or lists of one length, only what differs is touched.
pub(crate) fn set(text: &str, path: &Path, value: &Value) -> Result<String, SpliceError> {
    let mut edited = text.to_owned();
    let root = scan(text, SourceId::default())?;
    let mut steps = Vec::new();
    match find(&root, path) {
        Some(node) => differences(node, value, path, &mut steps),
        None => steps.push(Change::Put(path.clone(), value.clone())),
    }
    for step in steps {
        edited = match step {
            Change::Put(path, value) => put(&edited, &path, &value)?,
            Change::Take(path) => unset(&edited, &path)?.unwrap_or(edited),
        };
    }
    Ok(edited)
}

/// Takes out what is at `path`; `None` when nothing is there.
pub(crate) fn unset(text: &str, path: &Path) -> Result<Option<String>, SpliceError> {
    let mut edited: Option<String> = None;
    loop {
        let now = edited.as_deref().unwrap_or(text);
        let root = scan(now, SourceId::default())?;
        let Some((last, parents)) = path.steps().split_last() else { return Ok(edited) };
        let container = find(&root, &Path(parents.to_vec()));
        let Some((container, index)) = container.and_then(|node| Some((node, position(node, last)?))) else {
            return Ok(edited);
        };
        let only_once = matches!(container.kind, Kind::Array(_));
        let shorter = take(now, container, index)?;
        edited = Some(shorter);
        if only_once {
            return Ok(edited);
        }
        // A key may be written twice; what is taken out must not come back by its first writing.
    }
}

/// The node at `path`.
pub(crate) fn find<'n>(root: &'n Node, path: &Path) -> Option<&'n Node> {
    path.steps().iter().try_fold(root, child)
}

fn child<'n>(node: &'n Node, step: &Step) -> Option<&'n Node> {
    match step {
        Step::Key(key) => node.get(key).or_else(|| node.at(key.parse().ok()?)),
        Step::Index(index) => node.at(*index),
    }
}

fn position(node: &Node, step: &Step) -> Option<usize> {
    match (&node.kind, step) {
        (Kind::Object(members), Step::Key(key)) => members.iter().rposition(|member| member.key == *key),
        (Kind::Array(items), Step::Index(index)) => (*index < items.len()).then_some(*index),
        (Kind::Array(items), Step::Key(key)) => key.parse().ok().filter(|index| *index < items.len()),
        _ => None,
    }
}

enum Change {
    Put(Path, Value),
    Take(Path),
}

fn differences(node: &Node, value: &Value, path: &Path, out: &mut Vec<Change>) {
    match (&node.kind, value) {
        (Kind::Object(members), Value::Object(wanted)) => {
            for (key, value) in wanted {
                match node.get(key) {
                    Some(node) => differences(node, value, &path.key(key), out),
                    None => out.push(Change::Put(path.key(key), value.clone())),
                }
            }
            let gone = members.iter().filter(|member| !wanted.contains_key(&member.key));
            out.extend(gone.map(|member| Change::Take(path.key(&member.key))));
        }
        (Kind::Array(items), Value::Array(wanted)) if items.len() == wanted.len() => {
            for (index, (item, value)) in items.iter().zip(wanted).enumerate() {
                differences(item, value, &path.index(index), out);
            }
        }
        _ if node.to_value() == *value => {}
        _ => out.push(Change::Put(path.clone(), value.clone())),
    }
}

/// Replaces what is at `path`, or puts it in with whatever is missing on the way.
fn put(text: &str, path: &Path, value: &Value) -> Result<String, SpliceError> {
    let root = scan(text, SourceId::default())?;
    let mut node = &root;
    for (depth, step) in path.steps().iter().enumerate() {
        if let Some(inner) = child(node, step) {
            node = inner;
            continue;
        }
        let (here, below) = (Path(path.steps()[..depth].to_vec()), &path.steps()[depth + 1..]);
        let value = wrapped(value, below).ok_or_else(|| SpliceError::Blocked { at: path.clone(), found: "no list" })?;
        return match (&node.kind, step) {
            (Kind::Object(members), Step::Key(key)) => {
                let children: Vec<_> = members.iter().map(|m| m.key_span.start..m.value.span.end).collect();
                let quoted = is_quoted(text, node).or_else(|| is_quoted(text, &root)).unwrap_or(true);
                let style = style_inside(text, &root, node, &children, quoted);
                let piece = format!("{}: {}", key_text(key, quoted), value_text(&value, &style));
                insert(text, node, &children, &piece, &style)
            }
            (Kind::Array(items), step) if is_next(step, items.len()) => {
                let children: Vec<_> = items.iter().map(|item| item.span.clone()).collect();
                let style = style_inside(text, &root, node, &children, is_quoted(text, &root).unwrap_or(true));
                insert(text, node, &children, &value_text(&value, &style), &style)
            }
            _ => Err(SpliceError::Blocked { at: here, found: kind_name(node) }),
        };
    }
    let quoted = is_quoted(text, node).or_else(|| is_quoted(text, &root)).unwrap_or(true);
    let style =
        Style { quoted, unit: unit(text, &root), indent: indent_at(text, line_item_start(text, node.span.start)) };
    Ok(replaced(text, &[(node.span.clone(), native_lines(text, &value_text(value, &style)))]))
}

fn is_next(step: &Step, length: usize) -> bool {
    match step {
        Step::Index(index) => *index == length,
        Step::Key(key) => key.parse() == Ok(length),
    }
}

/// `value` inside the containers that `steps` go through; a new list can only begin at 0.
fn wrapped(value: &Value, steps: &[Step]) -> Option<Value> {
    steps.iter().rev().try_fold(value.clone(), |value, step| match step {
        Step::Key(key) => Some(Value::Object([(key.clone(), value)].into_iter().collect())),
        Step::Index(0) => Some(Value::Array(vec![value])),
        Step::Index(_) => None,
    })
}

const fn kind_name(node: &Node) -> &'static str {
    match node.kind {
        Kind::Object(_) => "an object",
        Kind::Array(_) => "a list without that place",
        Kind::String(_) => "text",
        Kind::Number(_) => "a number",
        Kind::Bool(_) | Kind::Null => "a plain value",
    }
}

/// Puts `piece` after the last child of `container`.
fn insert(
    text: &str,
    container: &Node,
    children: &[Range<usize>],
    piece: &str,
    style: &Style,
) -> Result<String, SpliceError> {
    let close = container.span.end - 1;
    let Some(last) = children.last() else { return Ok(insert_first(text, container, piece, style)) };
    let piece = native_lines(text, piece);
    let comma = Some(skip_blank(text, last.end)?).filter(|at| text[*at..].starts_with(','));
    let Some(indent) = &style.indent else {
        let added = comma.map_or_else(|| (last.end, format!(", {piece}")), |at| (at + 1, format!(" {piece},")));
        return Ok(replaced(text, &[(added.0..added.0, added.1)]));
    };
    let after = comma.map_or(last.end, |at| at + 1);
    let at = rest_of_line(text, after).filter(|end| *end < close).unwrap_or(after);
    let newline = newline(text);
    let (before, behind) = if comma.is_some() { ("", ",") } else { (",", "") };
    let line = format!("{newline}{indent}{piece}{behind}");
    if at == after || before.is_empty() {
        return Ok(replaced(text, &[(at..at, format!("{before}{line}"))]));
    }
    Ok(replaced(text, &[(after..after, before.to_owned()), (at..at, line)]))
}

fn insert_first(text: &str, container: &Node, piece: &str, style: &Style) -> String {
    let (open, close) = (container.span.start + 1, container.span.end - 1);
    let inside = &text[open..close];
    let (piece, newline) = (native_lines(text, piece), newline(text));
    let Some(indent) = &style.indent else {
        let pad = if text[..open].ends_with('{') { " " } else { "" };
        return replaced(text, &[(close..close, format!("{}{piece}{pad}", if inside.is_empty() { pad } else { "" }))]);
    };
    let outer = indent.strip_suffix(style.unit.as_str()).unwrap_or_default();
    if inside.trim().is_empty() {
        return replaced(text, &[(open..close, format!("{newline}{indent}{piece}{newline}{outer}"))]);
    }
    // Only comments inside: they stay before the new member, which gets a line of its own.
    let from = text[..close].trim_end_matches([' ', '\t']).len();
    let gap = if text[..from].ends_with(['\n', '\r']) { "" } else { newline };
    replaced(text, &[(from..close, format!("{gap}{indent}{piece}{newline}{outer}"))])
}

/// Takes the child at `index` out, with its comma, and with its line when it has one to itself.
fn take(text: &str, container: &Node, index: usize) -> Result<String, SpliceError> {
    let children: Vec<Range<usize>> = match &container.kind {
        Kind::Object(members) => members.iter().map(|m| m.key_span.start..m.value.span.end).collect(),
        Kind::Array(items) => items.iter().map(|item| item.span.clone()).collect(),
        _ => Vec::new(),
    };
    let child = children[index].clone();
    let after = skip_blank(text, child.end)?;
    let comma = text[after..].starts_with(',');
    let end = if comma { after + 1 } else { child.end };
    let begin = line_start(text, child.start);
    let own_line = text[begin..child.start].trim().is_empty() && begin > container.span.start;
    let whole = rest_of_line(text, end).filter(|_| own_line).map(|line_end| begin..after_newline(text, line_end));
    let mut cuts = Vec::new();
    let before = index.checked_sub(1).map(|previous| children[previous].end);
    match (before, comma, whole) {
        (_, true, Some(lines)) | (None, false, Some(lines)) => cuts.push(lines),
        (_, true, None) | (None, false, None) => cuts.push(child.start..after_spaces(text, end)),
        (Some(before), false, lines) => {
            let previous_comma = skip_blank(text, before)?;
            match lines {
                Some(lines) => cuts.extend([previous_comma..previous_comma + 1, lines]),
                None if text[previous_comma + 1..child.start].trim_matches([' ', '\t']).is_empty() => {
                    cuts.push(previous_comma..child.end);
                }
                None => cuts.extend([previous_comma..previous_comma + 1, child]),
            }
        }
    }
    Ok(replaced(text, &cuts.into_iter().map(|cut| (cut, String::new())).collect::<Vec<_>>()))
}

/// The text with each range replaced; ranges are in order and do not overlap.
fn replaced(text: &str, edits: &[(Range<usize>, String)]) -> String {
    let mut edited = text.to_owned();
    for (range, with) in edits.iter().rev() {
        edited.replace_range(range.clone(), with);
    }
    edited
}

/// How a new child of `container` is written: on a line of its own when its siblings are, or when the container is empty
/// and stands on a line of its own.
fn style_inside(text: &str, root: &Node, container: &Node, children: &[Range<usize>], quoted: bool) -> Style {
    let unit = unit(text, root);
    let indent = match (children.first(), children.last()) {
        (Some(first), Some(last)) => {
            let in_lines = text[container.span.start..first.start].contains('\n');
            let beside = indent_at(text, last.start).or_else(|| indent_at(text, first.start));
            beside.filter(|_| in_lines)
        }
        _ => indent_at(text, line_item_start(text, container.span.start)).map(|outer| format!("{outer}{unit}")),
    };
    Style { quoted, unit, indent }
}

/// The indentation of the line, when `at` is the first thing on it.
fn indent_at(text: &str, at: usize) -> Option<String> {
    let before = &text[line_start(text, at)..at];
    before.trim_matches([' ', '\t', '\u{feff}']).is_empty().then(|| before.trim_start_matches('\u{feff}').to_owned())
}

/// The start of `key:` when a value stands behind one on the same line, else the value's own start.
fn line_item_start(text: &str, value: usize) -> usize {
    let begin = line_start(text, value);
    let indent = text[begin..value].len() - text[begin..value].trim_start_matches([' ', '\t', '\u{feff}']).len();
    let between = text[begin + indent..value].trim_end();
    let is_key = between.ends_with(':') && !between.contains(['{', '[', ',']);
    if is_key { begin + indent } else { value }
}

/// The indentation of the first line inside the root.
fn unit(text: &str, root: &Node) -> String {
    let first = root.members().and_then(<[_]>::first);
    let indent = first.and_then(|member| indent_at(text, member.key_span.start)).filter(|indent| !indent.is_empty());
    indent.unwrap_or_else(|| DEFAULT_UNIT.to_owned())
}

fn is_quoted(text: &str, node: &Node) -> Option<bool> {
    let first = node.members()?.first()?;
    Some(text[first.key_span.clone()].starts_with(['"', '\'']))
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn native_lines(text: &str, piece: &str) -> String {
    piece.replace('\n', newline(text))
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

fn after_newline(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    at + if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with(['\n', '\r'])) }
}

fn after_spaces(text: &str, at: usize) -> usize {
    at + text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len()
}

/// The end of the line, when only blanks and comments are left on it.
fn rest_of_line(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = after_spaces(text, at);
        let rest = &text[at..];
        if rest.starts_with(['\n', '\r']) {
            return Some(at);
        }
        if rest.starts_with("//") {
            // Only these two end a line for us; the comment may end earlier, at a separator nobody types.
            let end = rest.find(['\n', '\r', '\u{2028}', '\u{2029}'])?;
            return rest[end..].starts_with(['\n', '\r']).then_some(at + end);
        }
        let comment = rest.strip_prefix("/*")?;
        let length = comment.find("*/").filter(|end| !comment[..*end].contains(['\n', '\r']))?;
        at += 2 + length + 2;
    }
}

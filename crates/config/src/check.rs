//! Holds a config against the schema and reports everything that does not fit, each with its place.

use serde_json::Value;

use crate::include::INCLUDE;
use crate::path::{Path, Step};
use crate::problem::{Problem, likely, slip};
use crate::schema::unit::SENSITIVE;
use crate::schema::{alternatives, schema_ref};
use crate::text::{Kind, Node, Sources};

/// Longest wrong value that is repeated in a message.
const SHOWN_CHARS: usize = 60;

/// What the check found.
#[derive(Default)]
pub(crate) struct Findings {
    /// What makes the config unusable.
    pub(crate) problems: Vec<Problem>,
    /// What is probably a mistake and is ignored.
    pub(crate) warnings: Vec<Problem>,
}

/// Checks the whole config.
pub(crate) fn check(root: &Node, sources: &Sources) -> Findings {
    let mut checker = Checker { sources, found: Findings::default() };
    checker.value(root, schema_ref(), &Path::root(), false);
    checker.found
}

struct Checker<'c> {
    sources: &'c Sources,
    found: Findings,
}

impl Checker<'_> {
    /// `secret`: the value stands where a secret belongs, so it is never repeated.
    fn value(&mut self, node: &Node, schema: &Value, path: &Path, secret: bool) {
        let secret = secret || schema.get(SENSITIVE).is_some();
        let schema = choose(node, schema);
        if schema.get("enum").is_some() || schema.get("const").is_some() {
            return self.choice(node, schema, path, secret);
        }
        if !has_type(node, schema) {
            let message = format!("expected {}, got {}", describe(schema), kind_name(node));
            return self.problem(node, path, message);
        }
        match &node.kind {
            Kind::Number(number) => self.range(node, number.as_f64().unwrap_or_default(), schema, path),
            Kind::String(text) => {
                let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or_default();
                if (text.trim().chars().count() as u64) < least {
                    self.problem(node, path, "must not be empty");
                }
            }
            Kind::Array(items) => {
                let Some(schema) = schema.get("items") else { return };
                items.iter().enumerate().for_each(|(index, item)| self.value(item, schema, &path.index(index), secret));
            }
            Kind::Object(_) => self.object(node, schema, path, secret),
            Kind::Null | Kind::Bool(_) => {}
        }
    }

    fn object(&mut self, node: &Node, schema: &Value, path: &Path, secret: bool) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let rest = schema.get("additionalProperties");
        for (position, member) in node.members().unwrap_or_default().iter().enumerate() {
            let inner = path.key(&member.key);
            let earlier = &node.members().unwrap_or_default()[..position];
            if earlier.iter().any(|known| known.key == member.key) {
                self.warning(member, &inner, "is written twice; the last one counts", None);
            }
            match (properties.and_then(|known| known.get(&member.key)), rest) {
                (Some(schema), _) => self.value(&member.value, schema, &inner, secret),
                (None, Some(Value::Bool(false))) => self.unknown_in_strict(member, properties, path),
                (None, Some(schema)) => self.value(&member.value, schema, &inner, secret),
                (None, None) => self.unknown_in_open(member, properties, path),
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if node.get(key).is_none() {
                self.problem(node, path, format!("`{key}` is missing"));
            }
        }
    }

    fn unknown_in_strict(&mut self, member: &crate::text::Member, known: Known<'_>, path: &Path) {
        let mut problem = self.place(member.key_span.start, &member.value, path);
        problem.message = format!("Unrecognized key: {:?}", member.key);
        problem.unknown = Some(path.key(&member.key));
        match misplaced(&path.key(&member.key)) {
            Some(hint) => problem.message = format!("{}; {hint}", problem.message),
            None => problem.suggestion = likely(&member.key, names(known)).map(|key| path.key(key).to_string()),
        }
        self.found.problems.push(problem);
    }

    /// An unknown key where the original may know more than we do: worth a word at the top level, or when it looks like
    /// a slip of the finger.
    fn unknown_in_open(&mut self, member: &crate::text::Member, known: Known<'_>, path: &Path) {
        if member.key == INCLUDE || known.is_none() {
            return;
        }
        let suggestion = slip(&member.key, names(known)).map(|key| path.key(key).to_string());
        if path.steps().is_empty() || suggestion.is_some() {
            self.warning(
                member,
                &path.key(&member.key),
                "is not a key this version knows; it is left as it is",
                suggestion,
            );
        }
    }

    fn choice(&mut self, node: &Node, schema: &Value, path: &Path, secret: bool) {
        let single = schema.get("const").map(std::slice::from_ref);
        let allowed = single.or_else(|| schema.get("enum").and_then(Value::as_array).map(Vec::as_slice));
        let allowed = allowed.unwrap_or_default();
        let value = node.to_value();
        if allowed.contains(&value) {
            return;
        }
        let words: Vec<String> = allowed.iter().map(Value::to_string).collect();
        let got = match &node.kind {
            _ if secret => String::from("something else"),
            Kind::String(_) | Kind::Number(_) | Kind::Bool(_) => shortened(&value.to_string()),
            _ => kind_name(node).to_owned(),
        };
        let mut problem = self.place(node.span.start, node, path);
        problem.message = format!("not a value this key takes; allowed: {}; got: {got}", words.join(", "));
        problem.allowed =
            allowed.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect();
        if let Kind::String(text) = &node.kind {
            problem.suggestion =
                bind_alias(path, text).or_else(|| likely(text, problem.allowed.iter().map(String::as_str)));
        }
        self.found.problems.push(problem);
    }

    fn range(&mut self, node: &Node, number: f64, schema: &Value, path: &Path) {
        let bound = |name| schema.get(name).and_then(Value::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        let outside = least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most);
        if outside {
            self.problem(node, path, format!("expected {}, got {number}", describe(schema)));
        }
    }

    fn problem(&mut self, node: &Node, path: &Path, message: impl Into<String>) {
        let mut problem = self.place(node.span.start, node, path);
        problem.message = message.into();
        self.found.problems.push(problem);
    }

    fn warning(&mut self, member: &crate::text::Member, path: &Path, message: &str, suggestion: Option<String>) {
        let place = self.place(member.key_span.start, &member.value, path);
        self.found.warnings.push(Problem { message: message.to_owned(), suggestion, ..place });
    }

    fn place(&self, offset: usize, node: &Node, path: &Path) -> Problem {
        Problem {
            path: path.to_string(),
            line: self.sources.line(node.source, offset),
            file: self.sources.path(node.source).cloned(),
            ..Problem::default()
        }
    }
}

type Known<'s> = Option<&'s serde_json::Map<String, Value>>;

fn names(known: Known<'_>) -> impl Iterator<Item = &str> {
    known.into_iter().flat_map(serde_json::Map::keys).map(String::as_str)
}

/// The branch of a choice between types that is meant by this value; the schema itself when it is no such choice.
fn choose<'s>(node: &Node, schema: &'s Value) -> &'s Value {
    let Some(branches) = alternatives(schema) else { return schema };
    let fits = |branch: &&Value| match branch.get("const") {
        Some(only) => *only == node.to_value(),
        None => branch.get("type").is_some() && has_type(node, branch),
    };
    branches.iter().find(fits).unwrap_or(schema)
}

fn has_type(node: &Node, schema: &Value) -> bool {
    if let Some(branches) = alternatives(schema) {
        return branches.iter().any(|branch| has_type(node, branch) && branch.get("const").is_none());
    }
    match (schema.get("type").and_then(Value::as_str), &node.kind) {
        (None, _)
        | (Some("boolean"), Kind::Bool(_))
        | (Some("string"), Kind::String(_))
        | (Some("array"), Kind::Array(_))
        | (Some("object"), Kind::Object(_))
        | (Some("number"), Kind::Number(_)) => true,
        (Some("integer"), Kind::Number(number)) => !number.is_f64(),
        _ => false,
    }
}

/// What a schema wants, in words.
fn describe(schema: &Value) -> String {
    if let Some(branches) = alternatives(schema) {
        return branches.iter().map(describe).collect::<Vec<_>>().join(" or ");
    }
    if let Some(only) = schema.get("const") {
        return only.to_string();
    }
    let word = match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => "`true` or `false`",
        Some("string") => "text",
        Some("array") => "a list",
        Some("object") => "an object",
        Some("integer") => "a whole number",
        Some("number") => "a number",
        _ => "another value",
    };
    let bound = |name| schema.get(name).filter(|bound| !bound.is_null());
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("{word} from {least} to {most}"),
        (Some(least), None) => format!("{word} of at least {least}"),
        _ => word.to_owned(),
    }
}

const fn kind_name(node: &Node) -> &'static str {
    match node.kind {
        Kind::Null => "`null` (leave the key out instead)",
        Kind::Bool(_) => "`true` or `false`",
        Kind::Number(_) => "a number",
        Kind::String(_) => "text",
        Kind::Array(_) => "a list",
        Kind::Object(_) => "an object",
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Addresses people write for `gateway.bind` (CFG-2).
fn bind_alias(path: &Path, text: &str) -> Option<String> {
    if path.to_string() != "gateway.bind" {
        return None;
    }
    match text.trim() {
        "0.0.0.0" | "::" | "*" | "all" => Some("lan".into()),
        "127.0.0.1" | "localhost" | "::1" => Some("loopback".into()),
        _ => None,
    }
}

/// Keys that people, or older versions, put in the wrong place.
fn misplaced(path: &Path) -> Option<&'static str> {
    let [Step::Key(section), Step::Key(key)] = path.steps() else { return None };
    match (section.as_str(), key.as_str()) {
        ("gateway", "token") => Some("it should be `gateway.auth.token`"),
        ("gateway", "password") => Some("it should be `gateway.auth.password`"),
        ("gateway", "host") => {
            Some("it should be `gateway.bind`, or `gateway.customBindHost` with `gateway.bind: \"custom\"`")
        }
        _ => None,
    }
}

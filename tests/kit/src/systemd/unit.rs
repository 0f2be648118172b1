//! Unit files, read as far as the services of a test need.

use std::net::TcpListener;
use std::path::Path;

/// The assignments of a unit file, in order.
#[derive(Clone, Default)]
pub(super) struct Unit(Vec<(String, String)>);

impl Unit {
    /// Reads one; empty when it is not there.
    pub(super) fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        Self(
            text.lines()
                .filter_map(|line| line.split_once('='))
                .map(|(k, v)| (k.into(), v.replace("%%", "%")))
                .collect(),
        )
    }

    /// Every value of a key.
    pub(super) fn all<'u>(&'u self, key: &'u str) -> impl Iterator<Item = &'u str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The value of a key, blank when there is none.
    pub(super) fn one(&self, key: &str) -> &str {
        self.0.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    /// Whether a key is set.
    pub(super) fn has(&self, key: &str) -> bool {
        !self.one(key).is_empty()
    }

    /// The words of its command.
    pub(super) fn command(&self) -> Vec<String> {
        words(self.one("ExecStart"))
    }

    /// Its variables.
    pub(super) fn env(&self) -> Vec<(String, String)> {
        let first = |value: &str| words(value).into_iter().next();
        let pair = |word: String| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.all("Environment").filter_map(first).filter_map(pair).collect()
    }

    /// Opens every `ListenStream`.
    pub(super) fn listeners(&self) -> Result<Vec<TcpListener>, String> {
        let open = |address: &str| TcpListener::bind(address).map_err(|error| format!("{address}: {error}"));
        self.all("ListenStream").map(open).collect()
    }
}

/// Words in double quotes, as our units are written.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

//! The two streams and what goes where (CLI-4): data to stdout, everything else to stderr.

pub(crate) mod progress;
pub(crate) mod standing;
pub(crate) mod style;
pub(crate) mod table;

use std::io::{IsTerminal as _, Write as _};

use base::Env;
use serde_json::Value;

/// How this run speaks.
#[derive(Debug, Clone)]
pub(crate) struct Out {
    /// `--json`: stdout is exactly one JSON value.
    pub(crate) json: bool,
    /// Whether a person reads stdout.
    pub(crate) is_terminal: bool,
    /// Whether to colour stdout.
    pub(crate) color: bool,
}

impl Out {
    /// What the flags, the environment and the streams say (CLI-1).
    pub(crate) fn new(json: bool, no_color: bool, env: &Env) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let forced = env.raw("FORCE_COLOR").is_some_and(|value| value != "0");
        let color = !json && !no_color && env.raw("NO_COLOR").is_none() && (is_terminal || forced);
        Self { json, is_terminal, color }
    }

    /// No JSON, no colour, no terminal.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { json: false, is_terminal: false, color: false }
    }

    /// Prints the JSON value of this run, on one line for programs, indented for people.
    pub(crate) fn value(&self, value: &Value) {
        let text = if self.is_terminal { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        say(&text.unwrap_or_default());
    }

    /// Prints `value` with `--json`, else what `text` makes of it.
    pub(crate) fn either(&self, value: &Value, text: impl FnOnce() -> String) {
        match self.json {
            true => self.value(value),
            false => say(text().trim_end_matches('\n')),
        }
    }

    /// A remark on stderr.
    pub(crate) fn note(&self, text: &str) {
        complain(text);
    }

    /// A warning on stderr.
    pub(crate) fn warn(&self, text: &str) {
        complain(&format!("warning: {text}"));
    }
}

/// A line on stdout. A reader that left (`| head`) is no failure of ours.
pub(crate) fn say(text: &str) {
    let _left = writeln!(std::io::stdout().lock(), "{text}");
}

/// Text on stdout without a line break, at once: what streams in.
pub(crate) fn pour(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _left = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// A line on stderr.
pub(crate) fn complain(text: &str) {
    let _left = writeln!(std::io::stderr().lock(), "{text}");
}

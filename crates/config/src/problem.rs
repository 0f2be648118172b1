//! What is wrong with a config, all of it at once, each with its place.

use std::fmt::Write as _;
use std::path::PathBuf;

use base::{Code, Explain, Kind, Step};

use crate::path::Path;

/// One mistake in a config. The message never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problem {
    /// Where in the config, `gateway.auth.mode`; empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The file, which may be an included one.
    pub file: Option<PathBuf>,
    /// The values that would do, when there is a closed set.
    pub allowed: Vec<String>,
    /// A likely spelling.
    pub suggestion: Option<String>,
    /// The key that nobody knows, when that is what is wrong; `path` is the section it stands in.
    pub unknown: Option<Path>,
}

impl Problem {
    /// A problem without a place in a file.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), ..Self::default() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{}:{line}: ", file.display())?,
            (Some(file), None) => write!(f, "{}: ", file.display())?,
            (None, _) => {}
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " (did you mean `{suggestion}`?)"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a config; never empty.
#[derive(Debug, Clone)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.0.len();
        write!(f, "the config has {count} {}", if count == 1 { "problem" } else { "problems" })?;
        self.0.iter().try_for_each(|problem| {
            f.write_char('\n')?;
            write!(f, "  {problem}")
        })
    }
}

impl Explain for Problems {
    fn code(&self) -> Code {
        Code("CONFIG_INVALID")
    }

    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn next(&self) -> Vec<Step> {
        let edit = self.0.iter().find_map(|problem| {
            let file = problem.file.as_ref()?.display();
            Some(Step::advise(match problem.line {
                Some(line) => format!("correct line {line} of `{file}`"),
                None => format!("correct `{file}`"),
            }))
        });
        edit.into_iter().chain([Step::run("openclaw config validate")]).collect()
    }
}

/// The candidate that is `word` with one or two slips; stricter than [`likely`], for places where an unknown word may
/// well be right.
pub(crate) fn slip<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let slips = |candidate: &&str| strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
    let near = candidates.into_iter().min_by_key(slips)?;
    (slips(&near) <= (word.chars().count() / 4).min(2)).then(|| near.to_owned())
}

/// The candidate nearest to `word`, when one is near enough to be a slip of the finger.
pub(crate) fn likely<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    /// Below this likeness two words are different words.
    const NEAR: f64 = 0.82;
    let score = |candidate: &str| strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (score(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

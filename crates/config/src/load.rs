//! From the file to the values the program runs on: read, include, substitute, check, resolve secrets, lower.

use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use base::Env;
use serde_json::Value;

use crate::Config;
use crate::problem::{Problem, Problems};
use crate::text::{Node, SourceId, Sources, scan};
use crate::{channel_rules, check, include, legacy, lower, rules, secrets, substitute};

/// A config that is fit to run on.
#[derive(Clone)]
pub struct Loaded {
    /// The values, defaults applied, secrets resolved.
    pub config: Arc<Config>,
    /// The config as written, with included files and variables put in place.
    pub source: Value,
    /// The file alone, as written: `$include` and `${NAME}` untouched.
    pub parsed: Value,
    /// The text of the file.
    pub raw: Option<String>,
    /// SHA-256 of the text in hex; what an edit must name as the version it was made from.
    pub hash: Option<String>,
    /// Whether there is a file.
    pub exists: bool,
    /// Files taken in by `$include`.
    pub included: Vec<PathBuf>,
    /// What is probably a mistake and was ignored.
    pub warnings: Vec<Problem>,
}

/// Without the texts and values, which hold secrets.
impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded")
            .field("hash", &self.hash)
            .field("exists", &self.exists)
            .field("included", &self.included)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

impl Default for Loaded {
    fn default() -> Self {
        Self {
            config: Arc::default(),
            source: Value::Object(serde_json::Map::new()),
            parsed: Value::Object(serde_json::Map::new()),
            raw: None,
            hash: None,
            exists: false,
            included: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// Reads the config at `file`. An absent file is fine: every default, and `exists` is false.
///
/// # Errors
/// [`Problems`]: everything that is wrong, each with path, file and line.
pub fn load(file: &FilePath, env: &Env) -> Result<Loaded, Problems> {
    match include::read_text(file) {
        Ok(text) => load_text(&text, file, env),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Loaded::default()),
        Err(error) => {
            let message = format!("cannot be read: {error}");
            let problem = Problem { message, file: Some(file.to_path_buf()), ..Problem::default() };
            Err(Problems(vec![problem]))
        }
    }
}

/// Reads `text` as if it were the contents of `file`; for checking an edit before it is written, and for
/// `config validate` on a pipe.
///
/// # Errors
/// As [`load`].
pub fn load_text(text: &str, file: &FilePath, env: &Env) -> Result<Loaded, Problems> {
    let mut tree = Tree::read(text, file, env)?;
    let mut problems = std::mem::take(&mut tree.problems);
    substitute::resolve(&mut tree.root, env, &tree.sources, &mut problems);
    let mut warnings = legacy::modernise(&mut tree.root, &tree.sources);
    let found = check::check(&tree.root, &tree.sources);
    problems.extend(found.problems);
    warnings.extend(found.warnings);
    problems.extend(rules::check(&tree.root, &tree.sources));
    let about_channels = channel_rules::check(&tree.root, &tree.sources);
    problems.extend(about_channels.problems);
    warnings.extend(about_channels.warnings);
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let source = tree.root.to_value();
    let config = typed(source.clone(), file, env)?;
    warnings.extend(legacy::hints(&config));
    Ok(Loaded {
        config: Arc::new(config),
        source,
        parsed: tree.parsed,
        raw: Some(text.to_owned()),
        hash: Some(hash(text)),
        exists: true,
        included: tree.sources.included(),
        warnings,
    })
}

/// The SHA-256 of a config text in lower-case hex.
pub fn hash(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A config text with its included files in place, before variables.
pub(crate) struct Tree {
    pub(crate) root: Node,
    pub(crate) parsed: Value,
    pub(crate) sources: Sources,
    pub(crate) problems: Vec<Problem>,
}

impl Tree {
    /// Reads it; only text that is not a JSON5 object is an error here, anything else is collected.
    pub(crate) fn read(text: &str, file: &FilePath, env: &Env) -> Result<Self, Problems> {
        let mut sources = Sources::default();
        let source = sources.add(file.to_path_buf(), text.to_owned());
        let failed = |message: String, offset: usize, sources: &Sources| {
            let line = sources.line(source, offset);
            Problems(vec![Problem { message, line, file: Some(file.to_path_buf()), ..Problem::default() }])
        };
        let root = scan(text, source).map_err(|error| failed(error.message, error.offset, &sources))?;
        if root.members().is_none() {
            return Err(failed(String::from("a config is an object, `{ … }`"), root.span.start, &sources));
        }
        let parsed = root.to_value();
        let mut problems = Vec::new();
        let root = include::resolve(root, file, env, &mut sources, &mut problems);
        if root.members().is_none() {
            return Err(failed(String::from("the included file is not an object"), root.span.start, &sources));
        }
        debug_assert_eq!(source, SourceId(0));
        Ok(Self { root, parsed, sources, problems })
    }
}

/// The checked values as the types the program runs on.
fn typed(mut source: Value, file: &FilePath, env: &Env) -> Result<Config, Problems> {
    let notes = secrets::resolve(&mut source, file, env);
    match serde_path_to_error::deserialize::<_, Config>(source) {
        Ok(config) => Ok(lower::finish(config, notes)),
        Err(error) => {
            // Only a number beyond its type gets past the check. The type's own words might repeat the value: left out.
            let problem = Problem::new(error.path().to_string(), "is outside the range of this key");
            Err(Problems(vec![Problem { file: Some(file.to_path_buf()), ..problem }]))
        }
    }
}

//! Why an edit was not made. Whatever the reason, the file is as it was.

use std::path::PathBuf;

use base::{Code, Explain, Kind, Step};

use crate::path::Path;
use crate::{Problems, Refusal};

/// Why an edit was not made.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file is not the version the edit was made from.
    #[error("the config changed on disk since it was read; reload and try again")]
    Stale {
        /// The hash the caller named.
        expected: String,
        /// The hash of the file; `None` when there is no file.
        found: Option<String>,
    },
    /// The result would not load.
    #[error(transparent)]
    Invalid(#[from] Problems),
    /// The daemon would refuse to start on the result (CFG-5).
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// A value that should be JSON is not.
    #[error("the value is not JSON")]
    NotJson,
    /// Nothing is at the path.
    #[error("Config path not found: {0}")]
    NotFound(Path),
    /// The schema knows no such path.
    #[error("Unknown config path: {path}{}", .suggestion.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default())]
    UnknownPath {
        /// What was asked for.
        path: Path,
        /// A likely spelling.
        suggestion: Option<String>,
    },
    /// A redacted value came back for a place that holds nothing to keep.
    #[error("`{0}` is redacted, but there is no value to keep; write the value itself")]
    NothingToKeep(Path),
    /// Something on the way is not an object or list.
    #[error("cannot write `{path}`: at `{at}` the config has {found}")]
    Blocked {
        /// What was to be written.
        path: Path,
        /// Where the way ends.
        at: Path,
        /// What is there.
        found: &'static str,
    },
    /// The value comes from an included file, which this does not edit.
    #[error("`{path}` comes from an included file; edit {} instead", .files.iter().map(|file| format!("`{}`", file.display())).collect::<Vec<_>>().join(" or "))]
    Included {
        /// What was to be changed.
        path: Path,
        /// The included files.
        files: Vec<PathBuf>,
    },
    /// `OPENCLAW_CONFIG_READONLY` or `OPENCLAW_NIX_MODE`.
    #[error("the config is read-only here ({0} is set)")]
    ReadOnly(&'static str),
    /// The config file is a symbolic link (CFG-7).
    #[error("`{}` is a symbolic link; edit its target, or set OPENCLAW_CONFIG_PATH to it", .0.display())]
    Link(PathBuf),
    /// Reading or writing failed.
    #[error("cannot write `{}`", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Explain for EditError {
    fn code(&self) -> Code {
        match self {
            Self::Stale { .. } => Code("CONFIG_CHANGED"),
            Self::Invalid(problems) => problems.code(),
            Self::Refused(refusals) => refusals.first().map_or(Code("CONFIG_INVALID"), |first| first.code),
            Self::NotJson => Code("CONFIG_VALUE_NOT_JSON"),
            Self::NotFound(_) => Code("CONFIG_PATH_NOT_FOUND"),
            Self::UnknownPath { .. } => Code("CONFIG_PATH_UNKNOWN"),
            Self::NothingToKeep(_) => Code("CONFIG_REDACTED_VALUE"),
            Self::Blocked { .. } => Code("CONFIG_PATH_BLOCKED"),
            Self::Included { .. } => Code("CONFIG_INCLUDED"),
            Self::ReadOnly(_) => Code("CONFIG_READ_ONLY"),
            Self::Link(_) => Code("CONFIG_IS_LINK"),
            Self::Io { .. } => Code("CONFIG_IO"),
        }
    }

    /// A command that was asked for a change and did not make it has failed; it is not the daemon refusing to start.
    fn kind(&self) -> Kind {
        match self {
            Self::NotJson => Kind::Usage,
            _ => Kind::Failure,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::Stale { .. } => vec![Step::run("openclaw config get")],
            Self::Invalid(problems) => problems.next(),
            Self::Refused(refusals) => refusals.iter().flat_map(|refusal| refusal.next.clone()).collect(),
            Self::NotFound(_) | Self::UnknownPath { .. } => vec![Step::run("openclaw config schema")],
            Self::ReadOnly(name) => vec![Step::advise(format!("change the config where it is made, or unset {name}"))],
            Self::NotJson
            | Self::NothingToKeep(_)
            | Self::Blocked { .. }
            | Self::Included { .. }
            | Self::Link(_)
            | Self::Io { .. } => Vec::new(),
        }
    }
}

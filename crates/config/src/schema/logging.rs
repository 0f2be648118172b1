//! The `logging` section.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The `logging` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Logging {
    /// The least that goes to the file; `info` when absent.
    pub level: Option<LogLevel>,
    /// The file, when not the daily one.
    pub file: Option<PathBuf>,
    /// The least that goes to the terminal; `info` when absent.
    pub console_level: Option<LogLevel>,
    /// How it looks there.
    pub console_style: Option<ConsoleStyle>,
    /// `off` or `tools`; secrets are never logged whatever it says.
    pub redact_sensitive: Option<String>,
    /// Patterns of the owner's own secrets.
    pub redact_patterns: Vec<String>,
    /// Largest log file.
    pub max_file_bytes: Option<u64>,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Silent,
    /// What ends the daemon.
    Fatal,
    /// What failed.
    Error,
    /// What may fail.
    Warn,
    /// What happened.
    Info,
    /// Why it happened.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// `logging.consoleStyle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsoleStyle {
    /// For people, with colours.
    Pretty,
    /// For people, short.
    Compact,
    /// For programs.
    Json,
}

//! The command line as types: what stands before the command, and the flags every client command has (CLI-1, CLI-2).

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

use crate::cmd::Command;

/// A personal AI agent on your own machine: one Gateway, many ways to reach it.
#[derive(Debug, Parser)]
#[command(
    name = "openclaw",
    disable_version_flag = true,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What may stand before the command and after it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Globals {
    /// Use the state and config of this profile (~/.openclaw-NAME)
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub(crate) profile: Option<String>,
    /// Use the `dev` profile (port 19001)
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) dev: bool,
    /// Answer with one JSON value on stdout
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// No colour
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) no_color: bool,
    /// How much to log on stderr
    #[arg(long, global = true, value_name = "LEVEL", value_enum, help_heading = "Everywhere")]
    pub(crate) log_level: Option<LogLevel>,
    #[command(flatten)]
    pub(crate) ssh: SshFlags,
    /// Print the version
    #[arg(short = 'V', short_alias = 'v', long, help_heading = "Everywhere")]
    pub(crate) version: bool,
}

/// `--log-level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Silent,
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The least that is logged; `None` is silence.
    pub(crate) const fn level(self) -> Option<tracing::Level> {
        match self {
            Self::Silent => None,
            Self::Fatal | Self::Error => Some(tracing::Level::ERROR),
            Self::Warn => Some(tracing::Level::WARN),
            Self::Info => Some(tracing::Level::INFO),
            Self::Debug => Some(tracing::Level::DEBUG),
            Self::Trace => Some(tracing::Level::TRACE),
        }
    }
}

/// Which Gateway, and how to be let in.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Reach {
    /// Gateway URL (ws:// or wss://); then only an explicit secret is used
    #[arg(long, value_name = "URL", help_heading = "Gateway")]
    pub(crate) url: Option<String>,
    /// Gateway token; `-` reads it from stdin
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true, help_heading = "Gateway")]
    pub(crate) token: Option<String>,
    /// Gateway password; `-` reads it from stdin
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, help_heading = "Gateway")]
    pub(crate) password: Option<String>,
    /// Read the token from this file
    #[arg(long, value_name = "PATH", conflicts_with = "token", help_heading = "Gateway")]
    pub(crate) token_file: Option<PathBuf>,
    /// Read the password from this file
    #[arg(long, value_name = "PATH", conflicts_with = "password", help_heading = "Gateway")]
    pub(crate) password_file: Option<PathBuf>,
    /// Insist on this certificate (wss only)
    #[arg(long, value_name = "SHA256", help_heading = "Gateway")]
    pub(crate) tls_fingerprint: Option<String>,
    /// Wait for the final answer of an agent-type call
    #[arg(long, help_heading = "Gateway")]
    pub(crate) expect_final: bool,
}

/// How to get to the Gateway's host.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SshFlags {
    /// Go through SSH to user@host[:port]; without one, to gateway.remote.sshTarget
    #[arg(
        long,
        global = true,
        value_name = "TARGET",
        num_args = 0..=1,
        default_missing_value = "",
        help_heading = "Gateway through SSH"
    )]
    pub(crate) ssh: Option<String>,
    /// Private key for SSH, beside those your SSH configuration names
    #[arg(long, global = true, value_name = "PATH", help_heading = "Gateway through SSH")]
    pub(crate) ssh_identity: Option<PathBuf>,
    /// Who speaks SSH [default: the system's ssh where there is one]
    #[arg(long, global = true, value_name = "WHO", value_enum, help_heading = "Gateway through SSH")]
    pub(crate) ssh_backend: Option<Backend>,
    /// How to get there; `auto` does what the config says
    #[arg(long, global = true, value_name = "HOW", value_enum, help_heading = "Gateway through SSH")]
    pub(crate) via: Option<Via>,
}

/// `--ssh-backend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Openssh,
    Builtin,
}

/// `--via`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    Direct,
    Ssh,
    Auto,
}

/// The flags of every client command: [`Reach`] and a time limit.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Rpc {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// For the whole command; a bare number is milliseconds, `10s` and `2m` work too [default: 10000]
    #[arg(long, value_name = "MS", value_parser = millis, help_heading = "Gateway")]
    pub(crate) timeout: Option<Duration>,
}

impl Rpc {
    /// The time limit, `default` when none was given.
    pub(crate) fn timeout_or(&self, default: Duration) -> Duration {
        self.timeout.unwrap_or(default)
    }
}

/// A duration whose bare numbers are milliseconds (CLI-9).
pub(crate) fn millis(text: &str) -> Result<Duration, String> {
    duration(text, 1)
}

/// A duration whose bare numbers are seconds (CLI-9).
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, 1000)
}

fn duration(text: &str, unit_ms: u64) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => unit_ms,
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        other => return Err(format!("`{other}` is no unit of time; use ms, s, m or h")),
    };
    let count: u64 = digits.parse().map_err(|_| format!("`{text}` is not a duration such as 500, 10s or 2m"))?;
    Ok(Duration::from_millis(count.saturating_mul(factor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CLI-9
    #[test]
    fn durations_have_units_and_a_bare_number_has_the_flags_own() {
        assert_eq!(millis("1500"), Ok(Duration::from_millis(1500)));
        assert_eq!(seconds("600"), Ok(Duration::from_secs(600)));
        for (text, ms) in [("10s", 10_000), ("250ms", 250), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(millis(text), Ok(Duration::from_millis(ms)), "{text}");
            assert_eq!(seconds(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "s", "-1", "1d", "1.5s", "ten"] {
            assert!(millis(bad).is_err(), "{bad}");
        }
    }
}

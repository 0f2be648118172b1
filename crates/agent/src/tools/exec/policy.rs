//! May this line run? (`tools.exec.security`)
//!
//! `deny` runs nothing and `full` everything. `allowlist` runs a line only when every program in it is one of the
//! harmless ones or named in `tools.exec.allowlist`, and when the line is plain enough to be sure of that. A refusal
//! says which program it was and the exact command that widens the policy.

use std::time::Duration;

use base::shell::{self, Simple};

use super::on_node::NodeSettings;
use super::programs::{self, Verdict};

/// What `exec` may run at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Security {
    /// Nothing.
    Deny,
    /// Harmless reading programs and those the owner listed.
    #[default]
    Allowlist,
    /// Everything.
    Full,
}

/// `tools.exec`, as the tool needs it.
#[derive(Debug, Clone)]
pub struct ExecSettings {
    /// How much may run.
    pub security: Security,
    /// What may run besides the harmless programs: `git`, `/opt/x/bin/*`, or a program with its first words, `git log`.
    pub allowlist: Vec<String>,
    /// How long a command may take when it does not say.
    pub timeout: Duration,
    /// How long a call waits before it leaves its command running as a session, when it does not say.
    pub wait: Duration,
    /// Folders put before `PATH`.
    pub path_prepend: Vec<String>,
    /// Commands on nodes.
    pub on_node: NodeSettings,
}

/// How long a command may take when nothing says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);
/// How long a call waits when nothing says otherwise.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

impl Default for ExecSettings {
    fn default() -> Self {
        Self {
            security: Security::default(),
            allowlist: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            wait: DEFAULT_WAIT,
            path_prepend: Vec::new(),
            on_node: NodeSettings::default(),
        }
    }
}

impl From<&config::ExecConfig> for ExecSettings {
    fn from(config: &config::ExecConfig) -> Self {
        Self {
            security: match config.security {
                config::ExecSecurity::Deny => Security::Deny,
                config::ExecSecurity::Allowlist => Security::Allowlist,
                config::ExecSecurity::Full => Security::Full,
            },
            allowlist: config.allowlist.clone(),
            timeout: config.timeout,
            wait: config.background,
            path_prepend: config.path_prepend.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            on_node: NodeSettings::from(config),
        }
    }
}

/// Decides about one line.
///
/// # Errors
/// The sentence for the model, with the command that widens the policy.
pub(super) fn judge(line: &str, settings: &ExecSettings) -> Result<(), String> {
    match settings.security {
        Security::Full => Ok(()),
        Security::Deny => Err("no command may run here: tools.exec.security is `deny`. The owner can widen it with \
             `openclaw config set tools.exec.security allowlist`"
            .into()),
        Security::Allowlist => judge_by_list(line, settings),
    }
}

fn judge_by_list(line: &str, settings: &ExecSettings) -> Result<(), String> {
    let commands = shell::parse(line).map_err(|obscure| {
        format!(
            "the line was not run: it uses {}, and tools.exec.security `allowlist` runs only plain commands joined by \
             |, &&, || and ;. Write it plainly, or the owner can allow everything with {FULL}",
            obscure.0
        )
    })?;
    commands.iter().try_for_each(|command| judge_command(command, settings))
}

const FULL: &str = "`openclaw config set tools.exec.security full`";

fn judge_command(command: &Simple, settings: &ExecSettings) -> Result<(), String> {
    let Some((program, arguments)) = command.words.split_first() else { return Ok(()) };
    let name = program.text.as_str();
    if settings.allowlist.iter().any(|entry| covers(entry, command)) {
        return Ok(());
    }
    match programs::look_up(name, arguments) {
        Verdict::Harmless => Ok(()),
        Verdict::Armed => Err(format!(
            "the line was not run: `{name}` is allowed, but not with these arguments, which may write, start another \
             program or show secrets (quote patterns, or begin them with `./`). The owner can allow `{name}` \
             whole with {}",
            widen(name, settings)
        )),
        Verdict::Unknown => Err(format!(
            "the line was not run: `{name}` is not among the programs exec may run. The owner can add it with {}, or \
             allow everything with {FULL}",
            widen(name, settings)
        )),
    }
}

/// Whether `entry` names the program of `command` and, if it has more words, its first arguments.
fn covers(entry: &str, command: &Simple) -> bool {
    let mut wanted = entry.split_whitespace().peekable();
    wanted.peek().is_some()
        && wanted.clone().count() <= command.words.len()
        && wanted.zip(&command.words).all(|(wanted, word)| word.glob_at.is_none() && matches(wanted, &word.text))
}

/// `*` stands for any characters but `/`, `?` for one.
fn matches(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    let mut after = text.chars();
    match first {
        '*' => loop {
            if matches(rest, after.as_str()) {
                return true;
            }
            if after.next().is_none_or(|c| c == '/') {
                return false;
            }
        },
        '?' => after.next().is_some_and(|c| c != '/') && matches(rest, after.as_str()),
        literal => after.next() == Some(literal) && matches(rest, after.as_str()),
    }
}

/// The command that adds `name` to what is listed now.
fn widen(name: &str, settings: &ExecSettings) -> String {
    let list: Vec<&str> = settings.allowlist.iter().map(String::as_str).chain([name]).collect();
    let list = serde_json::Value::from(list).to_string().replace('\'', "'\\''");
    format!("`openclaw config set tools.exec.allowlist '{list}'`")
}

/// What the model is told of the policy.
pub(super) fn words(settings: &ExecSettings) -> String {
    match settings.security {
        Security::Full => "Any command may run.".into(),
        Security::Deny => "The owner allows no command now.".into(),
        Security::Allowlist => {
            let mut own: Vec<&str> = settings.allowlist.iter().map(String::as_str).collect();
            own.extend(programs::names());
            format!(
                "Only these programs may run, in plain commands joined by |, &&, || and ;, without variables, \
                 substitutions or redirections: {}.",
                own.join(" ")
            )
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

//! May this line run? (`tools.exec` and the exec approvals of this host)
//!
//! The config says how much may run, the host's document can only narrow it and lists programs of its own (N-12.3). Both
//! are judged by the one judge there is, `exec_policy`; here are its settings, and its answers in words for the model: a
//! refusal says which program it was and the exact command that widens the policy.

use std::path::PathBuf;
use std::time::Duration;

use base::Env;
use exec_policy::{
    Ask, Denied, Effective, Extras, Host, Line, Miss, Places, Requested, Stored, Wish, harmless_programs,
};

pub use exec_policy::Security;

use super::environment;
use super::on_node::NodeSettings;

/// `tools.exec`, as the tool needs it.
#[derive(Debug, Clone)]
pub struct ExecSettings {
    /// How much may run.
    pub security: Security,
    /// When a person is asked.
    pub ask: Ask,
    /// What may run besides the harmless programs: `git`, `/opt/x/bin/*`, or a program with its first words, `git log`.
    pub allowlist: Vec<String>,
    /// Programs trusted with what is piped into them (N-12.8).
    pub safe_bins: Vec<String>,
    /// The host's own document; `None` where there is no host to speak of.
    pub approvals: Option<PathBuf>,
    /// How long a command may take when it does not say.
    pub timeout: Duration,
    /// How long a call waits before it leaves its command running as a session, when it does not say.
    pub wait: Duration,
    /// Folders put before `PATH`.
    pub path_prepend: Vec<String>,
    /// Commands on nodes.
    pub on_node: NodeSettings,
    /// The host commands are to run on, when there is none of that name; then none run.
    pub missing_host: Option<String>,
}

/// How long a command may take when nothing says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);
/// How long a call waits when nothing says otherwise.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

impl Default for ExecSettings {
    fn default() -> Self {
        Self {
            security: Security::default(),
            ask: Ask::default(),
            allowlist: Vec::new(),
            safe_bins: Vec::new(),
            approvals: None,
            timeout: DEFAULT_TIMEOUT,
            wait: DEFAULT_WAIT,
            path_prepend: Vec::new(),
            on_node: NodeSettings::default(),
            missing_host: None,
        }
    }
}

impl From<&config::ExecConfig> for ExecSettings {
    fn from(config: &config::ExecConfig) -> Self {
        let (security, ask) = config.wanted();
        Self {
            security: match security {
                config::ExecSecurity::Deny => Security::Deny,
                config::ExecSecurity::Allowlist => Security::Allowlist,
                config::ExecSecurity::Full => Security::Full,
            },
            ask: match ask {
                config::ExecAsk::Off => Ask::Off,
                config::ExecAsk::OnMiss => Ask::OnMiss,
                config::ExecAsk::Always => Ask::Always,
            },
            allowlist: config.allowlist.clone(),
            safe_bins: config.safe_bins.clone(),
            approvals: None,
            timeout: config.timeout,
            wait: config.background,
            path_prepend: config.path_prepend.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            on_node: NodeSettings::from(config),
            missing_host: config.missing_host().map(str::to_owned),
        }
    }
}

impl ExecSettings {
    /// What counts for `agent` now: the host's document is read again for every command.
    ///
    /// # Errors
    /// The sentence for the model, when the document cannot be understood; then nothing runs.
    pub(super) fn rules(&self, agent: &str) -> Result<Effective, String> {
        let requested = Requested { security: Some(self.security), ask: Some(self.ask) };
        let document = match &self.approvals {
            None => exec_policy::Document::default(),
            Some(file) => Stored::read(file).map_err(|error| format!("the command was not run: {error}"))?.document,
        };
        Ok(document.effective(Some(agent), Host::Gateway).narrowed(requested))
    }

    /// What counts as listed besides the document.
    pub(super) fn extras(&self) -> Extras<'_> {
        Extras { words: &self.allowlist, harmless: true, safe_bins: &self.safe_bins, skills: &[] }
    }

    /// A wish to run `line` in `places`.
    pub(super) fn wish<'a>(&'a self, line: &'a str, places: &'a Places) -> Wish<'a> {
        Wish { line: Line::Text(line), places, extras: self.extras() }
    }

    /// Where a listed program is looked for.
    pub(super) fn places(&self, env: &Env, folder: PathBuf) -> Places {
        let home = env.raw("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        Places::new(&environment::search_path(env, self, Security::Allowlist), folder, home)
    }
}

const FULL: &str = "`openclaw config set tools.exec.security full`";

/// Why a line is not run, with the command that widens what is in the way.
pub(super) fn refusal(denied: &Denied, settings: &ExecSettings) -> String {
    match denied {
        Denied::Disabled if settings.security == Security::Deny => {
            "no command may run here: tools.exec.security is `deny`. The owner can widen it with \
             `openclaw config set tools.exec.security allowlist`"
                .into()
        }
        Denied::Disabled => {
            "no command may run here: the exec approvals of this host say `deny`. The owner can look at \
             them with `openclaw approvals get`"
                .into()
        }
        Denied::Unreadable(why) => format!("the line was not run: {why}"),
        Denied::ApprovalRequired(miss) | Denied::AllowlistMiss(miss) => missed(miss, settings),
    }
}

fn missed(miss: &Miss, settings: &ExecSettings) -> String {
    match miss {
        Miss::Obscure(why) => format!(
            "the line was not run: {why}, and tools.exec.security `allowlist` runs only plain commands joined by \
             |, &&, || and ;. Write it plainly, or the owner can allow everything with {FULL}"
        ),
        Miss::Armed(name) => format!(
            "the line was not run: `{name}` is allowed, but not with these arguments, which may write, start another \
             program or show secrets (quote patterns, or begin them with `./`). The owner can allow `{name}` \
             whole with {}",
            widen(name, settings)
        ),
        Miss::Unlisted { program, .. } => format!(
            "the line was not run: `{program}` is not among the programs exec may run. The owner can add it with {}, or \
             allow everything with {FULL}",
            widen(program, settings)
        ),
        Miss::Everything => "the line was not run: a person must allow every command here".into(),
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
            own.extend(harmless_programs());
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

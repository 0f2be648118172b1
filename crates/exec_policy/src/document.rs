//! `exec-approvals.json`: what the owner of this machine lets nodes run (N-12.1, N-12.2).

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The largest document that is read.
const MAX_BYTES: u64 = 1024 * 1024;
/// The version that is understood.
const VERSION: u32 = 1;
/// The agent that is meant when none is named.
const MAIN: &str = "main";
/// Its older name.
const OLD_MAIN: &str = "default";
/// Rules for every agent.
const ANY: &str = "*";

/// How much may run, from the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Nothing.
    Deny,
    /// What is on the list.
    Allowlist,
    /// Everything.
    Full,
}

/// When a person is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Never.
    Off,
    /// About what is not on the list.
    OnMiss,
    /// About everything.
    Always,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// A pattern of paths, or a bare name (N-12.5).
    pub pattern: String,
    /// An expression over the arguments (N-12.6).
    #[serde(default)]
    pub arg_pattern: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rules {
    security: Option<Security>,
    ask: Option<Ask>,
    ask_fallback: Option<Security>,
    allowlist: Vec<Entry>,
}

/// The whole document. Members that are not understood are left alone; values that are not understood make it unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Document {
    version: u32,
    defaults: Rules,
    agents: BTreeMap<String, Rules>,
}

impl Default for Document {
    fn default() -> Self {
        Self { version: VERSION, defaults: Rules::default(), agents: BTreeMap::new() }
    }
}

/// What counts for one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// How much may run.
    pub security: Security,
    /// When a person is asked.
    pub ask: Ask,
    /// How much may run when nobody can be asked.
    pub ask_fallback: Security,
    /// What is on the list.
    pub allowlist: Vec<Entry>,
}

/// Why there is no document; then nothing is run.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read.
    #[error("`{}` cannot be read: {source}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("`{}` is not understood: {why}", file.display())]
    Malformed {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Somebody else could have written it.
    #[error("`{}` can be written by other users; run: chmod 600 {}", file.display(), file.display())]
    Open {
        /// Which file.
        file: PathBuf,
    },
}

impl Document {
    /// Reads it; without a file, the defaults count.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn read(file: &Path) -> Result<Self, DocumentError> {
        let io = |source| DocumentError::Io { file: file.to_owned(), source };
        let opened = match std::fs::File::open(file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(io(error)),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if opened.metadata().map_err(io)?.permissions().mode() & 0o022 != 0 {
                return Err(DocumentError::Open { file: file.to_owned() });
            }
        }
        let mut text = String::new();
        opened.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(DocumentError::Malformed { file: file.to_owned(), why: "it is larger than 1 MiB".into() });
        }
        Self::parse(&text).map_err(|why| DocumentError::Malformed { file: file.to_owned(), why })
    }

    /// Reads its text.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let members: serde_json::Map<_, _> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let document: Self = serde_json::from_value(members.into()).map_err(|error| error.to_string())?;
        match document.version {
            VERSION => Ok(document),
            other => Err(format!("version {other}, where {VERSION} was expected")),
        }
    }

    /// What counts for `agent`: its own rules, then those for every agent, then the defaults; lists are joined (N-12.3).
    pub fn effective(&self, agent: Option<&str>) -> Effective {
        let agent = agent.map(str::trim).filter(|agent| !agent.is_empty()).unwrap_or(MAIN);
        let own = self.agents.get(agent).or_else(|| self.agents.get(OLD_MAIN).filter(|_| agent == MAIN));
        let levels = [own, self.agents.get(ANY).filter(|_| agent != ANY), Some(&self.defaults)];
        let levels: Vec<&Rules> = levels.into_iter().flatten().collect();
        Effective {
            security: levels.iter().find_map(|rules| rules.security).unwrap_or(Security::Allowlist),
            ask: levels.iter().find_map(|rules| rules.ask).unwrap_or(Ask::OnMiss),
            ask_fallback: levels.iter().find_map(|rules| rules.ask_fallback).unwrap_or(Security::Deny),
            allowlist: levels.iter().flat_map(|rules| rules.allowlist.iter().cloned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-12.2, N-12.3, N-12.5
    #[test]
    fn an_agents_own_rules_come_first_and_lists_are_joined() {
        let text = r#"{"version": 1, "socket": {"path": "x", "token": "y"},
            "defaults": {"security": "deny", "autoAllowSkills": true},
            "agents": {"default": {"security": "full"},
                "work": {"ask": "off", "allowlist": [{"id": "1", "pattern": "git", "lastUsedAt": 1}]},
                "*": {"security": "allowlist", "askFallback": "allowlist", "allowlist": [{"pattern": "/usr/bin/ls"}]}}}"#;
        let document = Document::parse(text).unwrap();
        let work = document.effective(Some("work"));
        assert_eq!((work.security, work.ask, work.ask_fallback), (Security::Allowlist, Ask::Off, Security::Allowlist));
        assert_eq!(
            work.allowlist.iter().map(|entry| entry.pattern.as_str()).collect::<Vec<_>>(),
            ["git", "/usr/bin/ls"]
        );
        assert_eq!(document.effective(None).security, Security::Full, "the older name of `main`");
        assert_eq!(document.effective(Some("other")).security, Security::Allowlist);
        let none = Document::default().effective(None);
        assert_eq!((none.security, none.ask, none.ask_fallback), (Security::Allowlist, Ask::OnMiss, Security::Deny));
        assert!(none.allowlist.is_empty());
    }

    /// N-12.1: what is not understood is never taken for a permission.
    #[test]
    fn a_document_that_is_not_understood_is_refused_whole() {
        for text in [
            "",
            "[]",
            r#"{"version": 2}"#,
            r#"{"version": 1, "defaults": {"security": "ful"}}"#,
            r#"{"version": 1, "agents": {"main": {"allowlist": "git"}}}"#,
            r#"{"version": 1, "defaults": {"ask": "on_miss"}}"#,
        ] {
            assert!(Document::parse(text).is_err(), "{text}");
        }
    }

    /// N-12.1
    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_not_believed_and_none_is_the_default() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exec-approvals.json");
        assert_eq!(Document::read(&file).unwrap(), Document::default());
        base::write_atomic(&file, br#"{"version": 1, "defaults": {"security": "full"}}"#).unwrap();
        assert_eq!(Document::read(&file).unwrap().effective(None).security, Security::Full);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o620)).unwrap();
        assert!(matches!(Document::read(&file), Err(DocumentError::Open { .. })));
    }
}

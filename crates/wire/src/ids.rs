//! Agent ids and session keys.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest agent id.
const AGENT_ID_MAX: usize = 64;

/// An agent's id: `^[a-z0-9][a-z0-9_-]{0,63}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentId(String);

impl AgentId {
    /// Folds any text into an id: lower case, bad runes become one `-`, trimmed, at most 64, nothing left is `main`
    ///
    pub fn fold(text: &str) -> Self {
        let mut id = String::with_capacity(text.len().min(AGENT_ID_MAX));
        for c in text.trim().chars().flat_map(char::to_lowercase) {
            match c {
                'a'..='z' | '0'..='9' | '_' | '-' => id.push(c),
                _ if !id.ends_with('-') => id.push('-'),
                _ => {}
            }
        }
        let id = id.trim_matches(|c| c == '-' || c == '_');
        let id = &id[..id.len().min(AGENT_ID_MAX)];
        Self(if id.is_empty() { "main".into() } else { id.into() })
    }

    /// The agent every install has.
    pub fn main() -> Self {
        Self("main".into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A canonical session key, `agent:<agentId>:<rest>`, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionKey(String);

impl SessionKey {
    /// The canonical key for what a request names: a full key stays, `main` or nothing is the main session, anything
    /// else is a bare rest of the selected agent.
    pub fn canonical(text: &str, agent: &AgentId, main_key: &str) -> Self {
        let text = text.trim().to_lowercase();
        if let Some((id, rest)) = text.strip_prefix("agent:").and_then(|after| after.split_once(':'))
            && !rest.is_empty()
        {
            return Self(format!("agent:{}:{rest}", AgentId::fold(id)));
        }
        let rest = if text.is_empty() || text == "main" { main_key } else { &text };
        Self(format!("agent:{agent}:{rest}"))
    }

    /// The agent's main session.
    pub fn main(agent: &AgentId, main_key: &str) -> Self {
        Self(format!("agent:{agent}:{main_key}"))
    }

    /// A key that is already canonical, as read back from the store.
    pub fn from_store(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The agent this session belongs to.
    pub fn agent(&self) -> AgentId {
        AgentId::fold(self.0.split(':').nth(1).unwrap_or("main"))
    }

    /// What comes after `agent:<agentId>:`.
    pub fn rest(&self) -> &str {
        self.0.splitn(3, ':').nth(2).unwrap_or("main")
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn agent_ids_fold() {
        for (text, id) in [
            ("Main", "main"),
            ("", "main"),
            ("--", "main"),
            ("My  Agent!", "my-agent"),
            ("ops_2", "ops_2"),
            ("日本", "main"),
        ] {
            assert_eq!(AgentId::fold(text).as_str(), id, "{text:?}");
        }
        assert_eq!(AgentId::fold(&"x".repeat(99)).as_str().len(), 64);
    }

    ///
    #[test]
    fn session_keys_become_canonical() {
        let agent = AgentId::main();
        let key = |text: &str| SessionKey::canonical(text, &agent, "main").0;
        assert_eq!(key("main"), "agent:main:main");
        assert_eq!(key(""), "agent:main:main");
        assert_eq!(key("Agent:Ops:Telegram:DM:5"), "agent:ops:telegram:dm:5");
        assert_eq!(key("acp-bridge:1f"), "agent:main:acp-bridge:1f");
        assert_eq!(key("agent:ops:"), "agent:main:agent:ops:");
        let full = SessionKey::canonical("agent:ops:hook:1", &agent, "main");
        assert_eq!((full.agent().as_str(), full.rest()), ("ops", "hook:1"));
    }
}

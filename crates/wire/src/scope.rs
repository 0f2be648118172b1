//! Roles and operator scopes, and which scope satisfies which (`protocol.md` 3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The two sides of the protocol that connect to a Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A person's client: CLI, TUI, Control UI, desktop app, backend.
    Operator,
    /// A device that offers commands: phone, laptop, headless host.
    Node,
}

impl Role {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Node => "node",
        }
    }

    /// The role of that name.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "operator" => Some(Self::Operator),
            "node" => Some(Self::Node),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A scope a method may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Everything.
    #[serde(rename = "operator.admin")]
    Admin,
    /// Look at sessions, config, logs, nodes.
    #[serde(rename = "operator.read")]
    Read,
    /// Act: chat, run the agent, call nodes.
    #[serde(rename = "operator.write")]
    Write,
    /// Decide approvals.
    #[serde(rename = "operator.approvals")]
    Approvals,
    /// Answer the agent's questions.
    #[serde(rename = "operator.questions")]
    Questions,
    /// Manage devices and nodes.
    #[serde(rename = "operator.pairing")]
    Pairing,
    /// Speak with the agent.
    #[serde(rename = "operator.talk")]
    Talk,
    /// Read the voice provider's secrets.
    #[serde(rename = "operator.talk.secrets")]
    TalkSecrets,
    /// Narrow alias that `read` satisfies.
    #[serde(rename = "operator.sessions.read")]
    SessionsRead,
    /// Narrow alias that `write` satisfies.
    #[serde(rename = "operator.sessions.write")]
    SessionsWrite,
}

impl Scope {
    /// Every scope, widest first.
    pub const ALL: [Self; 10] = [
        Self::Admin,
        Self::Read,
        Self::Write,
        Self::Approvals,
        Self::Questions,
        Self::Pairing,
        Self::Talk,
        Self::TalkSecrets,
        Self::SessionsRead,
        Self::SessionsWrite,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "operator.admin",
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Approvals => "operator.approvals",
            Self::Questions => "operator.questions",
            Self::Pairing => "operator.pairing",
            Self::Talk => "operator.talk",
            Self::TalkSecrets => "operator.talk.secrets",
            Self::SessionsRead => "operator.sessions.read",
            Self::SessionsWrite => "operator.sessions.write",
        }
    }

    /// Whether holding `self` is enough where `needed` is asked for.
    pub const fn satisfies(self, needed: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Write => {
                matches!(needed, Self::Write | Self::Read | Self::Talk | Self::SessionsRead | Self::SessionsWrite)
            }
            Self::Read => matches!(needed, Self::Read | Self::SessionsRead),
            Self::SessionsWrite => matches!(needed, Self::SessionsWrite | Self::SessionsRead),
            _ => self as u8 == needed as u8,
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes of a connection, in the order they were asked for. Names outside [`Scope`] are kept and echoed (the
/// original does not check them) but satisfy nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// No scope at all.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// These names, duplicates dropped, order kept.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut seen = BTreeSet::new();
        Self(names.into_iter().map(Into::into).filter(|name: &String| seen.insert(name.clone())).collect())
    }

    /// Whether any held scope satisfies `needed`.
    pub fn allows(&self, needed: Scope) -> bool {
        self.0.iter().filter_map(|name| Scope::of(name)).any(|held| held.satisfies(needed))
    }

    /// Whether every name of `other` is held, by name or by implication.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|name| match Scope::of(name) {
            Some(scope) => self.allows(scope),
            None => self.0.contains(name) || self.allows(Scope::Admin),
        })
    }

    /// What of `self` the `cap` lets through (a cap, never a grant).
    #[must_use]
    pub fn capped_by(&self, cap: &Self) -> Self {
        Self(self.0.iter().filter(|name| cap.covers(&Self(vec![(*name).clone()]))).cloned().collect())
    }

    /// Both, `self` first.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::new(self.0.iter().chain(&other.0).cloned())
    }

    /// The names, as on the wire.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Scope> for ScopeSet {
    fn from(scope: Scope) -> Self {
        Self(vec![scope.as_str().to_owned()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_satisfies_all_and_write_satisfies_read_and_talk() {
        assert!(Scope::ALL.iter().all(|needed| Scope::Admin.satisfies(*needed)));
        for needed in [Scope::Read, Scope::Talk, Scope::SessionsRead, Scope::SessionsWrite] {
            assert!(Scope::Write.satisfies(needed), "{needed}");
        }
        for needed in [Scope::Admin, Scope::Pairing, Scope::Approvals, Scope::TalkSecrets, Scope::Questions] {
            assert!(!Scope::Write.satisfies(needed), "{needed}");
        }
        assert!(!Scope::Read.satisfies(Scope::Write));
    }

    #[test]
    fn every_scope_satisfies_itself_and_reads_its_own_name() {
        for scope in Scope::ALL {
            assert!(scope.satisfies(scope));
            assert_eq!(Scope::of(scope.as_str()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }

    #[test]
    fn a_cap_narrows_and_never_grants() {
        let asked = ScopeSet::new(["operator.read", "operator.admin"]);
        assert_eq!(asked.capped_by(&Scope::Read.into()).names(), ["operator.read"]);
        assert_eq!(ScopeSet::from(Scope::Read).capped_by(&Scope::Admin.into()).names(), ["operator.read"]);
        assert!(asked.capped_by(&ScopeSet::none()).is_empty());
    }

    #[test]
    fn unknown_names_are_echoed_and_satisfy_nothing() {
        let odd = ScopeSet::new(["operator.everything", "operator.read", "operator.read"]);
        assert_eq!(odd.names(), ["operator.everything", "operator.read"]);
        assert!(!odd.allows(Scope::Write));
        assert!(odd.covers(&ScopeSet::new(["operator.everything"])));
    }
}

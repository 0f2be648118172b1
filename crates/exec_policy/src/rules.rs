//! How much may run, and when a person is asked (N-12.2): the words of a document and of a caller, and the stricter of
//! both (N-12.3).

use serde::{Deserialize, Serialize};

/// How much may run, from the least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Nothing.
    Deny,
    /// What is on the list.
    #[default]
    Allowlist,
    /// Everything.
    Full,
}

impl Security {
    /// The word of documents and of the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allowlist => "allowlist",
            Self::Full => "full",
        }
    }
}

/// When a person is to be asked, from the least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Never.
    Off,
    /// About what is not on the list.
    #[default]
    OnMiss,
    /// About everything.
    Always,
}

impl Ask {
    /// The word of documents and of the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::OnMiss => "on-miss",
            Self::Always => "always",
        }
    }
}

/// What a caller wants besides; it can only narrow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requested {
    /// How much may run at most.
    pub security: Option<Security>,
    /// When a person is asked at least.
    pub ask: Option<Ask>,
}

/// On whose machine a document lies, which decides what counts where it is silent (N-12.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// A node: nothing that is not listed, and people are asked.
    Node,
    /// The Gateway's own: its config has the word, and the document only narrows it.
    Gateway,
}

impl Host {
    /// What counts where a document says nothing.
    pub const fn silent(self) -> Level {
        match self {
            Self::Node => Level::of(Security::Allowlist, Ask::OnMiss),
            Self::Gateway => Level::of(Security::Full, Ask::Off),
        }
    }
}

/// The four words of a level of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// How much may run.
    pub security: Security,
    /// When a person is asked.
    pub ask: Ask,
    /// How much may run when nobody can be asked.
    pub ask_fallback: Security,
    /// Whether programs of skills count as listed (N-12.9).
    pub auto_allow_skills: bool,
}

impl Level {
    const fn of(security: Security, ask: Ask) -> Self {
        Self { security, ask, ask_fallback: Security::Deny, auto_allow_skills: false }
    }

    /// The stricter of both (N-12.3).
    #[must_use]
    pub fn narrowed(self, requested: Requested) -> Self {
        Self {
            security: requested.security.map_or(self.security, |wanted| self.security.min(wanted)),
            ask: requested.ask.map_or(self.ask, |wanted| self.ask.max(wanted)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-12.3, N-15.8: every pair of words, and neither side ever widens the other.
    #[test]
    fn the_stricter_of_both_counts() {
        use Ask::{Always, Off, OnMiss};
        use Security::{Allowlist, Deny, Full};
        for (own, asked, both) in [
            (Deny, Deny, Deny),
            (Deny, Allowlist, Deny),
            (Deny, Full, Deny),
            (Allowlist, Deny, Deny),
            (Allowlist, Allowlist, Allowlist),
            (Allowlist, Full, Allowlist),
            (Full, Deny, Deny),
            (Full, Allowlist, Allowlist),
            (Full, Full, Full),
        ] {
            let level = Level { security: own, ..Host::Node.silent() };
            assert_eq!(
                level.narrowed(Requested { security: Some(asked), ask: None }).security,
                both,
                "{own:?} {asked:?}"
            );
        }
        for (own, asked, both) in [
            (Off, Off, Off),
            (Off, OnMiss, OnMiss),
            (Off, Always, Always),
            (OnMiss, Off, OnMiss),
            (OnMiss, OnMiss, OnMiss),
            (OnMiss, Always, Always),
            (Always, Off, Always),
            (Always, OnMiss, Always),
            (Always, Always, Always),
        ] {
            let level = Level { ask: own, ..Host::Node.silent() };
            assert_eq!(level.narrowed(Requested { security: None, ask: Some(asked) }).ask, both, "{own:?} {asked:?}");
        }
        assert_eq!(Host::Node.silent().narrowed(Requested::default()), Host::Node.silent());
    }

    /// N-12.2
    #[test]
    fn the_words_are_those_of_documents() {
        for security in [Security::Deny, Security::Allowlist, Security::Full] {
            assert_eq!(serde_json::json!(security), security.as_str());
        }
        for ask in [Ask::Off, Ask::OnMiss, Ask::Always] {
            assert_eq!(serde_json::json!(ask), ask.as_str());
        }
    }
}

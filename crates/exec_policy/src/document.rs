//! `exec-approvals.json`: what the owner of a machine lets others run (N-12.1). What is not understood in it is kept as
//! it is, but a value of a member that is understood must be one that is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rules::{Ask, Host, Level, Requested, Security};

/// The version that is understood.
const VERSION: u32 = 1;
/// The agent that is meant when none is named.
const MAIN: &str = "main";
/// Its older name.
const OLD_MAIN: &str = "default";
/// Rules for every agent.
const ANY: &str = "*";
/// Where an entry comes from that a person's "always" made.
const BY_DECISION: &str = "allow-always";
/// What stands for the socket's token where it is shown.
const HIDDEN: &str = "__OPENCLAW_REDACTED__";
/// How often it is written down that an entry was used.
const USE_NOTED_EVERY_MS: i64 = 60_000;
/// How much of a command is kept beside its entry.
const COMMAND_MAX_CHARS: usize = 400;

/// One line of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A pattern of paths, or a bare name (N-12.5).
    pub pattern: String,
    /// What the arguments must be (N-12.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arg_pattern: Option<String>,
    /// `allow-always` when a decision made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it last let something through, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<serde_json::Number>,
    /// What that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_command: Option<String>,
    /// Which program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_resolved_path: Option<String>,
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

impl Entry {
    /// One for everything `pattern` is about.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self { pattern: pattern.into(), ..Self::default() }
    }

    /// Whether both let the same through.
    fn is_same(&self, other: &Self) -> bool {
        (&self.pattern, &self.arg_pattern) == (&other.pattern, &other.arg_pattern)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rules {
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<Security>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<Ask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ask_fallback: Option<Security>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_allow_skills: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowlist: Vec<Entry>,
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

/// Where a helper of the original listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Socket {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

/// The whole document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Document {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<Socket>,
    defaults: Rules,
    agents: BTreeMap<String, Rules>,
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

impl Default for Document {
    fn default() -> Self {
        let (socket, defaults, agents) = (None, Rules::default(), BTreeMap::new());
        Self { version: VERSION, socket, defaults, agents, rest: Map::new() }
    }
}

/// What counts for one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The rules.
    pub level: Level,
    /// What is on the list.
    pub allowlist: Vec<Entry>,
}

impl Effective {
    /// The stricter of this and what a caller wants (N-12.3).
    #[must_use]
    pub fn narrowed(self, requested: Requested) -> Self {
        Self { level: self.level.narrowed(requested), ..self }
    }
}

impl Document {
    /// Reads its text.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let members: Map<_, _> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::from_value(members.into())
    }

    /// Takes one as it came over the wire.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn from_value(value: Value) -> Result<Self, String> {
        let is_object = value.is_object();
        let document: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        match document.version {
            _ if !is_object => Err("it is no object".into()),
            VERSION => Ok(document),
            other => Err(format!("version {other}, where {VERSION} was expected")),
        }
    }

    /// What counts for `agent`: its own rules, then those for every agent, then the defaults, then what `host` has where
    /// all are silent; lists are joined (N-12.3).
    pub fn effective(&self, agent: Option<&str>, host: Host) -> Effective {
        let agent = named(agent);
        let own = self.agents.get(agent).or_else(|| self.agents.get(OLD_MAIN).filter(|_| agent == MAIN));
        let levels = [own, self.agents.get(ANY).filter(|_| agent != ANY), Some(&self.defaults)];
        let levels: Vec<&Rules> = levels.into_iter().flatten().collect();
        let silent = host.silent();
        let level = Level {
            security: levels.iter().find_map(|rules| rules.security).unwrap_or(silent.security),
            ask: levels.iter().find_map(|rules| rules.ask).unwrap_or(silent.ask),
            ask_fallback: levels.iter().find_map(|rules| rules.ask_fallback).unwrap_or(silent.ask_fallback),
            auto_allow_skills: levels
                .iter()
                .find_map(|rules| rules.auto_allow_skills)
                .unwrap_or(silent.auto_allow_skills),
        };
        Effective { level, allowlist: levels.iter().flat_map(|rules| rules.allowlist.iter().cloned()).collect() }
    }

    /// The rules that count where no agent has its own.
    pub fn defaults(&self, host: Host) -> Level {
        let only_defaults = Self { agents: BTreeMap::new(), ..self.clone() };
        only_defaults.effective(None, host).level
    }

    /// The lists by agent, with those in `defaults` under no name.
    pub fn lists(&self) -> impl Iterator<Item = (&str, &[Entry])> {
        let agents = self.agents.iter().map(|(agent, rules)| (agent.as_str(), rules.allowlist.as_slice()));
        std::iter::once(("", self.defaults.allowlist.as_slice())).chain(agents)
    }

    /// Adds an entry to an agent's list; `false` when it was there already.
    pub fn add(&mut self, agent: Option<&str>, entry: Entry) -> bool {
        let list = &mut self.agents.entry(named(agent).to_owned()).or_default().allowlist;
        let is_new = !list.iter().any(|known| known.is_same(&entry));
        if is_new {
            list.push(Entry { id: Some(uuid::Uuid::new_v4().to_string()), ..entry });
        }
        is_new
    }

    /// Adds what a person allowed for ever (N-12.7); `false` when all of it was there already.
    pub fn allow_always(&mut self, agent: Option<&str>, entries: &[Entry]) -> bool {
        let source = Some(BY_DECISION.to_owned());
        let added =
            entries.iter().filter(|entry| self.add(agent, Entry { source: source.clone(), ..(*entry).clone() }));
        added.count() > 0
    }

    /// Takes every entry with this pattern, or this id, off an agent's list; `false` when there was none.
    pub fn remove(&mut self, agent: Option<&str>, pattern: &str) -> bool {
        let Some(rules) = self.agents.get_mut(named(agent)) else { return false };
        let before = rules.allowlist.len();
        rules.allowlist.retain(|entry| entry.pattern != pattern && entry.id.as_deref() != Some(pattern));
        rules.allowlist.len() < before
    }

    /// Notes that entries let `command` through; `false` when that is known well enough, so that a busy agent does not
    /// write the file with every command.
    pub fn note_use(&mut self, used: &[Used], command: &str, now_ms: i64) -> bool {
        let mut noted = false;
        let lists = self.agents.values_mut().chain([&mut self.defaults]).map(|rules| &mut rules.allowlist);
        for entry in lists.flatten() {
            let Some(used) = used.iter().find(|used| used.entry.is_same(entry)) else { continue };
            let last = entry.last_used_at.as_ref().and_then(serde_json::Number::as_f64).unwrap_or_default();
            #[expect(clippy::cast_precision_loss, reason = "a time in milliseconds is far below what a float can hold")]
            let is_fresh = now_ms as f64 - last < USE_NOTED_EVERY_MS as f64;
            if !is_fresh {
                entry.last_used_at = Some(now_ms.into());
                entry.last_used_command = Some(command.chars().take(COMMAND_MAX_CHARS).collect());
                entry.last_resolved_path = Some(used.path.clone());
                noted = true;
            }
        }
        noted
    }

    /// As people and other machines may see it: without the socket's token.
    pub fn shown(&self) -> Value {
        let mut shown = self.clone();
        if let Some(socket) = &mut shown.socket {
            socket.token = None;
        }
        serde_json::to_value(shown).unwrap_or_default()
    }

    /// This one in place of `old`: a token that was not shown is kept, and every entry gets a name.
    #[must_use]
    pub(crate) fn in_place_of(mut self, old: &Self) -> Self {
        let token = old.socket.as_ref().and_then(|socket| socket.token.clone());
        let says_token = |socket: &Socket| socket.token.as_deref().is_some_and(|token| token != HIDDEN);
        match &mut self.socket {
            Some(socket) if !says_token(socket) => socket.token = token,
            None => self.socket.clone_from(&old.socket),
            Some(_) => {}
        }
        let lists = self.agents.values_mut().chain([&mut self.defaults]).map(|rules| &mut rules.allowlist);
        for entry in lists.flatten() {
            entry.id.get_or_insert_with(|| uuid::Uuid::new_v4().to_string());
        }
        self
    }

    /// The text that is stored.
    pub(crate) fn text(&self) -> Result<String, String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| error.to_string())
    }
}

/// An entry that let something through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The entry.
    pub entry: Entry,
    /// The program it was about.
    pub path: String,
}

fn named(agent: Option<&str>) -> &str {
    agent.map(str::trim).filter(|agent| !agent.is_empty()).unwrap_or(MAIN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let work = document.effective(Some("work"), Host::Node);
        let level = work.level;
        assert_eq!(
            (level.security, level.ask, level.ask_fallback),
            (Security::Allowlist, Ask::Off, Security::Allowlist)
        );
        assert!(level.auto_allow_skills);
        assert_eq!(
            work.allowlist.iter().map(|entry| entry.pattern.as_str()).collect::<Vec<_>>(),
            ["git", "/usr/bin/ls"]
        );
        assert_eq!(document.effective(None, Host::Node).level.security, Security::Full, "the older name of `main`");
        assert_eq!(document.effective(Some("other"), Host::Node).level.security, Security::Allowlist);
        assert_eq!(document.defaults(Host::Node).security, Security::Deny);
        let none = Document::default();
        assert_eq!(none.effective(None, Host::Node).level, Host::Node.silent());
        assert_eq!(none.effective(None, Host::Gateway).level.security, Security::Full, "the config has the word there");
        assert!(none.effective(None, Host::Node).allowlist.is_empty());
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
            r#"{"version": 1, "agents": {"main": {"allowlist": [{"pattern": 1}]}}}"#,
            r#"{"version": 1, "defaults": {"ask": "on_miss"}}"#,
            r#"{"version": 1, "defaults": {"autoAllowSkills": "yes"}}"#,
            r#"{"version": 1, "socket": {"token": 5}}"#,
        ] {
            assert!(Document::parse(text).is_err(), "{text}");
        }
        assert!(Document::from_value(json!([])).is_err() && Document::from_value(json!(null)).is_err());
    }

    /// N-12.1: a member from a later version is kept, and the token is neither shown nor lost.
    #[test]
    fn what_is_not_known_is_kept_and_the_token_is_not_shown() {
        let whole = json!({"version": 1, "socket": {"path": "/s", "token": "secret", "later": 1},
            "defaults": {"ask": "always", "later": [2]},
            "agents": {"main": {"mcpTools": [{"server": "a"}],
                "allowlist": [{"id": "1", "pattern": "git", "commandText": "git log", "lastUsedAt": 1.5}]}},
            "later": {"deep": true}});
        let document = Document::from_value(whole.clone()).unwrap();
        assert_eq!(serde_json::to_value(&document).unwrap(), whole);
        let shown = document.shown();
        assert!(!shown.to_string().contains("secret") && shown["socket"]["path"] == "/s", "{shown}");
        for sent in [shown.clone(), json!({"version": 1}), json!({"version": 1, "socket": {"token": HIDDEN}})] {
            let back = Document::from_value(sent.clone()).unwrap().in_place_of(&document);
            assert_eq!(back.socket.unwrap().token.as_deref(), Some("secret"), "{sent}");
        }
        let new = Document::from_value(json!({"version": 1, "socket": {"token": "new"}})).unwrap();
        assert_eq!(new.in_place_of(&document).socket.unwrap().token.as_deref(), Some("new"));
    }

    /// N-12.1, N-12.6
    #[test]
    fn entries_come_go_and_know_when_they_were_used() {
        let mut document = Document::default();
        assert!(document.add(None, Entry::new("git")) && !document.add(Some(" main "), Entry::new("git")));
        let always = Entry { arg_pattern: Some("x".into()), ..Entry::new("/bin/ls") };
        assert!(document.allow_always(Some("work"), &[always.clone(), always.clone()]));
        assert!(!document.allow_always(Some("work"), std::slice::from_ref(&always)));
        let list = document.effective(Some("work"), Host::Node).allowlist;
        assert_eq!((list.len(), list[0].source.as_deref()), (1, Some("allow-always")));
        assert!(list[0].id.is_some());
        let used = [Used { entry: list[0].clone(), path: "/usr/bin/ls".into() }];
        assert!(document.note_use(&used, "ls -l", 1_000_000) && !document.note_use(&used, "ls", 1_030_000));
        assert!(document.note_use(&used, "ls again", 1_090_000));
        let entry = &document.effective(Some("work"), Host::Node).allowlist[0];
        assert_eq!(entry.last_used_command.as_deref(), Some("ls again"));
        assert_eq!(entry.last_resolved_path.as_deref(), Some("/usr/bin/ls"));
        assert!(document.remove(None, "git") && !document.remove(None, "git") && !document.remove(Some("no"), "git"));
    }
}

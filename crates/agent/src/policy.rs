//! Which tools a turn may use: layers, each of which may only narrow what the one before left, and in
//! each of which deny beats allow.

/// Names a list may use for several tools at once.
const GROUPS: &[(&str, &[&str])] = &[
    ("group:fs", &["read", "write", "edit", "apply_patch"]),
    ("group:runtime", &["exec", "process"]),
    ("group:sessions", &["sessions_list", "sessions_history", "sessions_send", "sessions_spawn", "session_status"]),
    ("group:memory", &["memory_search", "memory_get"]),
    ("group:web", &["web_fetch", "web_search"]),
    ("group:ui", &["browser", "canvas"]),
    ("group:automation", &["cron", "gateway"]),
    ("group:messaging", &["message"]),
    ("group:nodes", &["nodes"]),
];
/// Everything built in but files and commands.
const OPENCLAW: &str = "group:openclaw";
const NOT_OPENCLAW: &[&str] = &["group:fs", "group:runtime"];
const ALIASES: &[(&str, &str)] = &[("bash", "exec"), ("apply-patch", "apply_patch"), ("automations", "cron")];

const MINIMAL: &[&str] = &["session_status"];
const CODING: &[&str] =
    &["group:fs", "group:runtime", "group:web", "group:sessions", "group:memory", "cron", "image", "view_image"];
const MESSAGING: &[&str] = &["group:messaging", "sessions_list", "sessions_history", "sessions_send", "session_status"];

/// A starting set of tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// `session_status` only.
    Minimal,
    /// Files, commands, web, sessions, memory, cron, pictures.
    Coding,
    /// Messages and sessions.
    Messaging,
    /// No filter.
    #[default]
    Full,
}

impl Profile {
    const fn patterns(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Minimal => Some(MINIMAL),
            Self::Coding => Some(CODING),
            Self::Messaging => Some(MESSAGING),
            Self::Full => None,
        }
    }
}

/// One layer: the config's `tools`, a provider's, an agent's. Lists hold names, groups, aliases and globs (`*`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// The starting set.
    pub profile: Profile,
    /// Only these; everything the layers before left when empty.
    pub allow: Vec<String>,
    /// These besides, whatever profile and `allow` say.
    pub also_allow: Vec<String>,
    /// Never these.
    pub deny: Vec<String>,
}

impl From<config::ToolProfile> for Profile {
    fn from(profile: config::ToolProfile) -> Self {
        match profile {
            config::ToolProfile::Minimal => Self::Minimal,
            config::ToolProfile::Coding => Self::Coding,
            config::ToolProfile::Messaging => Self::Messaging,
            config::ToolProfile::Full => Self::Full,
        }
    }
}

/// The layer every turn begins with.
impl From<&config::Tools> for Layer {
    fn from(tools: &config::Tools) -> Self {
        let (allow, also_allow) = (tools.allow.clone(), tools.also_allow.clone());
        let profile = tools.profile.map(Profile::from).unwrap_or_default();
        Self { profile, allow, also_allow, deny: tools.deny.clone() }
    }
}

/// A provider's or an agent's layer.
impl From<&config::ToolPolicy> for Layer {
    fn from(policy: &config::ToolPolicy) -> Self {
        let (allow, also_allow) = (policy.allow.clone(), policy.also_allow.clone());
        let profile = policy.profile.map(Profile::from).unwrap_or_default();
        Self { profile, allow, also_allow, deny: policy.deny.clone() }
    }
}

/// What is left after all layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    /// The tools, in the order given.
    pub tools: Vec<String>,
    /// Names in lists that mean nothing, for a warning.
    pub unknown: Vec<String>,
}

/// Applies `layers` in order to the tools there are.
pub fn permit(available: &[&str], layers: &[Layer]) -> Permitted {
    let mut unknown = Vec::new();
    let mut tools: Vec<&str> = available.to_vec();
    for layer in layers {
        let listed = layer.allow.iter().chain(&layer.also_allow).chain(&layer.deny);
        let strange = listed.filter(|pattern| !means_something(pattern, available)).cloned();
        unknown.extend(strange);
        tools.retain(|tool| layer.permits(tool, available));
    }
    unknown.dedup();
    Permitted { tools: tools.into_iter().map(str::to_owned).collect(), unknown }
}

impl Layer {
    fn permits(&self, tool: &str, available: &[&str]) -> bool {
        let listed = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, tool));
        if listed(&self.deny) {
            return false;
        }
        if listed(&self.also_allow) {
            return true;
        }
        // A list of nothing but misspelt names must not silently take every tool away.
        let says_something = self.allow.iter().any(|pattern| means_something(pattern, available));
        let allowed = !says_something || listed(&self.allow);
        let in_profile = self.profile.patterns().is_none_or(|set| set.iter().any(|pattern| matches(pattern, tool)));
        allowed && in_profile
    }
}

/// Whether `pattern` means `tool`.
fn matches(pattern: &str, tool: &str) -> bool {
    let pattern = canonical(pattern);
    let pattern = pattern.as_str();
    if pattern == OPENCLAW {
        return !NOT_OPENCLAW.iter().any(|group| matches(group, tool));
    }
    match GROUPS.iter().find(|(group, _)| *group == pattern) {
        Some((_, members)) => members.contains(&tool),
        None => glob(pattern, tool),
    }
}

/// Whether `pattern` names a group, a tool there is, or one there could be.
fn means_something(pattern: &str, available: &[&str]) -> bool {
    let group = canonical(pattern);
    let known = || GROUPS.iter().flat_map(|(_, members)| members.iter()).chain(CODING).chain(available);
    group == OPENCLAW || GROUPS.iter().any(|(name, _)| *name == group) || known().any(|tool| matches(pattern, tool))
}

fn canonical(pattern: &str) -> String {
    let pattern = pattern.trim().to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == pattern);
    alias.map_or(pattern, |(_, name)| (*name).to_owned())
}

/// `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|after| {
            let mut ends = (0..=after.len()).filter(|&at| after.is_char_boundary(at));
            ends.any(|at| glob(rest, &after[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: &[&str] = &["read", "write", "edit", "exec", "process", "web_fetch", "nodes", "session_status"];

    fn layer(allow: &[&str], also_allow: &[&str], deny: &[&str]) -> Layer {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Layer { profile: Profile::Full, allow: list(allow), also_allow: list(also_allow), deny: list(deny) }
    }

    fn left(layers: &[Layer]) -> Vec<String> {
        permit(TOOLS, layers).tools
    }

    ///
    #[test]
    fn deny_beats_allow_and_an_empty_allow_is_everything() {
        assert_eq!(left(&[]), TOOLS);
        assert_eq!(left(&[layer(&[], &[], &[])]), TOOLS);
        assert_eq!(left(&[layer(&["read", "exec"], &["exec"], &["exec"])]), ["read"]);
    }

    ///
    #[test]
    fn a_later_layer_cannot_bring_back_what_an_earlier_one_took() {
        let layers = [layer(&["group:fs"], &[], &[]), layer(&["*"], &["exec"], &["write"])];
        assert_eq!(left(&layers), ["read", "edit"]);
    }

    ///
    #[test]
    fn groups_aliases_and_globs_name_tools() {
        assert_eq!(left(&[layer(&["group:runtime"], &[], &[])]), ["exec", "process"]);
        assert_eq!(left(&[layer(&[" Bash "], &[], &[])]), ["exec"]);
        assert_eq!(left(&[layer(&["*e*d*"], &[], &[])]), ["read", "edit"]);
        assert_eq!(left(&[layer(&["group:openclaw"], &[], &[])]), ["web_fetch", "nodes", "session_status"]);
    }

    ///
    #[test]
    fn a_profile_is_a_starting_set() {
        let profile = |profile| Layer { profile, ..layer(&[], &["nodes"], &["web_*"]) };
        assert_eq!(left(&[profile(Profile::Minimal)]), ["nodes", "session_status"]);
        let coding = ["read", "write", "edit", "exec", "process", "nodes", "session_status"];
        assert_eq!(left(&[profile(Profile::Coding)]), coding);
        assert_eq!(left(&[profile(Profile::Messaging)]), ["nodes", "session_status"]);
    }

    ///
    #[test]
    fn the_config_is_the_first_layer() {
        let tools = config::Tools {
            profile: Some(config::ToolProfile::Coding),
            deny: vec!["group:web".into()],
            ..config::Tools::default()
        };
        let expected = ["read", "write", "edit", "exec", "process", "session_status"];
        assert_eq!(left(&[Layer::from(&tools)]), expected);
    }

    ///
    #[test]
    fn an_allowlist_of_unknown_names_warns_and_disables_nothing() {
        let permitted = permit(TOOLS, &[layer(&["raed", "wirte"], &[], &[])]);
        assert_eq!(permitted.tools, TOOLS);
        assert_eq!(permitted.unknown, ["raed", "wirte"]);
        let known_elsewhere = permit(TOOLS, &[layer(&["canvas"], &[], &[])]);
        assert_eq!((known_elsewhere.tools.len(), known_elsewhere.unknown.len()), (0, 0));
    }
}

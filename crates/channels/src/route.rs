//! Which agent and which conversation a message belongs to (A-2.2 to, C-7.7). Pure.

use config::{Binding, DmScope, GroupScope, PeerMatch, Session, SessionScope};
use wire::{AgentId, SessionKey};

use crate::{ChatKind, Event};

/// The account of a binding that names none.
const DEFAULT_ACCOUNT: &str = "default";
const ANY: &str = "*";

/// Where a message came from.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    /// The channel.
    pub channel: &'a str,
    /// The account of ours.
    pub account: &'a str,
    /// The message.
    pub event: &'a Event,
    /// The agent that the config names for the very group or topic.
    pub agent: Option<&'a str>,
}

/// Where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// The agent.
    pub agent: AgentId,
    /// The conversation.
    pub key: SessionKey,
    /// What kind of reset holds for it.
    pub kind: Conversation,
}

/// The kinds of conversations that `session.resetByType` tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the config")]
pub enum Conversation {
    Direct,
    Group,
    Thread,
}

impl Conversation {
    /// The word in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
            Self::Thread => "thread",
        }
    }
}

/// Finds both. `known` says whether the config has an agent of that id; a binding to one it does not have does not count.
pub fn route(
    session: &Session,
    bindings: &[Binding],
    default: &AgentId,
    known: &dyn Fn(&AgentId) -> bool,
    from: From<'_>,
) -> Routed {
    let bound = bound(bindings, known, from);
    let own = from.agent.map(AgentId::fold).filter(|agent| known(agent));
    let agent = own.or_else(|| bound.map(|binding| AgentId::fold(&binding.agent_id)));
    let agent = agent.unwrap_or_else(|| default.clone());
    let scopes = bound.and_then(|binding| binding.session.as_ref());
    let dm = scopes.and_then(|scopes| scopes.dm_scope).unwrap_or(session.dm_scope);
    let group = scopes.and_then(|scopes| scopes.group_scope).unwrap_or(session.group_scope);
    let rest = rest(session, dm, group, from);
    let kind = match (from.event.chat.kind, &from.event.thread_id) {
        (ChatKind::Direct, _) => Conversation::Direct,
        (_, Some(_)) => Conversation::Thread,
        (_, None) => Conversation::Group,
    };
    let key = SessionKey::canonical(&format!("agent:{agent}:{rest}"), &agent, &session.main_key);
    Routed { agent, key, kind }
}

/// The key as January spelt it, for a conversation that began then.
pub fn older_spelling(key: &SessionKey) -> Option<SessionKey> {
    let older = key.as_str().replacen(":direct:", ":dm:", 1);
    (older != key.as_str()).then(|| SessionKey::from_store(older))
}

fn rest(session: &Session, dm: DmScope, group: GroupScope, from: From<'_>) -> String {
    let (channel, event) = (from.channel, from.event);
    if session.scope == SessionScope::Global {
        return "global".into();
    }
    let main = session.main_key.as_str();
    let chat = event.chat.id.as_str();
    match event.chat.kind {
        ChatKind::Direct => {
            let peer = event.sender.as_ref().map_or(chat, |sender| sender.id.as_str());
            let peer = linked(session, channel, peer);
            let thread = event.thread_id.as_ref().filter(|_| event.chat.has_topics);
            match (dm, thread) {
                (DmScope::Main, None) => main.to_owned(),
                // Under one name two people's topics of the same number would meet.
                (DmScope::Main, Some(thread)) => format!("{main}:thread:{chat}:{thread}"),
                (_, None) => direct(dm, from, &peer),
                (_, Some(thread)) => format!("{}:thread:{thread}", direct(dm, from, &peer)),
            }
        }
        ChatKind::Group | ChatKind::Channel if group == GroupScope::Main => main.to_owned(),
        ChatKind::Group | ChatKind::Channel => {
            let base = format!("{channel}:{}:{chat}", event.chat.kind.as_str());
            match &event.thread_id {
                Some(thread) => format!("{base}:topic:{thread}"),
                None => base,
            }
        }
    }
}

fn direct(scope: DmScope, from: From<'_>, peer: &str) -> String {
    match scope {
        DmScope::Main | DmScope::PerPeer => format!("direct:{peer}"),
        DmScope::PerChannelPeer => format!("{}:direct:{peer}", from.channel),
        DmScope::PerAccountChannelPeer => format!("{}:{}:direct:{peer}", from.channel, from.account),
    }
}

/// The one name of a person whom the config knows by several ids.
fn linked(session: &Session, channel: &str, peer: &str) -> String {
    let full = format!("{channel}:{peer}");
    let is_them = |id: &String| id.eq_ignore_ascii_case(peer) || id.eq_ignore_ascii_case(&full);
    let link = session.identity_links.iter().find(|(_, ids)| ids.iter().any(is_them));
    link.map_or_else(|| peer.to_owned(), |(name, _)| name.clone())
}

/// The binding that counts: the first of the narrowest tier.
fn bound<'a>(bindings: &'a [Binding], known: &dyn Fn(&AgentId) -> bool, from: From<'_>) -> Option<&'a Binding> {
    let fitting = bindings.iter().filter(|binding| known(&AgentId::fold(&binding.agent_id)));
    fitting.filter_map(|binding| Some((tier(binding, from)?, binding))).min_by_key(|(tier, _)| *tier).map(|(_, b)| b)
}

/// How narrowly a binding fits, 0 the narrowest; `None` when it does not.
fn tier(binding: &Binding, from: From<'_>) -> Option<u8> {
    let wanted = &binding.matches;
    if !wanted.channel.eq_ignore_ascii_case(from.channel) {
        return None;
    }
    let account = wanted.account_id.as_deref().map(str::trim).filter(|account| !account.is_empty());
    let any_account = account == Some(ANY);
    if !any_account && account.unwrap_or(DEFAULT_ACCOUNT) != from.account {
        return None;
    }
    if let Some(peer) = &wanted.peer {
        return peer_tier(peer, from);
    }
    if wanted.guild_id.is_some() || wanted.team_id.is_some() {
        // No channel of ours has them.
        return None;
    }
    Some(if any_account { 4 } else { 3 })
}

fn peer_tier(peer: &PeerMatch, from: From<'_>) -> Option<u8> {
    let event = from.event;
    let fits = match event.chat.kind {
        ChatKind::Direct => matches!(peer.kind.as_str(), "direct" | "dm"),
        kind => peer.kind == kind.as_str() || (kind == ChatKind::Group && peer.kind == "supergroup"),
    };
    if !fits {
        return None;
    }
    let id = match event.chat.kind {
        ChatKind::Direct => event.sender.as_ref().map_or(event.chat.id.as_str(), |sender| sender.id.as_str()),
        ChatKind::Group | ChatKind::Channel => event.chat.id.as_str(),
    };
    let topic = event.thread_id.as_ref().map(|thread| format!("{id}:topic:{thread}"));
    if topic.as_deref() == Some(peer.id.as_str()) {
        return Some(0);
    }
    (peer.id == id).then_some(if topic.is_some() { 1 } else { 0 }).or((peer.id == ANY).then_some(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chat, Sender};
    use serde_json::{Value, json};

    fn event(kind: ChatKind, chat: &str, thread: Option<&str>) -> Event {
        Event {
            chat: Chat { kind, id: chat.into(), has_topics: true, ..Chat::default() },
            thread_id: thread.map(Into::into),
            sender: Some(Sender { id: "5".into(), ..Sender::default() }),
            ..Event::default()
        }
    }

    fn routed(session: Value, bindings: Value, account: &str, event: &Event, agent: Option<&str>) -> String {
        let session: Session = serde_json::from_value(session).unwrap();
        let bindings: Vec<Binding> = serde_json::from_value(bindings).unwrap();
        let known = |agent: &AgentId| ["main", "ops", "family"].contains(&agent.as_str());
        let from = From { channel: "telegram", account, event, agent };
        route(&session, &bindings, &AgentId::main(), &known, from).key.to_string()
    }

    /// C-7.7
    #[test]
    fn the_key_table() {
        let dm = event(ChatKind::Direct, "5", None);
        let dm_topic = event(ChatKind::Direct, "5", Some("9"));
        let group = event(ChatKind::Group, "-100", None);
        let topic = event(ChatKind::Group, "-100", Some("9"));
        let post = event(ChatKind::Channel, "-200", None);
        let links = json!({"dmScope": "per-peer", "identityLinks": {"ann": ["telegram:5", "discord:7"]}});
        let table = [
            (json!({}), &dm, "agent:main:main"),
            (json!({"mainKey": "home"}), &dm, "agent:main:home"),
            (json!({}), &dm_topic, "agent:main:main:thread:5:9"),
            (json!({"dmScope": "per-peer"}), &dm, "agent:main:direct:5"),
            (json!({"dmScope": "per-channel-peer"}), &dm, "agent:main:telegram:direct:5"),
            (json!({"dmScope": "per-account-channel-peer"}), &dm, "agent:main:telegram:work:direct:5"),
            (json!({"dmScope": "per-peer"}), &dm_topic, "agent:main:direct:5:thread:9"),
            (links, &dm, "agent:main:direct:ann"),
            (json!({"identityLinks": {"ann": ["5"]}}), &dm, "agent:main:main"),
            (json!({}), &group, "agent:main:telegram:group:-100"),
            (json!({}), &topic, "agent:main:telegram:group:-100:topic:9"),
            (json!({}), &post, "agent:main:telegram:channel:-200"),
            (json!({"groupScope": "main"}), &topic, "agent:main:main"),
            (json!({"scope": "global"}), &group, "agent:main:global"),
            (json!({"scope": "global"}), &dm, "agent:main:global"),
        ];
        for (session, event, key) in table {
            assert_eq!(routed(session.clone(), json!([]), "work", event, None), key, "{session}");
        }
        let plain = Event { chat: Chat { has_topics: false, ..dm_topic.chat.clone() }, ..dm_topic };
        assert_eq!(routed(json!({}), json!([]), "work", &plain, None), "agent:main:main");
    }

    ///
    #[test]
    fn the_narrowest_binding_wins() {
        let to = |agent: &str, rest: Value| {
            let mut matches = json!({"channel": "telegram"});
            matches.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            json!({"agentId": agent, "match": matches})
        };
        let group = event(ChatKind::Group, "-100", None);
        let topic = event(ChatKind::Group, "-100", Some("9"));
        let dm = event(ChatKind::Direct, "5", None);
        let of = |bindings: Value, account: &str, event: &Event| {
            routed(json!({}), bindings, account, event, None).split(':').nth(1).unwrap().to_owned()
        };
        let account = to("ops", json!({"accountId": "work"}));
        let any = to("family", json!({"accountId": "*"}));
        assert_eq!(of(json!([any.clone(), account.clone()]), "work", &dm), "ops");
        assert_eq!(of(json!([any.clone(), account]), "default", &dm), "family");
        assert_eq!(of(json!([to("ops", json!({}))]), "work", &dm), "main", "no account is the default one");
        let peer =
            |kind: &str, id: &str, agent: &str| to(agent, json!({"accountId": "*", "peer": {"kind": kind, "id": id}}));
        assert_eq!(of(json!([any.clone(), peer("dm", "5", "ops")]), "work", &dm), "ops");
        assert_eq!(of(json!([any.clone(), peer("direct", "6", "ops")]), "work", &dm), "family");
        let both = json!([peer("group", "-100", "family"), peer("group", "-100:topic:9", "ops")]);
        assert_eq!(of(both.clone(), "work", &topic), "ops");
        assert_eq!(of(both, "work", &group), "family");
        assert_eq!(of(json!([peer("group", "-100", "nobody")]), "work", &group), "main", "no such agent");
        let by_topic = routed(json!({}), json!([any]), "work", &topic, Some("ops"));
        assert_eq!(by_topic, "agent:ops:telegram:group:-100:topic:9", "what the topic says comes first");
    }

    ///
    #[test]
    fn a_binding_may_have_scopes_of_its_own() {
        let bindings = json!([{
            "agentId": "ops", "match": {"channel": "telegram"}, "session": {"dmScope": "per-channel-peer"},
        }]);
        let key = routed(json!({}), bindings, "default", &event(ChatKind::Direct, "5", None), None);
        assert_eq!(key, "agent:ops:telegram:direct:5");
        let older = older_spelling(&SessionKey::from_store(key)).unwrap();
        assert_eq!(older.as_str(), "agent:ops:telegram:dm:5");
        assert_eq!(older_spelling(&older), None);
    }
}

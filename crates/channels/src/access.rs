//! Who may talk to an account (C-5). Only the vendor's ids count; names and handles are what strangers choose.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{ChatKind, Event};

/// Everybody, in a list of ids.
const ANYONE: &str = "*";

/// Who may talk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Access {
    /// In direct chats.
    pub direct: DirectPolicy,
    /// Ids that may, in direct chats; `*` for everybody.
    pub allow: Vec<String>,
    /// In groups.
    pub group: GroupPolicy,
    /// Ids that may, in groups; `allow` when absent (C-5.6).
    pub group_allow: Option<Vec<String>>,
    /// The groups by id, `*` for any; `None` when the config has none (C-5.6).
    pub groups: Option<BTreeMap<String, Group>>,
}

/// Who may talk in direct chats (C-5.1, C-5.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DirectPolicy {
    /// Whom an owner lets in by a code.
    #[default]
    Pairing,
    /// Whom the config names.
    Allowlist,
    /// Everybody.
    Open,
    /// Nobody.
    Disabled,
}

/// Who may talk in groups (C-5.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the config")]
pub enum GroupPolicy {
    Open,
    #[default]
    Allowlist,
    Disabled,
}

/// What holds in a group or topic; absent is what holds around it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Whether it is heard at all.
    pub enabled: Option<bool>,
    /// Whether we must be spoken to (C-6.1).
    pub require_mention: Option<bool>,
    /// Who may talk here.
    pub policy: Option<GroupPolicy>,
    /// Ids that may.
    pub allow: Option<Vec<String>>,
    /// The agent that answers here.
    pub agent: Option<String>,
    /// Added to the prompt of turns here.
    pub system_prompt: Option<String>,
    /// The tool policy here, as the config writes it.
    pub tools: Option<Value>,
    /// The same by sender.
    pub tools_by_sender: Option<Value>,
    /// The topics, `*` for any.
    pub topics: BTreeMap<String, Self>,
}

/// What is done with somebody who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They may talk.
    Heard,
    /// A stranger: they may ask an owner to be let in (C-5.1).
    Stranger,
    /// They are not heard, for this reason; it is for the log only.
    Ignored(&'static str),
}

/// How an id is written in a list, without the prefixes people put before it; a channel's own [`crate::Channel::peer`].
pub type Normal<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Access {
    /// Whether the sender of `event` may talk there. `paired` says whether an owner let them in by a code, which counts in
    /// direct chats only (C-5.5).
    pub fn judge(&self, event: &Event, paired: bool, normal: Normal<'_>) -> Verdict {
        match event.chat.kind {
            ChatKind::Direct => self.judge_direct(event, paired, normal),
            ChatKind::Group | ChatKind::Channel => self.judge_group(event, normal),
        }
    }

    fn judge_direct(&self, event: &Event, paired: bool, normal: Normal<'_>) -> Verdict {
        let Some(sender) = &event.sender else { return Verdict::Ignored("nobody wrote it") };
        let named = lists(&self.allow, &sender.id, normal);
        match self.direct {
            DirectPolicy::Disabled => Verdict::Ignored("direct chats are off"),
            _ if sender.is_bot && !named => Verdict::Ignored("a program that is not listed"),
            DirectPolicy::Open | DirectPolicy::Pairing | DirectPolicy::Allowlist if named => Verdict::Heard,
            DirectPolicy::Open if self.allow.iter().any(|entry| entry == ANYONE) => Verdict::Heard,
            DirectPolicy::Open | DirectPolicy::Allowlist => Verdict::Ignored("not on the list"),
            DirectPolicy::Pairing if paired || self.allow.iter().any(|entry| entry == ANYONE) => Verdict::Heard,
            DirectPolicy::Pairing => Verdict::Stranger,
        }
    }

    fn judge_group(&self, event: &Event, normal: Normal<'_>) -> Verdict {
        if self.groups.is_none() && self.group != GroupPolicy::Open {
            return Verdict::Ignored("no groups are configured");
        }
        let Some(place) = self.place(event) else { return Verdict::Ignored("the group is not configured") };
        if place.find(|group| group.enabled) == Some(false) {
            return Verdict::Ignored("the group is switched off");
        }
        let policy = place.find(|group| group.policy).unwrap_or(self.group);
        if policy == GroupPolicy::Disabled {
            return Verdict::Ignored("groups are off");
        }
        let Some(sender) = &event.sender else { return Verdict::Ignored("nobody wrote it") };
        let own = place.find(|group| group.allow.as_ref());
        let list = own.or(self.group_allow.as_ref()).unwrap_or(&self.allow);
        let named = lists(list, &sender.id, normal);
        // What writes in a chat's name, or is a program, is let in by its own id only (C-5.7).
        if sender.is_bot || sender.is_anonymous {
            return if named { Verdict::Heard } else { Verdict::Ignored("no person, and not listed") };
        }
        match policy {
            GroupPolicy::Open => Verdict::Heard,
            _ if named || list.iter().any(|entry| entry == ANYONE) => Verdict::Heard,
            _ => Verdict::Ignored("not on the group's list"),
        }
    }

    /// Whether the config names the sender for this chat, `*` not counted; who is named may give commands.
    pub fn names(&self, event: &Event, normal: Normal<'_>) -> bool {
        let Some(sender) = &event.sender else { return false };
        let own = self.place(event).and_then(|place| place.find(|group| group.allow.as_ref()));
        let list = match event.chat.kind {
            ChatKind::Direct => &self.allow,
            ChatKind::Group | ChatKind::Channel => own.or(self.group_allow.as_ref()).unwrap_or(&self.allow),
        };
        lists(list, &sender.id, normal)
    }

    /// What the config says of the chat and topic of `event`; `None` when it lists groups and this is none of them.
    pub fn place(&self, event: &Event) -> Option<Place<'_>> {
        // What holds for any group holds for no direct chat.
        let groups = self.groups.as_ref().filter(|_| event.chat.kind != ChatKind::Direct);
        let Some(groups) = groups else { return Some(Place(Vec::new())) };
        let around = [groups.get(&event.chat.id), groups.get(ANYONE)];
        if around.iter().all(Option::is_none) {
            return None;
        }
        let topic = event.thread_id.as_deref();
        let mut layers = Vec::new();
        for group in around.into_iter().flatten() {
            layers.extend(topic.and_then(|topic| group.topics.get(topic)));
            layers.extend(topic.and_then(|_| group.topics.get(ANYONE)));
            layers.push(group);
        }
        Some(Place(layers))
    }
}

/// What holds in one place, the narrowest first: topic, group, any group (C-6.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'a>(Vec<&'a Group>);

impl<'a> Place<'a> {
    /// The narrowest place's word.
    pub fn find<T>(&self, word: impl Fn(&'a Group) -> Option<T>) -> Option<T> {
        self.0.iter().copied().find_map(word)
    }

    /// The narrowest tool policy for `sender`: one for the sender comes before one for everybody.
    pub fn tools(&self, sender: &str, normal: Normal<'_>) -> Option<&'a Value> {
        let own = |group: &'a Group| {
            let by_sender = group.tools_by_sender.as_ref()?.as_object()?;
            let mine = by_sender.iter().find(|(key, _)| is_id(key, sender, normal)).map(|(_, policy)| policy);
            mine.or_else(|| by_sender.get(ANYONE))
        };
        self.find(|group| own(group).or(group.tools.as_ref()))
    }

    /// What the prompt is told here, the widest place first.
    pub fn prompts(&self) -> Vec<&'a str> {
        self.0.iter().rev().filter_map(|group| group.system_prompt.as_deref()).collect()
    }
}

/// Whether `list` names `id`; `*` is nobody in particular.
pub fn lists(list: &[String], id: &str, normal: Normal<'_>) -> bool {
    list.iter().any(|entry| is_id(entry, id, normal))
}

fn is_id(entry: &str, id: &str, normal: Normal<'_>) -> bool {
    let entry = entry.trim();
    let entry = entry.strip_prefix("id:").unwrap_or(entry);
    entry != ANYONE && (entry == id || normal(entry).is_some_and(|normal| normal == id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chat, Sender};

    fn normal(entry: &str) -> Option<String> {
        let entry = entry.strip_prefix("telegram:").unwrap_or(entry);
        entry.parse::<i64>().ok().map(|id| id.to_string())
    }

    fn from(kind: ChatKind, id: &str) -> Event {
        Event {
            chat: Chat { kind, id: "-100".into(), ..Chat::default() },
            sender: Some(Sender { id: id.into(), ..Sender::default() }),
            ..Event::default()
        }
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn groups(all: &[(&str, Group)]) -> Option<BTreeMap<String, Group>> {
        Some(all.iter().map(|(id, group)| ((*id).to_owned(), group.clone())).collect())
    }

    const NOT: fn(&Verdict) -> bool = |verdict| matches!(verdict, Verdict::Ignored(_));

    /// C-5.1, C-5.4, C-5.5
    #[test]
    fn direct_chats_by_policy() {
        use DirectPolicy::{Allowlist, Disabled, Open, Pairing};
        let (heard, asks) = (Some(Verdict::Heard), Some(Verdict::Stranger));
        // policy, list, paired, verdict (`None` is ignored)
        let table: &[(DirectPolicy, &[&str], bool, Option<Verdict>)] = &[
            (Pairing, &[], false, asks),
            (Pairing, &[], true, heard),
            (Pairing, &["telegram:5"], false, heard),
            (Pairing, &["6"], false, asks),
            (Allowlist, &["5"], false, heard),
            (Allowlist, &["6"], false, None),
            (Allowlist, &["6"], true, None),
            (Allowlist, &["*"], false, None),
            (Open, &["*"], false, heard),
            (Open, &[], false, None),
            (Open, &["5"], false, heard),
            (Disabled, &["5", "*"], true, None),
        ];
        for (direct, allow, paired, expected) in table {
            let access = Access { direct: *direct, allow: ids(allow), ..Access::default() };
            let verdict = access.judge(&from(ChatKind::Direct, "5"), *paired, &normal);
            match expected {
                Some(expected) => assert_eq!(verdict, *expected, "{direct:?} {allow:?}"),
                None => assert!(NOT(&verdict), "{direct:?} {allow:?}: {verdict:?}"),
            }
        }
    }

    /// C-5.6, C-5.7, C-5.8
    #[test]
    fn groups_by_policy() {
        use GroupPolicy::{Allowlist, Disabled, Open};
        let any = || groups(&[("*", Group::default())]);
        let this = |group: Group| groups(&[("-100", group)]);
        let off = Group { enabled: Some(false), ..Group::default() };
        let own = Group { allow: Some(ids(&["9"])), ..Group::default() };
        let open = Group { policy: Some(Open), ..Group::default() };
        // policy, groups, groupAllowFrom, allowFrom, heard
        type Row = (GroupPolicy, Option<BTreeMap<String, Group>>, Option<Vec<String>>, Vec<String>, bool);
        let table: Vec<Row> = vec![
            (Allowlist, None, None, ids(&["5"]), false),
            (Open, None, None, ids(&[]), true),
            (Open, groups(&[("-7", Group::default())]), None, ids(&["5"]), false),
            (Open, any(), None, ids(&[]), true),
            (Allowlist, any(), None, ids(&["5"]), true),
            (Allowlist, any(), None, ids(&["6"]), false),
            (Allowlist, any(), Some(ids(&["6"])), ids(&["5"]), false),
            (Allowlist, any(), Some(ids(&["*"])), ids(&[]), true),
            (Allowlist, this(own), None, ids(&["5"]), false),
            (Allowlist, this(open), None, ids(&[]), true),
            (Disabled, any(), None, ids(&["5"]), false),
            (Open, this(off), None, ids(&["5"]), false),
        ];
        for (number, (group, groups, group_allow, allow, heard)) in table.into_iter().enumerate() {
            let access = Access { group, groups, group_allow, allow, ..Access::default() };
            // A pairing approval never counts here.
            let verdict = access.judge(&from(ChatKind::Group, "5"), true, &normal);
            assert_eq!(verdict == Verdict::Heard, heard, "row {number}: {verdict:?}");
        }
    }

    /// C-5.7
    #[test]
    fn programs_and_anonymous_admins_are_heard_only_by_their_own_id() {
        let access = |allow: &[&str]| Access {
            group: GroupPolicy::Open,
            group_allow: Some(ids(allow)),
            groups: groups(&[("*", Group::default())]),
            ..Access::default()
        };
        let mut event = from(ChatKind::Group, "5");
        for (is_bot, is_anonymous) in [(true, false), (false, true)] {
            event.sender = Some(Sender { id: "5".into(), is_bot, is_anonymous, ..Sender::default() });
            assert!(NOT(&access(&["*"]).judge(&event, false, &normal)));
            assert_eq!(access(&["5"]).judge(&event, false, &normal), Verdict::Heard);
        }
        event.sender = None;
        assert!(NOT(&access(&["*"]).judge(&event, false, &normal)));
    }

    /// C-6.1, A-9.1
    #[test]
    fn the_narrowest_place_has_the_word() {
        let topic = Group { agent: Some("ops".into()), ..Group::default() };
        let group = Group {
            require_mention: Some(false),
            tools_by_sender: Some(serde_json::json!({"id:5": {"allow": ["read"]}, "*": {"deny": ["*"]}})),
            topics: [("3".to_owned(), topic)].into(),
            ..Group::default()
        };
        let wide = Group { require_mention: Some(true), tools: Some(Value::Null), ..Group::default() };
        let access = Access { groups: groups(&[("-100", group), ("*", wide)]), ..Access::default() };
        let mut event = from(ChatKind::Group, "5");
        event.thread_id = Some("3".into());
        let place = access.place(&event).unwrap();
        assert_eq!(place.find(|group| group.agent.as_deref()), Some("ops"));
        assert_eq!(place.find(|group| group.require_mention), Some(false));
        assert_eq!(place.tools("5", &normal).unwrap()["allow"][0], "read");
        assert_eq!(place.tools("6", &normal).unwrap()["deny"][0], "*");
        let direct = from(ChatKind::Direct, "5");
        assert_eq!(access.place(&direct).unwrap().find(|group| group.require_mention), None);
        event.chat.id = "-200".into();
        assert_eq!(access.place(&event).unwrap().find(|group| group.require_mention), Some(true));
    }
}

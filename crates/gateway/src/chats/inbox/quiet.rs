//! What happens in a chat and begins no run: edits, reactions, comings and goings, votes, chats that move (C-5.9, C-7.6,
//! C-10.4). The next turn is told of them.

use channels::access::Verdict;
use channels::{ChatKind, Notify};
use config::edit::Change;
use serde_json::{Map, Value, json};
use store::StoreError;

use super::super::owners;
use super::context;
use super::scene::Scene;

/// A message says something else now: what is kept of it does too. A turn that has read it stays as it was.
pub(super) async fn edit(scene: &Scene<'_>) -> Result<(), StoreError> {
    if let Some(message) = &scene.event.message_id {
        let (channel, account, lane) = (scene.live.channel.id(), &scene.live.account.id, scene.event.lane());
        let known = scene.services.store.chat_message(channel, account, &lane, message).await?;
        if let Some(mut known) = known {
            known.body = context::kept(&scene.event);
            scene.services.store.keep_chat_message(channel, account, &lane, known).await?;
        }
    }
    scene.done().await
}

/// Somebody reacted to a message.
pub(super) async fn reaction(scene: &Scene<'_>, emoji: &[String]) -> Result<(), StoreError> {
    let message = scene.event.message_id.clone().unwrap_or_default();
    let (channel, account, lane) = (scene.live.channel.id(), &scene.live.account.id, scene.event.lane());
    let wanted = match scene.live.account.style.reactions {
        Notify::Off => false,
        Notify::All => true,
        // What others wrote is kept; what is not kept is ours.
        Notify::Own => scene.services.store.chat_message(channel, account, &lane, &message).await?.is_none(),
    };
    if wanted {
        let what = match emoji {
            [] => "took a reaction back from".to_owned(),
            some => format!("reacted with {} to", some.join(" ")),
        };
        let about = format!("reaction:{channel}:{lane}:{message}:{}", scene.sender_id());
        return note(scene, &about, &format!("{what} message {message}")).await;
    }
    scene.done().await
}

/// Our account came to a group or left it.
pub(super) async fn member(scene: &Scene<'_>, present: bool) -> Result<(), StoreError> {
    let (chat, what) = (&scene.event.chat.id, if present { "came into" } else { "was taken out of" });
    tracing::info!(channel = scene.live.channel.id(), chat, present, "our account {what} a chat");
    if scene.event.chat.kind == ChatKind::Direct || scene.row.is_none() {
        return scene.done().await;
    }
    let session = &scene.session;
    scene.services.store.note_event(session, &format!("member:{chat}"), &format!("You {what} this chat.")).await?;
    scene.done().await
}

/// Somebody voted in a poll.
pub(super) async fn vote(scene: &Scene<'_>, poll: &str, options: &[u32]) -> Result<(), StoreError> {
    let about = format!("vote:{poll}:{}", scene.sender_id());
    let chosen: Vec<String> = options.iter().map(|option| (option + 1).to_string()).collect();
    let what = match chosen.is_empty() {
        true => format!("took their vote in poll {poll} back"),
        false => format!("voted for option {} in poll {poll}", chosen.join(", ")),
    };
    note(scene, &about, &what).await
}

/// Tells the next turn, if the one who did it may talk and there is a conversation to tell.
async fn note(scene: &Scene<'_>, about: &str, what: &str) -> Result<(), StoreError> {
    if scene.row.is_some() && scene.judge() == Verdict::Heard {
        let who = scene.event.sender.as_ref().map(context::called).unwrap_or_default();
        let text = format!("{who} ({}:{}) {what}", scene.live.channel.id(), scene.sender_id());
        scene.services.store.note_event(&scene.session, about, &text).await?;
    }
    scene.done().await
}

/// The chat has another id from now on: what the config says of it goes along, where the channel may write (C-5.9).
pub(super) async fn moved(scene: &Scene<'_>, to: &str) -> Result<(), String> {
    let (channel, account, from) = (scene.live.channel.id(), &scene.live.account, scene.event.chat.id.as_str());
    let source = &scene.services.config.loaded().source;
    if let Some(patch) = moved_patch(source, channel, &account.id, from, to) {
        if account.style.config_writes {
            owners::change(scene.services, Change::MergePatch(patch)).await?;
            tracing::info!(channel, from, to, "a group moved, and its entry in the config with it");
        } else {
            tracing::warn!(channel, from, to, "a group moved; write its new id into the config");
        }
    }
    scene.done().await.map_err(|error| error.to_string())
}

/// Renames the group wherever the config has it; `None` when it has it nowhere, or under the new id already.
fn moved_patch(source: &Value, channel: &str, account: &str, from: &str, to: &str) -> Option<Value> {
    let renamed = |groups: &Value| {
        let group = groups.get(from)?;
        groups.get(to).is_none().then(|| json!({ from: null, to: group }))
    };
    let section = source.get("channels")?.get(channel)?;
    let own = section.get("accounts").and_then(|all| all.get(account)).and_then(|own| own.get("groups"));
    let mut patch = Map::new();
    if let Some(groups) = section.get("groups").and_then(renamed) {
        patch.insert("groups".into(), groups);
    }
    if let Some(groups) = own.and_then(renamed) {
        patch.insert("accounts".into(), json!({ account: {"groups": groups} }));
    }
    (!patch.is_empty()).then(|| json!({"channels": { channel: patch }}))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-5.9
    #[test]
    fn a_group_that_moved_is_renamed_where_it_stands() {
        let source = json!({"channels": {"telegram": {
            "groups": {"-1": {"requireMention": false}, "-5": {}},
            "accounts": {"work": {"groups": {"-1": {"enabled": true}}}},
        }}});
        assert_eq!(
            moved_patch(&source, "telegram", "work", "-1", "-100"),
            Some(json!({"channels": {"telegram": {
                "groups": {"-1": null, "-100": {"requireMention": false}},
                "accounts": {"work": {"groups": {"-1": null, "-100": {"enabled": true}}}},
            }}}))
        );
        assert_eq!(moved_patch(&source, "telegram", "default", "-9", "-100"), None);
        assert_eq!(moved_patch(&source, "telegram", "default", "-1", "-5"), None, "nothing is written over");
        assert_eq!(moved_patch(&json!({}), "telegram", "default", "-1", "-2"), None);
    }
}

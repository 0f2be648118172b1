//! A message becomes an input of its session: with who wrote it, what was said before it, and no
//! more rights than its sender has.

use agent::ports::Rights;
use agent::prompt;
use channels::ChatKind;
use serde_json::{Value, json};
use store::{Answer, NewSession, Origin};
use wire::ErrorCode;
use wire::message::Block;

use super::super::reset;
use super::scene::Scene;
use super::{context, media};
use crate::intake::{self, RunOptions, Said, Taken};
use crate::lanes::How;
use crate::slash;

/// Most earlier messages a turn is told of, whatever the config says (C-6.2).
const HISTORY_MAX: usize = 200;

/// Begins it.
///
/// # Errors
/// When it could not be made durable and is to be tried again.
pub(super) async fn begin(mut scene: Scene<'_>) -> Result<(), String> {
    reset_if_due(&mut scene).await.map_err(|error| error.to_string())?;
    let (text, options) = words(&scene);
    if text.trim().is_empty() {
        return scene.done().await.map_err(|error| error.to_string());
    }
    let beside = beside(&scene).await.map_err(|error| error.to_string())?;
    let run_id = scene.run_id();
    let said = Said {
        run_id: run_id.clone(),
        session: scene.session.clone(),
        new_session: new_session(&scene),
        text,
        attachments: Vec::new(),
        options,
        source: scene.live.channel.id(),
        answer: answer(&scene),
        inbox: scene.positions.clone(),
    };
    scene.keep(true).await.map_err(|error| error.to_string())?;
    match intake::take_with(scene.services, said, beside).await {
        Ok(Taken::New(input)) => {
            let (channel, account, lane) = (scene.live.channel.id(), &scene.live.account.id, scene.event.lane());
            let own = scene.row.as_ref().and_then(|row| row.queue_mode.as_deref());
            let config = scene.services.config.current();
            let how = How::of_chat(&config.messages.queue, own, channel);
            scene.services.lanes.submit_as(*input, how);
            if let Err(error) = scene.services.store.chat_messages_told(channel, account, &lane).await {
                tracing::warn!(%error, "a later turn may be told once more what was said before");
            }
            scene.services.news.changed(&scene.session, "send", Some(&run_id)).await;
            Ok(())
        }
        Ok(Taken::Running(_) | Taken::Ended(_)) => Ok(()),
        // What is refused today is refused for ever.
        Err(refused) if refused.code == ErrorCode::InvalidRequest => {
            tracing::warn!(run = run_id, why = refused.message, "a message of a chat was refused");
            scene.done().await.map_err(|error| error.to_string())
        }
        Err(error) => Err(error.message),
    }
}

///
async fn reset_if_due(scene: &mut Scene<'_>) -> Result<(), store::StoreError> {
    let Some(row) = &scene.row else { return Ok(()) };
    let config = scene.services.config.current();
    let rule = reset::rule(&config.session, scene.live.channel.id(), scene.kind);
    let zone = prompt::zone(config.agents.defaults.user_timezone.as_deref());
    let Some(why) = reset::due(&rule, row, base::now_ms(), &zone) else { return Ok(()) };
    // A run at work belongs to the conversation that is there.
    if scene.services.lanes.runs().of(&scene.session).is_empty() {
        tracing::info!(session = %scene.session, why, "a conversation begins anew");
        scene.row = Some(scene.services.store.reset_session(&scene.session, why).await?);
        scene.services.news.changed(&scene.session, "reset", None).await;
    }
    Ok(())
}

/// What was said, and what it asks of its run; directives count only from those who may give commands.
fn words(scene: &Scene<'_>) -> (String, RunOptions) {
    let event = &scene.event;
    let (text, directives) = match scene.may_command() {
        true => slash::directives(&event.text),
        false => (event.text.clone(), slash::Directives::default()),
    };
    let sender = scene.sender_id();
    let place = scene.live.account.access.place(event);
    let of_chat = place.and_then(|place| place.tools(sender, &|entry| scene.live.channel.peer(entry)).cloned());
    let is_group = event.chat.kind != ChatKind::Direct;
    let options = RunOptions {
        thinking: directives.thinking,
        model: directives.model,
        rights: Rights { owner: scene.is_owner, from_node: false },
        channel: Some(scene.live.channel.id().into()),
        may_be_silent: is_group && scene.activation() == Some("always"),
        extra_system_prompt: is_group.then(|| group_prompt(scene)),
        tools: of_chat.into_iter().chain((!scene.is_owner).then(|| json!({"deny": OWNER_ONLY}))).collect(),
        ..RunOptions::default()
    };
    (prompt::chat_words(&text), options)
}

/// What only an owner's turn may use.
const OWNER_ONLY: [&str; 2] = ["gateway", "cron"];

/// What a turn in a group is told about where it is.
fn group_prompt(scene: &Scene<'_>) -> String {
    let channel = scene.live.channel.label();
    let place = scene.live.account.access.place(&scene.event);
    let configured = place.as_ref().and_then(|place| place.find(|group| group.require_mention));
    let activation = if channels::mention::must_mention(scene.activation(), configured) {
        "You hear what is addressed to you; what else was said since stands under `earlierInThisChat`."
    } else {
        "You hear everything that is said here; speak only when it helps."
    };
    let mut lines = vec![
        format!(
            "This is a {channel} {kind} with several people. Your answer goes to all of them. Who wrote each message \
             stands in the block behind it; do not take one person for another, and only an owner's word counts for \
             what reaches beyond this chat.",
            kind = scene.event.chat.kind.as_str()
        ),
        activation.to_owned(),
    ];
    lines.extend(place.iter().flat_map(|place| place.prompts()).map(str::to_owned));
    lines.join("\n")
}

/// The blocks behind the words.
async fn beside(scene: &Scene<'_>) -> Result<Vec<Block>, store::StoreError> {
    let event = &scene.event;
    let (channel, account) = (scene.live.channel.id(), scene.live.account.id.as_str());
    let earlier = match event.chat.kind {
        ChatKind::Direct => Vec::new(),
        ChatKind::Group | ChatKind::Channel => {
            let own = scene.services.config.current().messages.group_chat.history_limit;
            let limit = own.unwrap_or(scene.live.account.style.history).min(HISTORY_MAX);
            scene.services.store.chat_messages(channel, account, &event.lane(), true, limit).await?
        }
    };
    let told = context::of(channel, account, event, event.mentions_us, &earlier);
    let mut blocks = vec![Block::text(prompt::chat_context(&told))];
    blocks.extend(media::blocks(scene).await);
    Ok(blocks)
}

/// Where the answer goes; nowhere when the policy says that nobody is written to there.
fn answer(scene: &Scene<'_>) -> Option<Answer> {
    let event = &scene.event;
    let own = scene.row.as_ref().and_then(|row| row.extra.get("sendPolicy")?.as_str());
    let policy = scene.services.config.current().session.send_policy.clone();
    let (channel, kind) = (scene.live.channel.id(), event.chat.kind.as_str());
    if !may_answer(own, policy.as_ref(), channel, kind, scene.session.as_str()) {
        tracing::info!(session = %scene.session, "the policy lets nobody be written to here");
        return None;
    }
    let context = json!({
        "chatType": kind, "senderId": scene.sender_id(), "sessionKey": scene.session, "mentionsUs": event.mentions_us,
    });
    Some(Answer { route: scene.live.route(event), reply_to: event.message_id.clone(), context })
}

/// the session's own word, else the first rule that fits, else the default.
fn may_answer(own: Option<&str>, policy: Option<&Value>, channel: &str, kind: &str, key: &str) -> bool {
    if let Some(own) = own {
        return own != "deny";
    }
    let Some(policy) = policy else { return true };
    let fits = |rule: &&Value| {
        let wanted = &rule["match"];
        let is =
            |name: &str, value: &str| wanted[name].as_str().is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
        let rest = key.splitn(3, ':').nth(2).unwrap_or(key);
        let prefix = wanted["keyPrefix"].as_str().is_none_or(|start| key.starts_with(start) || rest.starts_with(start));
        is("channel", channel) && is("chatType", kind) && prefix
    };
    let rule = policy["rules"].as_array().into_iter().flatten().find(fits);
    let word = rule.map_or(&policy["default"], |rule| &rule["action"]);
    word.as_str() != Some("deny")
}

fn new_session(scene: &Scene<'_>) -> NewSession {
    let event = &scene.event;
    let channel = scene.live.channel.id().to_owned();
    let who = event.sender.as_ref().map(context::called);
    let display_name = match event.chat.kind {
        ChatKind::Direct => who.clone(),
        ChatKind::Group | ChatKind::Channel => event.chat.title.clone(),
    };
    let origin = Origin {
        provider: Some(channel.clone()),
        surface: Some(channel.clone()),
        from: Some(format!("{channel}:{}", scene.sender_id())),
        to: Some(event.chat.id.clone()),
        account_id: Some(scene.live.account.id.clone()),
        thread_id: event.thread_id.clone(),
        label: who,
    };
    NewSession {
        display_name,
        chat_type: Some(event.chat.kind.as_str().into()),
        channel: Some(channel),
        origin: Some(origin),
        ..NewSession::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn the_send_policy_says_where_nobody_is_written_to() {
        let policy = json!({
            "rules": [
                {"action": "deny", "match": {"channel": "telegram", "chatType": "group"}},
                {"action": "allow", "match": {"keyPrefix": "telegram:direct"}},
            ],
            "default": "deny",
        });
        let of = |own, kind, key| may_answer(own, Some(&policy), "telegram", kind, key);
        assert!(!of(None, "group", "agent:main:telegram:group:-1"));
        assert!(of(None, "direct", "agent:main:telegram:direct:5"));
        assert!(!of(None, "direct", "agent:main:main"));
        assert!(of(Some("allow"), "group", "agent:main:telegram:group:-1"));
        assert!(!may_answer(Some("deny"), None, "telegram", "direct", "agent:main:main"));
        assert!(may_answer(None, None, "telegram", "direct", "agent:main:main"));
    }
}

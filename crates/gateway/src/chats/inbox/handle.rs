//! What is done about one thing that happened: who may talk is asked first, then whether we are meant (C-1.1).

use std::sync::Arc;

use channels::access::Verdict;
use channels::mention::{self, Patterns};
use channels::merge::{self, Piece};
use channels::{Event, Kind};
use store::StoreError;
use wire::AgentId;

use super::super::pairing;
use super::scene::Scene;
use super::{command, quiet, turn};
use crate::services::Services;

/// Deals with `pieces`, which belong together.
///
/// # Errors
/// When it could not be taken further and is to be tried again.
pub(super) async fn handle(
    services: &Arc<Services>,
    channel: &str,
    account: &str,
    pieces: &[Piece],
) -> Result<(), String> {
    let Some(event) = merge::join(pieces) else { return Ok(()) };
    let positions: Vec<i64> = pieces.iter().map(|(position, _)| *position).collect();
    let Some(live) = services.chats.find(channel, account) else {
        return away(services, channel, account, positions).await;
    };
    let scene = Scene::of(services, live, event, positions).await.map_err(text)?;
    match scene.event.kind.clone() {
        Kind::Message => message(scene).await,
        Kind::Button { data } => button(scene, data).await,
        Kind::Edit => quiet::edit(&scene).await.map_err(text),
        Kind::Reaction { emoji } => quiet::reaction(&scene, &emoji).await.map_err(text),
        Kind::Member { present } => quiet::member(&scene, present).await.map_err(text),
        Kind::Vote { poll, options } => quiet::vote(&scene, &poll, &options).await.map_err(text),
        Kind::Moved { to } => quiet::moved(&scene, &to).await,
    }
}

/// The account is not at work: not yet, or the config has it no more.
async fn away(services: &Services, channel: &str, account: &str, positions: Vec<i64>) -> Result<(), String> {
    let config = services.config.current();
    let accounts = channels::find(channel).map(|kind| kind.accounts(&config, services.config.env()));
    if accounts.is_some_and(|accounts| accounts.iter().any(|known| known.id == account)) {
        return Err(format!("the account {account} of {channel} is not there yet"));
    }
    tracing::warn!(channel, account, "what came to an account that is configured no more is left out");
    services.store.arrivals_done(positions).await.map_err(text)
}

async fn message(scene: Scene<'_>) -> Result<(), String> {
    if !is_heard(&scene).await? {
        return Ok(());
    }
    if scene.event.for_another {
        return scene.done().await.map_err(text);
    }
    if let Some(command) = command::of(&scene) {
        return command::run(&scene, command).await;
    }
    if must_mention(&scene) && !is_meant(&scene) {
        scene.keep(false).await.map_err(text)?;
        return scene.done().await.map_err(text);
    }
    turn::begin(scene).await
}

/// Whether the sender may talk here; if not, what that takes is done.
async fn is_heard(scene: &Scene<'_>) -> Result<bool, String> {
    match scene.judge() {
        Verdict::Heard => Ok(true),
        Verdict::Stranger => {
            pairing::ask(scene.services, &scene.live, &scene.event, scene.positions.clone()).await.map_err(text)?;
            Ok(false)
        }
        Verdict::Ignored(why) => {
            let (chat, sender) = (&scene.event.chat.id, scene.sender_id());
            tracing::info!(channel = scene.live.channel.id(), chat, sender, why, "a message was not heard");
            scene.done().await.map_err(text)?;
            Ok(false)
        }
    }
}

/// C-6.1: whether a message has to speak to us here.
fn must_mention(scene: &Scene<'_>) -> bool {
    let place = scene.live.account.access.place(&scene.event);
    let configured = place.and_then(|place| place.find(|group| group.require_mention));
    mention::must_mention(scene.activation(), configured)
}

fn is_meant(scene: &Scene<'_>) -> bool {
    mention::mentions_us(&scene.event, &patterns(scene.services, &scene.agent))
}

/// What counts as the agent's name: its own patterns, those for all, or else its name.
fn patterns(services: &Services, agent: &AgentId) -> Patterns {
    let config = services.config.current();
    let entry = services.agents.entry(agent);
    let own = entry.as_ref().map(|entry| &entry.group_chat.mention_patterns).filter(|own| !own.is_empty());
    let written = own.unwrap_or(&config.messages.group_chat.mention_patterns);
    if written.is_empty() {
        let name = entry.as_ref().and_then(|entry| entry.identity.as_ref()?.name.as_deref());
        return name.map(Patterns::of_name).unwrap_or_default();
    }
    let (patterns, wrong) = Patterns::new(written.iter().map(String::as_str));
    if !wrong.is_empty() {
        tracing::warn!(patterns = ?wrong, %agent, "a mention pattern is no regular expression and does not count");
    }
    patterns
}

/// A button: one that stands for a command is that command, given by whoever presses it (`/approve <id> deny` fits);
/// everything else is told to the agent (C-10.3).
async fn button(mut scene: Scene<'_>, data: String) -> Result<(), String> {
    if !matches!(scene.judge(), Verdict::Heard) {
        return scene.done().await.map_err(text);
    }
    if data.starts_with('/') {
        scene.event.text = data;
        return match command::of(&scene) {
            Some(command) => command::run(&scene, command).await,
            None => scene.done().await.map_err(text),
        };
    }
    scene.event = Event { text: format!("callback_data: {data}"), mentions_us: true, ..scene.event };
    turn::begin(scene).await
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn text(error: StoreError) -> String {
    error.to_string()
}
